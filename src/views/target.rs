//! What was seen: a poll, or an article of a site.

use std::sync::Arc;

use super::ViewError;
use crate::{
    article::{ArticleKey, ArticleName},
    live::PollWithSite,
    poll::{PollId, SiteId},
    site::{AddressRefusal, Site},
};

/// What a reader says they see.
#[derive(Debug, PartialEq, Eq)]
pub enum ViewTarget {
    /// A poll.
    Poll(PollId),
    /// An article of a site.
    Article(SiteId, ArticleName),
}

/// What an article is counted by on its site.
///
/// # Errors
/// [`ViewError::Address`]; [`ViewError::NotOfSite`].
pub(super) fn key_on(site: &Site, name: ArticleName) -> Result<ArticleKey, ViewError> {
    let address = match name {
        ArticleName::Id(id) => return Ok(ArticleKey::Id(id)),
        ArticleName::Address(address) => address,
    };
    site.article_address(&address).map(ArticleKey::Address).map_err(|refusal| match refusal {
        AddressRefusal::Invalid(fault) => ViewError::Address(fault),
        AddressRefusal::Foreign(_) => ViewError::NotOfSite,
    })
}

/// What was seen, found.
pub enum Viewed {
    /// A poll, with its site.
    Poll(Arc<PollWithSite>),
    /// An article.
    Article(Arc<Site>, ArticleKey),
}

impl Viewed {
    /// The site it is of.
    pub fn site(&self) -> &Site {
        match self {
            Self::Poll(known) => &known.site,
            Self::Article(site, _) => site,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{poll::Timestamp, site::SiteSettings};

    fn key(origins: &[&str], address: &str) -> Option<String> {
        let settings =
            SiteSettings { origins: origins.iter().map(|it| it.parse().unwrap()).collect(), ..SiteSettings::default() };
        let (created_at, updated_at) = (Timestamp::EARLIEST, Timestamp::EARLIEST);
        let site = Site { id: SiteId::default(), settings, created_at, updated_at };
        key_on(&site, ArticleName::Address(address.to_owned())).ok().map(|key| key.to_string())
    }

    #[test]
    fn an_address_is_one_of_the_sites() {
        let listed = ["https://news.example", "https://*.news.example:8443"];
        for (address, expected) in [
            ("http://NEWS.example/a?b=1&utm_source=x#c", Some("url:https://news.example/a?b=1")),
            ("https://m.news.example:8443/a", Some("url:https://m.news.example:8443/a")),
            ("https://m.news.example/a", None),
            ("https://news.example.evil.example/", None),
            ("https://evil.example/?https://news.example/", None),
            ("https://news.example@evil.example/", None),
            ("javascript:alert(1)", None),
        ] {
            assert_eq!(key(&listed, address).as_deref(), expected, "{address}");
        }
        assert_eq!(key(&[], "https://any.example/a").as_deref(), Some("url:https://any.example/a"));
    }
}
