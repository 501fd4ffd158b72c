//! What a log says, and who may know it when.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use super::{LogLeaf, Opens};
use crate::{
    poll::{
        Label, LabelDecision, LabelTally, PartitionLabels, Poll, PollId, ResultsPolicy, SiteId, State, Tally,
        Timestamp, Viewer,
    },
    site::{Actor, Event, EventType},
    tlog::{Opening, TreeHash},
};

fn leaf(opens: Opens, poll: Option<PollId>, statement: &Value) -> LogLeaf {
    LogLeaf { opening: Opening::new(statement.to_string()), opens, poll }
}

/// That a log begins, with its key; after which checkpoint, if another log was lost.
pub(super) fn began(site: &SiteId, log: u32, origin: &str, key: &str, after: Option<&str>, now: Timestamp) -> LogLeaf {
    let mut says = json!({ "type": "log.began", "at": now, "site": site, "log": log, "origin": origin, "key": key });
    if let (Some(after), Some(says)) = (after, says.as_object_mut()) {
        says.insert("after".to_owned(), json!(after));
    }
    leaf(Opens::AtOnce, None, &says)
}

/// That another key signs from now on.
pub(super) fn key_changed(site: &SiteId, key: &str, now: Timestamp) -> LogLeaf {
    leaf(Opens::AtOnce, None, &json!({ "type": "log.key", "at": now, "site": site, "key": key }))
}

/// An event. `was_opened` says whether readers knew the poll it is about before.
pub(super) fn event(event: &Event, was_opened: bool) -> LogLeaf {
    let mut says = Map::new();
    says.insert("type".to_owned(), json!(event.kind.as_str()));
    says.insert("at".to_owned(), json!(event.at));
    says.insert("site".to_owned(), json!(event.site));
    if let Some(poll) = event.poll {
        says.insert("poll".to_owned(), json!(poll));
    }
    says.insert("by".to_owned(), json!(role(&event.actor)));
    says.insert("data".to_owned(), event.data.clone());
    leaf(opens(event.kind, was_opened), event.poll, &Value::Object(says))
}

/// When an event is opened. What readers see of a poll they know is told at once; of a draft, and of how the site is run,
/// nothing ever is.
fn opens(kind: EventType, was_opened: bool) -> Opens {
    match kind {
        EventType::PollOpened | EventType::PollClosed | EventType::PollResolved => Opens::AtOnce,
        EventType::PollReworded | EventType::PollEdited | EventType::PollDeleted if was_opened => Opens::AtOnce,
        EventType::LabelHeld
        | EventType::LabelReleased
        | EventType::LabelVoided
        | EventType::IncidentOpened
        | EventType::IncidentClosed => Opens::AtClose,
        EventType::PollCreated
        | EventType::PollEdited
        | EventType::PollReworded
        | EventType::PollDeleted
        | EventType::PlaceCreated
        | EventType::PlaceEdited
        | EventType::PlaceDeleted
        | EventType::AnswerShown
        | EventType::AnswerHidden
        | EventType::TemplatePut
        | EventType::TemplateDeleted
        | EventType::KeyCreated
        | EventType::KeyRevoked
        | EventType::SessionEnded
        | EventType::SitePut
        | EventType::WebhookCreated
        | EventType::WebhookEdited
        | EventType::WebhookDisabled
        | EventType::WebhookDeleted => Opens::Never,
    }
}

/// Who did something, by what they are.
fn role(actor: &Actor) -> &'static str {
    match actor {
        Actor::Admin => "operator",
        Actor::Key(_) => "key",
        Actor::Person(_) => "editor",
        Actor::Schedule => "schedule",
        Actor::Detector => "detector",
    }
}

/// When a tally is opened: at once if everybody may see it as it is.
pub(super) fn opens_of_tally(poll: &Poll, state: State) -> Opens {
    // Before the close nobody is told which ballots are held, or that an incident is open.
    let is_plain = poll.decisions.count_all() && poll.open_incidents().next().is_none();
    if poll.results == ResultsPolicy::Never {
        Opens::Never
    } else if state == State::Closed || (is_plain && poll.tells_everyone_its_ballots(state)) {
        Opens::AtOnce
    } else {
        Opens::AtClose
    }
}

/// What a poll's tally is while it takes votes. A poll of an article may go and come again under its id: `made_at` says which
/// one it is of; and a store that has lost votes counts on from a lower version, in the next `epoch`.
pub(super) fn tally(poll: &Poll, tally: &Tally) -> LogLeaf {
    let counted = LabelTally { label: Label::CLEAN, ballots: tally.ballots, votes: tally.votes.clone() };
    let says = json!({
        "type": "poll.tally", "at": tally.as_of, "site": poll.site, "poll": poll.id, "made_at": poll.created_at,
        "revision": poll.revision, "epoch": tally.epoch, "version": tally.version, "counted": figure(poll, &counted),
    });
    leaf(opens_of_tally(poll, tally.state), Some(poll.id), &with_article(poll, says))
}

/// The figure at a poll's close: all ballots on record, those that count, those that are held and those that are void; and
/// each label's.
pub(super) fn final_tally(poll: &Poll, recorded: &[PartitionLabels], now: Timestamp) -> LogLeaf {
    let sum = |decision| LabelTally::sum(recorded, |label| poll.decisions.of(label) == decision);
    let mut labels = Vec::new();
    for label in std::iter::once(Label::CLEAN).chain(Label::all()) {
        let tally = LabelTally::sum(recorded, |other| other == label);
        if tally.ballots > 0 {
            let decision = poll.decisions.of(label).as_str();
            labels.push(json!({ "label": label.name(), "decision": decision, "ballots": tally.ballots }));
        }
    }
    let says = json!({
        "type": "poll.final", "at": now, "site": poll.site, "poll": poll.id, "made_at": poll.created_at,
        "revision": poll.revision, "question": poll.question,
        "raw": figure(poll, &LabelTally::sum(recorded, |_| true)),
        "counted": figure(poll, &sum(LabelDecision::Counted)),
        "held": figure(poll, &sum(LabelDecision::Held)),
        "void": figure(poll, &sum(LabelDecision::Void)),
        "labels": labels,
    });
    leaf(opens_of_tally(poll, State::Closed), Some(poll.id), &with_article(poll, says))
}

/// What a statement says of a poll; if that is an article's, of which.
fn with_article(poll: &Poll, mut says: Value) -> Value {
    if let (Some(article), Some(says)) = (&poll.article, says.as_object_mut()) {
        says.insert("article".to_owned(), json!(article.key));
        says.insert("template".to_owned(), json!(article.template));
    }
    says
}

/// The root of the tree over a closed poll's ballots.
pub(super) fn ballots(poll: &Poll, size: u64, root: &TreeHash, now: Timestamp) -> LogLeaf {
    let says = json!({
        "type": "poll.ballots", "at": now, "site": poll.site, "poll": poll.id, "made_at": poll.created_at,
        "ballots": size, "root": STANDARD.encode(root),
    });
    leaf(opens_of_tally(poll, State::Closed), Some(poll.id), &says)
}

/// A snapshot. `seen` says as whom it was taken.
pub(super) fn snapshot(poll: &Poll, state: State, seen: Viewer, says: &Value) -> LogLeaf {
    let opens = match seen {
        Viewer::Everyone => Opens::AtOnce,
        // Of what everybody may see, there would be a snapshot for all.
        Viewer::Voter | Viewer::Publisher if opens_of_tally(poll, state) == Opens::Never => Opens::Never,
        Viewer::Voter | Viewer::Publisher => Opens::AtClose,
    };
    leaf(opens, Some(poll.id), says)
}

fn figure(poll: &Poll, tally: &LabelTally) -> Value {
    let votes = |index: u8| tally.votes.get(usize::from(index)).copied().unwrap_or_default();
    let options: Vec<Value> =
        poll.options.iter().map(|option| json!({ "id": option.id, "votes": votes(option.index) })).collect();
    json!({ "ballots": tally.ballots, "options": options })
}
