//! Publishers: the sites that own polls, the web origins that may embed them, and the API keys that act for them.

mod base_address;
mod event;
mod event_type;
mod key;
mod look;
mod origin;
mod place_event;
mod poll_event;
mod publisher;
mod session;
mod site_event;
mod webhook;

use serde::{Deserialize, Serialize};

pub use base_address::{BaseAddress, OWN_NAMES, below};
pub use event::{Actor, Event, EventId, NewEvent};
pub use event_type::{EventSubject, EventType};
pub use key::{ApiKey, KeyId, NewKey, Scope, Scopes};
pub use look::{BUTTON, Colour, Density, PoorContrast, SiteLook, SiteWords, THANKS};
pub use origin::{ListedOrigin, Origin};
pub use poll_event::DueMove;
pub use publisher::{OtherSite, Publisher};
pub use session::{Grant, Person, Realm, Role, SESSION_SECS, Session, SessionHolder, SessionId};
pub use webhook::{
    Attempt, BodyTemplate, Delivery, DeliveryState, Disabled, MOST_WEBHOOKS, OVERLAP, PLACEHOLDERS, SigningSecret,
    Webhook, WebhookFields, WebhookId, WhyDisabled, sign,
};

use crate::article::{AddressFault, AddressRules, ArticleAddress, ArticleKey, ArticleName};
use crate::poll::{
    Disclosure, IncidentPolicy, PollDefaults, SiteId, Text, TextLimit, TimeZone, Timestamp, WebAddress, WorkPolicy,
};

/// The most origins a site may list.
pub const MAX_ORIGINS: usize = 100;
/// The name of a site or of a key.
pub const NAME: TextLimit = TextLimit { characters: 100, bytes: 1_600 };

/// A publisher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// Who it is.
    pub id: SiteId,
    /// What was last put.
    #[serde(flatten)]
    pub settings: SiteSettings,
    /// When it was first put, by the store's clock.
    pub created_at: Timestamp,
    /// When it was last put, by the store's clock.
    pub updated_at: Timestamp,
}

/// The settings of a site; each put replaces all of them. Records of stores may lack all but its origins.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteSettings {
    /// The web origins that may embed its polls and vote in them; none listed: all may, by token.
    pub origins: Vec<ListedOrigin>,
    /// The time zone in which times are written for its readers, where their own is unknown.
    #[serde(default)]
    pub timezone: TimeZone,
    /// The name by which its readers know it.
    #[serde(default)]
    pub name: Option<Text>,
    /// Its address.
    #[serde(default)]
    pub url: Option<WebAddress>,
    /// How its polls look.
    #[serde(default)]
    pub look: SiteLook,
    /// In which ways it writes the address of one article.
    #[serde(default)]
    pub addresses: AddressRules,
    /// What is told of its polls, unless one says otherwise.
    #[serde(default)]
    pub disclosure: Option<Disclosure>,
    /// What is done about an incident of which there is no doubt.
    #[serde(default)]
    pub incidents: IncidentPolicy,
    /// When its polls ask new voters to prove work.
    #[serde(default)]
    pub proof_of_work: WorkPolicy,
    /// What its new polls are like, unless one says otherwise.
    #[serde(default)]
    pub poll_defaults: PollDefaults,
}

/// Why an address is none of a site's articles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddressRefusal {
    /// What it must be.
    Invalid(AddressFault),
    /// It lies at none of the origins that the site lists.
    Foreign(ArticleAddress),
}

impl Site {
    /// The address of one of its articles in its one form, by its own rules. A site that lists no origins may have
    /// articles anywhere.
    ///
    /// # Errors
    /// Why it is none.
    pub fn article_address(&self, text: &str) -> Result<ArticleAddress, AddressRefusal> {
        let SiteSettings { origins, addresses, .. } = &self.settings;
        let address = ArticleAddress::parse(text, addresses).map_err(AddressRefusal::Invalid)?;
        let is_own = origins.is_empty() || address.origins().iter().any(|origin| self.lists(origin));
        if is_own { Ok(address) } else { Err(AddressRefusal::Foreign(address)) }
    }

    /// One of its articles, by whichever name, while nobody says whether it was announced.
    ///
    /// # Errors
    /// Why it is none.
    pub fn article_key(&self, name: &ArticleName) -> Result<ArticleKey, AddressRefusal> {
        match name {
            ArticleName::Id(id) => Ok(ArticleKey::Id(id.clone())),
            ArticleName::Address(text) => self.article_address(text).map(ArticleKey::Address),
        }
    }

    /// Whether the site lists this origin, or a wildcard that covers it.
    pub fn lists(&self, origin: &str) -> bool {
        self.settings.origins.iter().any(|listed| listed.covers(origin))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_that_an_earlier_version_kept_is_read() {
        let kept = r#"{"id":"news","origins":["https://news.example"],"created_at":"2026-11-23T18:00:00.000Z",
                       "updated_at":"2026-11-23T18:00:00.000Z"}"#;
        let site: Site = serde_json::from_str(kept).unwrap();
        assert!(site.lists("https://news.example"));
        assert_eq!((site.settings.timezone, site.settings.name, site.settings.url), (TimeZone::UTC, None, None));
    }

    #[test]
    fn an_address_is_one_of_a_sites_articles_under_the_origins_that_it_lists() {
        let address = |origins: &[&str], address: &str| {
            let origins = origins.iter().map(|it| it.parse().unwrap()).collect();
            let settings = SiteSettings { origins, ..SiteSettings::default() };
            let (created_at, updated_at) = (Timestamp::EARLIEST, Timestamp::EARLIEST);
            let site = Site { id: SiteId::default(), settings, created_at, updated_at };
            site.article_address(address).ok().map(|address| address.to_string())
        };
        let listed = ["https://news.example", "https://*.news.example:8443"];
        for (asked, expected) in [
            ("http://NEWS.example/a?b=1&utm_source=x#c", Some("https://news.example/a?b=1")),
            ("https://m.news.example:8443/a", Some("https://m.news.example:8443/a")),
            ("https://m.news.example/a", None),
            ("https://news.example.evil.example/", None),
            ("https://evil.example/?https://news.example/", None),
            ("https://news.example@evil.example/", None),
            ("javascript:alert(1)", None),
        ] {
            assert_eq!(address(&listed, asked).as_deref(), expected, "{asked}");
        }
        assert_eq!(address(&[], "https://any.example/a").as_deref(), Some("https://any.example/a"));
    }
}
