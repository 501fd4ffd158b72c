//! A site's webhooks: where events are sent, what was sent, and a secret that is shown once.

mod typed;

use askama::Template;

pub use typed::{TypedWebhook, WebhookFault};

use crate::{
    embed::digits::Digits,
    newsroom::{
        fields::{FieldControl, FieldView},
        frame::Frame,
        site_log::{event_text, subject_text},
        texts::{WebhookTexts, fill},
    },
    poll::{TimeZone, Timestamp},
    site::{Attempt, Delivery, DeliveryState, EventSubject, EventType, Webhook, WhyDisabled},
    webhooks::{NOT_IN_TIME, NOWHERE_OUTSIDE},
};

/// A secret that was just made: shown here, and never again.
pub struct ShownSecret<'a> {
    /// The secret.
    pub text: &'a str,
    /// Whether another signs beside it for a day.
    pub replaces_another: bool,
}

/// The list, and the form for another.
#[derive(Template)]
#[template(path = "webhooks/list.html", config = "src/newsroom/askama.toml")]
pub struct WebhooksPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// Oldest first.
    pub hooks: &'a [Webhook],
    /// What stands in the form.
    pub form: WebhookForm<'a>,
    /// Whether one was just deleted.
    pub is_deleted: bool,
    /// Whether there are as many as there may be.
    pub is_full: bool,
}

/// One webhook, and what was sent to it.
#[derive(Template)]
#[template(path = "webhooks/page.html", config = "src/newsroom/askama.toml")]
pub struct WebhookPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// The webhook.
    pub hook: &'a Webhook,
    /// Its secret, if it is new.
    pub secret: Option<ShownSecret<'a>>,
    /// What stands in the form.
    pub form: WebhookForm<'a>,
    /// What was just done.
    pub notice: Option<&'static str>,
    /// Until when there is no new secret, if one was asked for.
    pub no_secret_until: Option<Timestamp>,
    /// The newest first.
    pub deliveries: &'a [Delivery],
    /// The zone that times are in.
    pub timezone: &'a TimeZone,
    /// Where those before them are, as a query.
    pub more: Option<String>,
}

/// Asks whether a webhook is to be deleted.
#[derive(Template)]
#[template(path = "webhooks/delete.html", config = "src/newsroom/askama.toml")]
pub struct DeleteWebhookPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// The webhook.
    pub hook: &'a Webhook,
}

/// A form for a webhook.
pub struct WebhookForm<'a> {
    /// The words.
    pub frame: &'a Frame<'a>,
    /// What stands in it.
    pub typed: &'a TypedWebhook,
    /// What stood in it when it was opened.
    pub was: &'a TypedWebhook,
    /// What is wrong with that.
    pub faults: &'a [WebhookFault],
}

/// Some types of events that belong together.
struct TypeGroup {
    name: &'static str,
    types: Vec<(EventType, &'static str, bool)>,
    is_open: bool,
}

impl WebhookForm<'_> {
    fn texts(&self) -> &'static WebhookTexts {
        &self.frame.texts().webhooks
    }

    fn fields(&self) -> [FieldView; 2] {
        let texts = self.texts();
        [
            self.field("url", &texts.url, &texts.url_about, &self.typed.url, FieldControl::Code),
            self.field("name", &texts.name, &texts.name_about, &self.typed.name, FieldControl::Line),
        ]
    }

    fn body(&self) -> FieldView {
        let texts = self.texts();
        self.field("body", &texts.body, &texts.body_about, &self.typed.body, FieldControl::CodeLines)
    }

    fn field(&self, name: &str, label: &str, about: &'static str, value: &str, control: FieldControl) -> FieldView {
        let faults = self.faults.iter().filter(|fault| fault.field() == name);
        let faults = faults.map(|fault| fault.text(self.frame.language)).collect();
        let (name, label, value) = (name.to_owned(), label.to_owned(), value.to_owned());
        FieldView { name, label, about, value, faults, changed: None, control }
    }

    fn is_body_open(&self) -> bool {
        !self.typed.body.is_empty()
    }

    fn groups(&self) -> Vec<TypeGroup> {
        let group = |subject: EventSubject| {
            let types = EventType::ALL.into_iter().filter(|kind| kind.about() == subject);
            let ticked = |kind| self.typed.types.contains(&kind);
            let types: Vec<_> = types.map(|kind| (kind, event_text(self.frame.language, kind), ticked(kind))).collect();
            let is_open = types.iter().any(|(.., is_ticked)| *is_ticked);
            TypeGroup { name: subject_text(self.frame.language, subject), types, is_open }
        };
        EventSubject::ALL.into_iter().map(group).collect()
    }
}

impl WebhooksPage<'_> {
    fn texts(&self) -> &'static WebhookTexts {
        &self.frame.texts().webhooks
    }

    fn state(&self, hook: &Webhook) -> &'static str {
        state_text(self.texts(), hook)
    }

    fn told(&self, hook: &Webhook) -> String {
        let texts = self.texts();
        if hook.types.is_empty() {
            return texts.all_types.clone();
        }
        let count = u64::try_from(hook.types.len()).unwrap_or_default();
        fill(&texts.some_types, &[("count", &self.frame.language.number(count, Digits::Latn))])
    }
}

impl WebhookPage<'_> {
    fn texts(&self) -> &'static WebhookTexts {
        &self.frame.texts().webhooks
    }

    fn path(&self) -> String {
        format!("{}/webhooks/{}", self.frame.here(), self.hook.id)
    }

    fn state(&self) -> &'static str {
        state_text(self.texts(), self.hook)
    }

    fn since(&self) -> Option<String> {
        let disabled = self.hook.disabled?;
        Some(fill(&self.texts().since, &[("time", &self.time(disabled.at))]))
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "templates pass references")]
    fn too_many_secrets(&self, until: &Timestamp) -> String {
        fill(&self.texts().too_many_secrets, &[("time", &self.time(*until))])
    }

    fn zone(&self) -> &str {
        self.frame.language.zone(self.timezone)
    }

    fn what(&self, delivery: &Delivery) -> &'static str {
        event_text(self.frame.language, delivery.kind)
    }

    fn queued_at(&self, delivery: &Delivery) -> String {
        self.time(delivery.queued_at)
    }

    /// What became of it, in a few words.
    fn outcome(&self, delivery: &Delivery) -> String {
        let texts = self.texts();
        let tries = u64::try_from(delivery.tries).unwrap_or_default();
        let tries = self.frame.language.number(tries, Digits::Latn);
        match (delivery.state, delivery.due) {
            (DeliveryState::Delivered, _) => texts.delivered.clone(),
            (DeliveryState::GivenUp, _) => fill(&texts.given_up, &[("tries", &tries)]),
            (DeliveryState::Waiting, Some(due)) if delivery.tries > 0 => {
                fill(&texts.tried_again, &[("tries", &tries), ("time", &self.time(due))])
            }
            (DeliveryState::Waiting, _) => texts.queued.clone(),
        }
    }

    /// What the receiver answered last, or why there was no answer; and how the service's log says it, where that tells
    /// whoever runs the receiver more.
    fn last_answer<'d>(&self, delivery: &'d Delivery) -> Option<(String, Option<&'d str>)> {
        let texts = self.texts();
        let Attempt { status, failure, .. } = delivery.attempts.last()?;
        let said = |text: &String| Some((text.clone(), None));
        match (status, failure.as_deref()) {
            (Some(status @ 300..400), _) => {
                Some((fill(&texts.leads_elsewhere, &[("status", &status.to_string())]), None))
            }
            (Some(410), _) => said(&texts.is_gone),
            (Some(status), _) => Some((fill(&texts.answered, &[("status", &status.to_string())]), None)),
            (None, None) => None,
            (None, Some(failure)) if failure.contains(NOT_IN_TIME) => said(&texts.not_in_time),
            (None, Some(failure)) if failure.contains(NOWHERE_OUTSIDE) => said(&texts.is_inside),
            (None, Some(failure)) => Some((texts.not_reached.clone(), Some(failure))),
        }
    }

    #[expect(clippy::unused_self, reason = "templates call what belongs to the page")]
    fn state_of(&self, delivery: &Delivery) -> &'static str {
        match delivery.state {
            DeliveryState::Waiting => "scheduled",
            DeliveryState::Delivered => "open",
            DeliveryState::GivenUp => "failed",
        }
    }

    fn time(&self, moment: Timestamp) -> String {
        self.timezone.minute_time(moment)
    }
}

impl DeleteWebhookPage<'_> {
    fn texts(&self) -> &'static WebhookTexts {
        &self.frame.texts().webhooks
    }
}

/// What editors call a webhook: its name, or where it is.
pub fn called(hook: &Webhook) -> String {
    hook.name.as_ref().map_or_else(|| host(hook), ToString::to_string)
}

/// The host of a webhook's address: the rest may be a password.
pub fn host(hook: &Webhook) -> String {
    let url = url::Url::parse(hook.url.as_str()).ok();
    url.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
}

fn state_text(texts: &'static WebhookTexts, hook: &Webhook) -> &'static str {
    match hook.disabled.map(|disabled| disabled.why) {
        None => &texts.works,
        Some(WhyDisabled::Asked) => &texts.paused,
        Some(WhyDisabled::Gone) => &texts.gone,
        Some(WhyDisabled::Failing) => &texts.failing,
    }
}
