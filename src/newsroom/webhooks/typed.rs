//! A webhook as an editor has typed it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    embed::language::Language,
    newsroom::{
        faults,
        texts::{fill, texts_of},
    },
    site::{BodyTemplate, EventType, NAME, PLACEHOLDERS, Webhook, WebhookFields},
};

/// A webhook as it was typed, right or wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypedWebhook {
    /// Its address.
    pub url: String,
    /// What it is called.
    pub name: String,
    /// The types of events that are ticked; none: all but those of keys and webhooks.
    pub types: Vec<EventType>,
    /// What is sent, as JSON.
    pub body: String,
}

/// What is wrong with a field of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebhookFault {
    /// The address is none, or is one inside.
    Url,
    /// What is wrong with the name, in words.
    Name(String),
    /// The body is no JSON object with placeholders that there are.
    Body,
}

impl WebhookFault {
    pub fn field(&self) -> &'static str {
        match self {
            Self::Url => "url",
            Self::Name(_) => "name",
            Self::Body => "body",
        }
    }

    /// In words.
    pub fn text(&self, language: &Language) -> String {
        let texts = &texts_of(language).webhooks;
        match self {
            Self::Url => texts.url_fault.clone(),
            Self::Name(said) => said.clone(),
            Self::Body => {
                let known = PLACEHOLDERS.map(|name| format!("{{{{{name}}}}}")).join(" ");
                fill(&texts.body_fault, &[("known", &format!("\u{2066}{known}\u{2069}"))])
            }
        }
    }
}

impl TypedWebhook {
    /// A webhook as its form shows it.
    pub fn of(hook: &Webhook) -> Self {
        let body = hook.body.as_ref().map(|body| serde_json::to_string_pretty(body.as_object()));
        Self {
            url: hook.url.as_str().to_owned(),
            name: hook.name.as_ref().map(ToString::to_string).unwrap_or_default(),
            types: hook.types.clone(),
            body: body.and_then(Result::ok).unwrap_or_default(),
        }
    }

    /// What a form has brought.
    pub fn read<'a>(field: impl Fn(&str) -> Option<&'a str>, types: impl Iterator<Item = &'a str>) -> Self {
        let text = |name: &str| field(name).unwrap_or_default().to_owned();
        let types: Vec<&str> = types.collect();
        Self {
            url: text("url"),
            name: text("name"),
            types: EventType::ALL.into_iter().filter(|kind| types.contains(&kind.as_str())).collect(),
            body: text("body").replace("\r\n", "\n"),
        }
    }

    /// As one text, and back, for a hidden field.
    pub fn written(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// A webhook as it was [written](Self::written).
    pub fn of_written(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// What of it is otherwise than it was, but for the address; what is not stays as somebody else may have changed
    /// it.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn changes(&self, was: &Self, language: &Language) -> Result<WebhookFields, Vec<WebhookFault>> {
        let mut wrong = Vec::new();
        let name = match faults::text(Some(&*self.name).filter(|name| !name.is_empty()), NAME, language) {
            Ok(name) => name,
            Err(said) => {
                wrong.push(WebhookFault::Name(said));
                None
            }
        };
        let body = match self.template() {
            Ok(body) => body,
            Err(fault) => {
                wrong.push(fault);
                None
            }
        };
        if !wrong.is_empty() {
            return Err(wrong);
        }
        Ok(WebhookFields {
            url: None,
            name: (self.name != was.name).then_some(name),
            types: (self.types != was.types).then(|| self.types.clone()),
            body: (self.body != was.body).then_some(body),
            is_enabled: None,
        })
    }

    fn template(&self) -> Result<Option<BodyTemplate>, WebhookFault> {
        if self.body.is_empty() {
            return Ok(None);
        }
        let object: Map<String, Value> = serde_json::from_str(&self.body).map_err(|_| WebhookFault::Body)?;
        BodyTemplate::check(object).map(Some).map_err(|_| WebhookFault::Body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_changed_is_asked_for_and_what_is_wrong_is_said_by_its_field() {
        let language = Language::find("ar").unwrap();
        let was = TypedWebhook { url: "https://a.example/".to_owned(), body: "{}".to_owned(), ..Default::default() };
        let named = TypedWebhook { name: "غرفة".to_owned(), ..was.clone() };
        let fields = named.changes(&was, language).unwrap();
        assert!(fields.name.is_some() && fields.types.is_none() && fields.body.is_none());
        let cleared = TypedWebhook { body: String::new(), ..was.clone() };
        assert_eq!(cleared.changes(&was, language).unwrap().body, Some(None));
        for body in ["[]", "{", "{\"a\":\"{{voter}}\"}"] {
            let typed = TypedWebhook { name: "ن".repeat(101), body: body.to_owned(), ..was.clone() };
            let wrong = typed.changes(&was, language).unwrap_err();
            assert_eq!(wrong.iter().map(WebhookFault::field).collect::<Vec<_>>(), ["name", "body"]);
            assert!(wrong[1].text(language).contains("{{poll.question}}"));
        }
    }
}
