//! The body of a webhook, as its owner wants it: JSON with placeholders in its texts.
//!
//! `{"text": "{{poll.question}}: {{type}}"}` is what Slack takes. A template is JSON before anything is put in, and
//! only texts have placeholders, so whatever a question says, the body is JSON of the same shape.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The longest template, in bytes of JSON.
const MOST_BYTES: usize = 4_096;

/// Every placeholder, in the order they are listed.
pub const PLACEHOLDERS: [&str; 8] = ["id", "type", "at", "site", "actor", "poll.id", "poll.question", "url"];

/// A template that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BodyTemplate(Map<String, Value>);

impl BodyTemplate {
    /// Checks a template.
    ///
    /// # Errors
    /// What it must be, in words that follow its name.
    pub fn check(template: Map<String, Value>) -> Result<Self, String> {
        if serde_json::to_string(&template).map_or(true, |text| text.len() > MOST_BYTES) {
            return Err(format!("must have at most {MOST_BYTES} bytes"));
        }
        template.values().try_for_each(check)?;
        Ok(Self(template))
    }

    /// The template as it was given.
    pub fn as_object(&self) -> &Map<String, Value> {
        &self.0
    }

    /// The body with these values in place of the placeholders. One that has no value is nothing.
    pub fn fill(&self, value_of: impl Fn(&str) -> Option<String>) -> Value {
        Value::Object(fill_all(&self.0, &value_of))
    }
}

fn check(value: &Value) -> Result<(), String> {
    match value {
        Value::String(text) => parts(text).try_for_each(|part| match part {
            Part::Placeholder(name) if !PLACEHOLDERS.contains(&name) => {
                let known = PLACEHOLDERS.map(|name| format!("{{{{{name}}}}}")).join(", ");
                let name: String = name.chars().take(64).collect();
                Err(format!("has the placeholder {{{{{name}}}}}, and there are only {known}"))
            }
            Part::Placeholder(_) | Part::Text(_) => Ok(()),
        }),
        Value::Array(values) => values.iter().try_for_each(check),
        Value::Object(members) => members.values().try_for_each(check),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

fn fill(value: &Value, value_of: &impl Fn(&str) -> Option<String>) -> Value {
    match value {
        Value::String(text) => Value::String(
            parts(text)
                .map(|part| match part {
                    Part::Text(text) => text.to_owned(),
                    Part::Placeholder(name) => value_of(name).unwrap_or_default(),
                })
                .collect(),
        ),
        Value::Array(values) => values.iter().map(|value| fill(value, value_of)).collect(),
        Value::Object(members) => Value::Object(fill_all(members, value_of)),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

fn fill_all(members: &Map<String, Value>, value_of: &impl Fn(&str) -> Option<String>) -> Map<String, Value> {
    members.iter().map(|(name, value)| (name.clone(), fill(value, value_of))).collect()
}

enum Part<'a> {
    Text(&'a str),
    Placeholder(&'a str),
}

/// A text, taken apart at its placeholders. Braces that don't close are text.
fn parts(text: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = Some(text);
    let mut pending = None;
    std::iter::from_fn(move || {
        if let Some(name) = pending.take() {
            return Some(Part::Placeholder(name));
        }
        let left = rest.take()?;
        let found = left.split_once("{{").and_then(|(before, after)| {
            let (name, after) = after.split_once("}}")?;
            Some((before, name.trim(), after))
        });
        match found {
            Some((before, name, after)) => {
                (pending, rest) = (Some(name), Some(after));
                Some(Part::Text(before))
            }
            None => Some(Part::Text(left)),
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn template(value: &Value) -> Result<BodyTemplate, String> {
        BodyTemplate::check(value.as_object().unwrap().clone())
    }

    #[test]
    fn whatever_a_question_says_the_body_is_json_of_the_same_shape() {
        let template = template(&json!({ "text": "{{ poll.question }} {{type}} {{", "n": [1, "{{url}}"] })).unwrap();
        let hostile = "\"}, {{type}} \\ \n هل";
        let filled = template.fill(|name| match name {
            "poll.question" => Some(hostile.to_owned()),
            "type" => Some("poll.opened".to_owned()),
            _ => None,
        });
        assert_eq!(filled, json!({ "text": format!("{hostile} poll.opened {{{{"), "n": [1, ""] }));
    }

    #[test]
    fn a_template_that_can_not_be_filled_is_refused() {
        for (value, rule) in [
            (json!({ "a": "{{voter}}" }), "has the placeholder {{voter}}, and there are only {{id}}, {{type}}"),
            (json!({ "a": [{ "b": "{{}}" }] }), "has the placeholder {{}}"),
            (json!({ "a": "a".repeat(MOST_BYTES) }), "must have at most 4096 bytes"),
        ] {
            let refusal = template(&value).unwrap_err();
            assert!(refusal.starts_with(rule), "{refusal}");
        }
    }
}
