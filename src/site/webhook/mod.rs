//! Webhooks: addresses of a site's that are told what happens on it.
//!
//! - [`signature`]: secrets, and how what is sent is signed.
//! - [`body_template`]: a body as its receiver wants it.
//! - [`delivery`]: one event on its way to one webhook.

mod body_template;
mod delivery;
mod event;
mod signature;

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

pub use body_template::{BodyTemplate, PLACEHOLDERS};
pub use delivery::{Attempt, Delivery, DeliveryState};
pub use signature::sign;

use self::signature::new_secret;
use super::EventType;
use crate::{
    poll::{InvalidId, Revision, SiteId, Text, Timestamp, WebAddress},
    secret::{Secret, hex, random_bytes},
};

/// The most webhooks of a site.
pub const MOST_WEBHOOKS: usize = 10;

/// For how long a secret still signs once there is a newer one.
pub const OVERLAP: Duration = Duration::from_hours(24);

/// The most secrets that sign at once.
const MOST_SECRETS: usize = 3;

const ID_LENGTH: usize = 12;

/// A webhook's id: 12 hexadecimal characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WebhookId(String);

impl WebhookId {
    /// A new one.
    pub fn generate() -> Self {
        Self(hex(&random_bytes::<{ ID_LENGTH / 2 }>()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for WebhookId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let is_hex = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if text.len() == ID_LENGTH && is_hex {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId("a webhook's id: 12 characters of 0-9 and a-f"))
        }
    }
}

impl TryFrom<String> for WebhookId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<WebhookId> for String {
    fn from(id: WebhookId) -> Self {
        id.0
    }
}

impl fmt::Display for WebhookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Which it is.
    pub id: WebhookId,
    /// Whose events it is told.
    pub site: SiteId,
    /// Where it is. Some services write their password into it, so only those see it who may make keys.
    pub url: WebAddress,
    /// What editors call it.
    pub name: Option<Text>,
    /// Which events it is told; none listed: all that every reader of the log may see.
    pub types: Vec<EventType>,
    /// What is sent, if it is not the event itself.
    pub body: Option<BodyTemplate>,
    /// What signs, the newest first.
    pub secrets: Vec<SigningSecret>,
    /// Since when and why nothing is sent.
    pub disabled: Option<Disabled>,
    /// How often it was put.
    pub revision: Revision,
    /// When it was made, by the store's clock.
    pub created_at: Timestamp,
    /// When it was last put.
    pub updated_at: Timestamp,
}

/// A secret that signs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "SecretRecord", into = "SecretRecord")]
pub struct SigningSecret {
    pub secret: Secret,
    /// Until when; `None`: until another takes its place.
    pub until: Option<Timestamp>,
}

/// A secret as it is kept: what signs must be known.
#[derive(Serialize, Deserialize)]
struct SecretRecord {
    secret: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
}

impl From<SecretRecord> for SigningSecret {
    fn from(SecretRecord { secret, until }: SecretRecord) -> Self {
        Self { secret: Secret::new(secret), until }
    }
}

impl From<SigningSecret> for SecretRecord {
    fn from(SigningSecret { secret, until }: SigningSecret) -> Self {
        Self { secret: secret.expose().to_owned(), until }
    }
}

/// Since when and why a webhook is sent nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disabled {
    /// Since when.
    pub at: Timestamp,
    /// Why.
    pub why: WhyDisabled,
}

/// Why a webhook is sent nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WhyDisabled {
    /// A publisher wants it so.
    Asked,
    /// Its receiver has answered 410 Gone.
    Gone,
    /// A delivery was given up, and none has succeeded since it was first tried.
    Failing,
}

/// What may be changed of a webhook; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct WebhookFields {
    /// Where it is.
    pub url: Option<WebAddress>,
    /// What editors call it.
    pub name: Option<Option<Text>>,
    /// Which events it is told.
    pub types: Option<Vec<EventType>>,
    /// What is sent.
    pub body: Option<Option<BodyTemplate>>,
    /// Whether anything is sent.
    pub is_enabled: Option<bool>,
}

impl Webhook {
    /// A new webhook with a secret of its own.
    pub fn new(site: SiteId, url: WebAddress, fields: WebhookFields, now: Timestamp) -> Self {
        let hook = Self {
            id: WebhookId::generate(),
            site,
            url,
            name: None,
            types: Vec::new(),
            body: None,
            secrets: vec![SigningSecret { secret: new_secret(), until: None }],
            disabled: None,
            revision: Revision::FIRST,
            created_at: now,
            updated_at: now,
        };
        Self { revision: Revision::FIRST, ..hook.edited(fields, now) }
    }

    /// The webhook with other fields, in the next revision.
    #[must_use]
    pub fn edited(&self, fields: WebhookFields, now: Timestamp) -> Self {
        let WebhookFields { url, name, types, body, is_enabled } = fields;
        let disabled = match is_enabled {
            None => self.disabled,
            Some(true) => None,
            Some(false) => self.disabled.or(Some(Disabled { at: now, why: WhyDisabled::Asked })),
        };
        let mut types = types.unwrap_or_else(|| self.types.clone());
        types.dedup();
        Self {
            url: url.unwrap_or_else(|| self.url.clone()),
            name: name.unwrap_or_else(|| self.name.clone()),
            types,
            body: body.unwrap_or_else(|| self.body.clone()),
            disabled,
            ..self.put(now)
        }
    }

    /// The webhook that is sent nothing from now on.
    #[must_use]
    pub fn disabled(&self, why: WhyDisabled, now: Timestamp) -> Self {
        Self { disabled: Some(Disabled { at: now, why }), ..self.put(now) }
    }

    /// The webhook with a new secret. The one before it still signs for [`OVERLAP`].
    ///
    /// # Errors
    /// Until when there can be no other: as many as may sign do so, each for the time that was promised.
    pub fn rotated(&self, now: Timestamp) -> Result<Self, Timestamp> {
        let former: Vec<_> =
            self.secrets.iter().filter_map(|secret| secret.until).filter(|until| now < *until).collect();
        if former.len() >= MOST_SECRETS - 1
            && let Some(until) = former.into_iter().min()
        {
            return Err(until);
        }
        let overlap = i64::try_from(OVERLAP.as_millis()).unwrap_or(i64::MAX);
        let until = Timestamp::from_millis(now.as_millis().saturating_add(overlap));
        let before = self.secrets.iter().filter(|secret| secret.signs_at(now));
        let before = before.map(|before| SigningSecret { until: before.until.or(Some(until)), ..before.clone() });
        let new = SigningSecret { secret: new_secret(), until: None };
        Ok(Self { secrets: std::iter::once(new).chain(before).collect(), ..self.put(now) })
    }

    fn put(&self, now: Timestamp) -> Self {
        Self { revision: self.revision.next(), updated_at: now, ..self.clone() }
    }

    /// What signs now, the newest first.
    pub fn signing_secrets(&self, now: Timestamp) -> impl Iterator<Item = &Secret> {
        self.secrets.iter().filter(move |secret| secret.signs_at(now)).map(|secret| &secret.secret)
    }

    /// Whether it is told of events of this type. Those that only some may read are told where they are named.
    pub fn is_told(&self, kind: EventType) -> bool {
        if self.types.is_empty() { !kind.needs_keys_scope() } else { self.types.contains(&kind) }
    }
}

impl SigningSecret {
    fn signs_at(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 60 * 60 * 1_000;

    fn hook() -> Webhook {
        let url = "https://example.com/hook".parse().unwrap();
        Webhook::new(SiteId::default(), url, WebhookFields::default(), Timestamp::from_millis(0))
    }

    #[test]
    fn the_secret_before_signs_for_a_day_beside_the_new_one() {
        let hook = hook();
        let rotated = hook.rotated(Timestamp::from_millis(HOUR)).unwrap();
        let signing = |hours: i64| rotated.signing_secrets(Timestamp::from_millis(hours * HOUR)).count();
        assert_eq!((signing(1), signing(24), signing(25)), (2, 2, 1));
        assert_eq!(rotated.secrets[1].secret, hook.secrets[0].secret);
        let again = rotated.rotated(Timestamp::from_millis(2 * HOUR)).unwrap();
        assert_eq!(
            again.secrets.iter().map(|secret| secret.until).collect::<Vec<_>>(),
            [None, Some(Timestamp::from_millis(26 * HOUR)), Some(Timestamp::from_millis(25 * HOUR)),]
        );
        // No secret loses its day to another: the next one waits for it.
        let promised = Timestamp::from_millis(25 * HOUR);
        assert_eq!(again.rotated(Timestamp::from_millis(25 * HOUR - 1)), Err(promised));
        assert_eq!(again.rotated(promised).unwrap().secrets.len(), 3);
        assert_eq!(again.rotated(Timestamp::from_millis(30 * HOUR)).unwrap().secrets.len(), 2);
    }

    #[test]
    fn what_only_some_may_read_is_told_only_where_it_is_named() {
        let hook = hook();
        let told = |hook: &Webhook| EventType::ALL.into_iter().filter(|kind| hook.is_told(*kind)).collect::<Vec<_>>();
        assert!(told(&hook).contains(&EventType::PollOpened));
        assert!(told(&hook).iter().all(|kind| !kind.needs_keys_scope()));
        let types = Some(vec![EventType::KeyCreated]);
        let of_keys = hook.edited(WebhookFields { types, ..WebhookFields::default() }, hook.created_at);
        assert_eq!(told(&of_keys), [EventType::KeyCreated]);
    }

    #[test]
    fn a_webhook_is_kept_with_its_secret_and_printed_without() {
        let hook = hook();
        let kept = serde_json::to_string(&hook).unwrap();
        assert_eq!(serde_json::from_str::<Webhook>(&kept).unwrap(), hook);
        assert!(!format!("{hook:?}").contains(hook.secrets[0].secret.expose()));
    }
}
