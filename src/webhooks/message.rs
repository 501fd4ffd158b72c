//! What is sent.

use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    events::EventJson,
    poll::Timestamp,
    site::{BaseAddress, BodyTemplate, Event, EventType, Webhook},
};

/// The longest body: receivers need not take more (Standard Webhooks, "Payload size").
const MOST_BYTES: usize = 20_000;

/// One message: the same at every try.
pub(super) struct WebhookMessage {
    /// By which a receiver knows that it has it already.
    pub(super) id: String,
    /// JSON.
    pub(super) body: Vec<u8>,
}

/// The event itself, where no template says otherwise.
#[derive(Serialize)]
struct EventPayload<'a> {
    r#type: EventType,
    timestamp: Timestamp,
    /// As `GET /v1/sites/{site}/events` tells it.
    data: EventJson<'a>,
}

impl WebhookMessage {
    /// The message that tells a webhook of an event.
    pub(super) fn of(hook: &Webhook, event: &Event, public_url: Option<&BaseAddress>) -> Self {
        let id = format!("evt_{}_{}", event.site, event.id);
        let body = if let Some(template) = &hook.body {
            let url = || Some(format!("{}/embed/{}", public_url?, event.poll?));
            fitting(template, |name| match name {
                "id" => Some(id.clone()),
                "type" => Some(event.kind.to_string()),
                "at" => Some(event.at.to_string()),
                "site" => Some(event.site.to_string()),
                "actor" => Some(event.actor.to_string()),
                "poll.id" => event.poll.map(|poll| poll.to_string()),
                "poll.question" => event.data.get("question")?.as_str().map(str::to_owned),
                "url" => url(),
                _ => None,
            })
        } else {
            let whole = payload(event, &event.data);
            // Whoever wants the rest reads it in the log.
            if whole.len() > MOST_BYTES { payload(event, &json!({ "left_out": true })) } else { whole }
        };
        Self { id, body }
    }
}

/// A template's body that is not too long: where it would be, what is put in is cut, at a character and everywhere alike. Words
/// are cut first, since an id or an address is none without its end. It is JSON in any case, and a template with nothing put in is
/// short.
fn fitting(template: &BodyTemplate, value_of: impl Fn(&str) -> Option<String>) -> Vec<u8> {
    let filled = |of_question: usize, of_others: usize| {
        let cut = |name: &str| {
            let most = if name == "poll.question" { of_question } else { of_others };
            Some(value_of(name)?.chars().take(most).collect())
        };
        template.fill(cut).to_string().into_bytes()
    };
    let whole = filled(usize::MAX, usize::MAX);
    if whole.len() <= MOST_BYTES {
        return whole;
    }
    let others = if filled(0, usize::MAX).len() <= MOST_BYTES { usize::MAX } else { 0 };
    let shortened = |most: usize| if others == 0 { filled(0, most) } else { filled(most, others) };
    // More characters are never fewer bytes.
    let (mut fits, mut too_many) = (0, whole.len());
    while too_many - fits > 1 {
        let middle = fits.midpoint(too_many);
        if shortened(middle).len() <= MOST_BYTES {
            fits = middle;
        } else {
            too_many = middle;
        }
    }
    shortened(fits)
}

fn payload(event: &Event, data: &Value) -> Vec<u8> {
    let payload = EventPayload { r#type: event.kind, timestamp: event.at, data: EventJson::with(event, data) };
    // It has neither maps with other keys than texts nor anything else that can't be written.
    serde_json::to_vec(&payload).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        poll::SiteId,
        site::{Actor, EventId, WebhookFields},
    };

    fn event(data: Value) -> Event {
        let at = Timestamp::from_millis(1_795_899_306_264);
        let poll = Some("0198c0de-0000-7000-8000-000000000001".parse().unwrap());
        let (id, site) = (EventId::at(at), SiteId::default());
        Event { id, at, site, poll, kind: EventType::PollOpened, actor: Actor::Admin, data }
    }

    fn hook(template: Option<&Value>) -> Webhook {
        let body = template.map(|value| BodyTemplate::check(value.as_object().unwrap().clone()).unwrap());
        let fields = WebhookFields { body: Some(body), ..WebhookFields::default() };
        Webhook::new(SiteId::default(), "https://example.com/".parse().unwrap(), fields, Timestamp::from_millis(0))
    }

    fn sent(hook: &Webhook, event: &Event) -> (String, Value) {
        let base: BaseAddress = "https://votes.example/polls".parse().unwrap();
        let WebhookMessage { id, body } = WebhookMessage::of(hook, event, Some(&base));
        (id, serde_json::from_slice(&body).unwrap())
    }

    #[test]
    fn a_message_has_the_event_as_the_log_tells_it_unless_it_is_too_long() {
        let event = event(json!({ "question": "؟" }));
        let (id, body) = sent(&hook(None), &event);
        assert_eq!(id, "evt_default_1795899306264000");
        let told = json!({
            "id": "1795899306264000", "at": "2026-11-28T20:55:06.264Z", "site": "default",
            "poll": event.poll, "type": "poll.opened", "actor": "admin", "data": { "question": "؟" },
        });
        assert_eq!(body, json!({ "type": "poll.opened", "timestamp": told["at"], "data": told }));
        let long = Event { data: json!({ "question": "؟".repeat(MOST_BYTES) }), ..event };
        let (long_id, body) = sent(&hook(None), &long);
        assert_eq!((long_id, &body["data"]["data"]), (id, &json!({ "left_out": true })));
    }

    #[test]
    fn every_placeholder_of_a_template_is_filled() {
        let all: Vec<String> = crate::site::PLACEHOLDERS.map(|name| format!("{{{{{name}}}}}")).into();
        let event = event(json!({ "question": "\"؟\"" }));
        let (_, body) = sent(&hook(Some(&json!({ "all": all, "text": "{{poll.question}} ({{type}})" }))), &event);
        let poll = event.poll.unwrap().to_string();
        let url = format!("https://votes.example/polls/embed/{poll}");
        assert_eq!(
            body,
            json!({
                "all": ["evt_default_1795899306264000", "poll.opened", "2026-11-28T20:55:06.264Z", "default", "admin", poll,
                        "\"؟\"", url],
                "text": "\"؟\" (poll.opened)",
            })
        );
    }

    #[test]
    fn a_body_of_a_template_is_never_too_long_and_always_json() {
        let event = event(json!({ "question": "\"؟\"\n".repeat(100) }));
        let whole_url = sent(&hook(Some(&json!({ "url": "{{url}}" }))), &event).1["url"].clone();
        let several = |text: &str, times: usize| Value::from(vec![text; times]);
        let both = json!({ "url": "{{url}}", "words": several("{{poll.question}}", 200) });
        let (_, body) = sent(&hook(Some(&both)), &event);
        let words: Vec<&str> = body["words"].as_array().unwrap().iter().map(|words| words.as_str().unwrap()).collect();
        let question = event.data["question"].as_str().unwrap();
        assert!(words.iter().all(|shown| *shown == words[0] && question.starts_with(shown) && shown.len() > 20));
        assert_eq!(body["url"], whole_url, "an address without its end leads nowhere");
        for template in [&both, &json!({ "all": several("{{url}}", 350) }), &json!({ "all": "{{url}}".repeat(570) })] {
            let base: BaseAddress = "https://votes.example/polls".parse().unwrap();
            let WebhookMessage { body, .. } = WebhookMessage::of(&hook(Some(template)), &event, Some(&base));
            assert!(body.len() <= MOST_BYTES && body.len() > MOST_BYTES * 9 / 10, "{}", body.len());
            serde_json::from_slice::<Value>(&body).unwrap();
        }
    }
}
