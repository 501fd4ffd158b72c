//! What a change of a poll adds to its site's log.

use serde_json::{Map, Value, json};

use super::{Actor, EventType, NewEvent};
use crate::poll::{Finding, Incident, Label, LabelDecision, Phase, Poll, Schedule, State, Text, Timestamp};

/// A move that the clock makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueMove {
    /// `poll.opened` or `poll.closed`.
    pub kind: EventType,
    /// When it is due.
    pub at: Timestamp,
}

impl DueMove {
    /// What the clock makes of a poll, in order. Polls of articles are not in the log: readers' votes make them.
    pub fn of(poll: &Poll) -> Vec<Self> {
        let Schedule { phase, opens_at, closes_at } = poll.schedule;
        let closes_at = closes_at.filter(|_| phase != Phase::Draft);
        // One that is closed on record was open before, unless it closed first.
        let opens_at = opens_at.filter(|opens_at| match phase {
            Phase::Draft => false,
            Phase::Live => true,
            Phase::Closed => closes_at.is_some_and(|closes_at| *opens_at < closes_at),
        });
        let moves = [(EventType::PollOpened, opens_at), (EventType::PollClosed, closes_at)];
        let is_logged = poll.article.is_none();
        moves.into_iter().filter(|_| is_logged).filter_map(|(kind, at)| Some(Self { kind, at: at? })).collect()
    }

    /// The event that tells of it.
    pub fn event(self, poll: &Poll) -> NewEvent {
        NewEvent { at: self.at, kind: self.kind, actor: Actor::Schedule, data: Value::Object(about(poll)) }
    }
}

impl NewEvent {
    /// What is told of a new poll.
    pub fn of_creation(poll: &Poll, actor: &Actor, now: Timestamp) -> Vec<Self> {
        let mut data = about(poll);
        data.insert("kind".to_owned(), json!(poll.kind.as_str()));
        data.insert("state".to_owned(), json!(poll.state_at(now).as_str()));
        let created = Self { at: now, kind: EventType::PollCreated, actor: actor.clone(), data: Value::Object(data) };
        let opened = (poll.state_at(now) == State::Open).then(|| of(EventType::PollOpened, poll, actor, now));
        [created].into_iter().chain(opened).collect()
    }

    /// What is told of a change: what the clock had made of the poll before it, what is otherwise, and whether the poll
    /// opens or closes by it.
    pub fn of_change(before: &Poll, after: &Poll, actor: &Actor, now: Timestamp) -> Vec<Self> {
        let due = DueMove::of(before).into_iter().filter(|due| due.at <= now);
        let mut events: Vec<Self> = due.map(|due| due.event(before)).collect();
        let changed = changed(before, after, now);
        if !changed.is_empty() {
            let mut data = about(after);
            data.insert("changed".to_owned(), json!(changed));
            events.push(Self { at: now, kind: EventType::PollEdited, actor: actor.clone(), data: Value::Object(data) });
        }
        if let Some(wording) = wording(before, after) {
            let mut data = about(after);
            data.extend(wording);
            if let Some(rewording) = after.rewordings.last().filter(|last| before.rewordings.last() != Some(*last)) {
                data.insert("reason".to_owned(), json!(rewording.reason));
                data.insert("correction".to_owned(), json!(rewording.correction));
            }
            let data = Value::Object(data);
            events.push(Self { at: now, kind: EventType::PollReworded, actor: actor.clone(), data });
        }
        if let Some(resolution) = after.resolution.as_ref().filter(|_| after.resolution != before.resolution) {
            let mut data = about(after);
            data.insert("option".to_owned(), json!(resolution.option));
            data.insert("came_true".to_owned(), json!(after.option(resolution.option.as_str()).map(|it| &it.label)));
            data.insert("reason".to_owned(), json!(resolution.reason));
            events.push(Self {
                at: now,
                kind: EventType::PollResolved,
                actor: actor.clone(),
                data: Value::Object(data),
            });
        }
        let (was, is) = (before.state_at(now), after.state_at(now));
        match is {
            State::Open if was != State::Open => events.push(of(EventType::PollOpened, after, actor, now)),
            State::Closed if was != State::Closed => events.push(of(EventType::PollClosed, after, actor, now)),
            State::Draft | State::Scheduled | State::Open | State::Closed => {}
        }
        events
    }

    /// What is told of a decision whether the ballots with a label count.
    pub fn of_decision(
        poll: &Poll,
        (label, decision): (Label, LabelDecision),
        reason: &Text,
        actor: &Actor,
        now: Timestamp,
    ) -> Self {
        let kind = match decision {
            LabelDecision::Counted => EventType::LabelReleased,
            LabelDecision::Held => EventType::LabelHeld,
            LabelDecision::Void => EventType::LabelVoided,
        };
        let mut data = about(poll);
        data.insert("label".to_owned(), json!(label.name()));
        data.insert("reason".to_owned(), json!(reason));
        Self { at: now, kind, actor: actor.clone(), data: Value::Object(data) }
    }

    /// What is told of an incident that was opened or has ended just now.
    pub fn of_incident(poll: &Poll, incident: &Incident, actor: &Actor, now: Timestamp) -> Self {
        let mut data = about(poll);
        data.insert("label".to_owned(), json!(incident.label.name()));
        let Finding { cause, since, reason, sureness, .. } = &incident.about;
        data.insert("cause".to_owned(), json!(cause.as_str()));
        let (kind, reason) = match &incident.end {
            None => {
                data.insert("since".to_owned(), json!(since));
                data.insert("sureness".to_owned(), json!(sureness));
                data.insert("held".to_owned(), json!(!poll.decisions.count(incident.label)));
                (EventType::IncidentOpened, Some(reason))
            }
            Some(end) => (EventType::IncidentClosed, end.reason.as_ref()),
        };
        data.insert("reason".to_owned(), json!(reason));
        Self { at: now, kind, actor: actor.clone(), data: Value::Object(data) }
    }

    /// The same of each of some.
    pub fn of_incidents(poll: &Poll, incidents: &[Incident], actor: &Actor, now: Timestamp) -> Vec<Self> {
        incidents.iter().map(|incident| Self::of_incident(poll, incident, actor, now)).collect()
    }

    /// What is told of a poll that is deleted.
    pub fn of_deletion(poll: &Poll, actor: &Actor, now: Timestamp) -> Self {
        of(EventType::PollDeleted, poll, actor, now)
    }
}

fn of(kind: EventType, poll: &Poll, actor: &Actor, now: Timestamp) -> NewEvent {
    NewEvent { at: now, kind, actor: actor.clone(), data: Value::Object(about(poll)) }
}

/// What every event of a poll tells: enough for a message that names the poll, also once it is gone.
fn about(poll: &Poll) -> Map<String, Value> {
    let mut data = Map::new();
    data.insert("question".to_owned(), json!(poll.question));
    data
}

/// The fields that are otherwise, by their names in the API. Resolution has an event of its own, and so has a state
/// that the poll comes to at once; one that is published ahead of its time has none.
fn changed(before: &Poll, after: &Poll, now: Timestamp) -> Vec<&'static str> {
    let Poll {
        // Fixed at creation, or told otherwise.
        id: _,
        site: _,
        kind: _,
        open_answer: _,
        article: _,
        resolution: _,
        rewordings: _,
        decisions: _,
        sampling: _,
        addendum: _,
        runoff: _,
        incidents: _,
        revision: _,
        created_at: _,
        updated_at: _,
        codec: _,
        partitions: _,
        digest_key: _,
        question,
        language,
        scale,
        min_choices,
        max_choices,
        options,
        results,
        changeable,
        schedule,
        article_url,
        quiz,
        minimum_ballots,
        display,
        shuffle,
        disclosure,
        after_vote,
    } = after;
    let correct = |poll: &Poll| poll.quiz.as_ref().map(|quiz| quiz.correct.clone());
    let explanation = |poll: &Poll| poll.quiz.as_ref().and_then(|quiz| quiz.explanation.clone());
    // Who closes a poll by hand sets its time with it.
    let is_moved = schedule.phase != before.schedule.phase;
    let is_scheduled = before.state_at(now) == State::Draft && after.state_at(now) == State::Scheduled;
    let all = [
        ("state", is_scheduled),
        ("question", *question != before.question),
        ("language", *language != before.language),
        ("scale", *scale != before.scale),
        ("min_choices", *min_choices != before.min_choices),
        ("max_choices", *max_choices != before.max_choices),
        ("options", *options != before.options),
        ("results", *results != before.results),
        ("changeable", *changeable != before.changeable),
        ("opens_at", !is_moved && schedule.opens_at != before.schedule.opens_at),
        ("closes_at", !is_moved && schedule.closes_at != before.schedule.closes_at),
        ("article_url", *article_url != before.article_url),
        ("correct", quiz.is_some() != before.quiz.is_some() || correct(after) != correct(before)),
        ("explanation", explanation(after) != explanation(before)),
        ("minimum_ballots", *minimum_ballots != before.minimum_ballots),
        ("display", *display != before.display),
        ("shuffle", *shuffle != before.shuffle),
        ("disclosure", *disclosure != before.disclosure),
        ("after_vote", *after_vote != before.after_vote),
    ];
    all.into_iter().filter(|(_, is_changed)| *is_changed).map(|(field, _)| field).collect()
}

/// What the question and labels were and are, where they are otherwise.
fn wording(before: &Poll, after: &Poll) -> Option<Map<String, Value>> {
    let labels = |shown: &Poll, other: &Poll| -> Map<String, Value> {
        let differs = |id: &str, label: &str| other.option(id).is_some_and(|option| option.label.as_str() != label);
        let options = shown.options.iter().filter(|option| differs(option.id.as_str(), option.label.as_str()));
        options.map(|option| (option.id.as_str().to_owned(), json!(option.label))).collect()
    };
    let (was, is) = (labels(before, after), labels(after, before));
    if before.question == after.question && is.is_empty() {
        return None;
    }
    let mut wording = Map::new();
    wording.insert("before".to_owned(), json!({ "question": before.question, "labels": was }));
    wording.insert("after".to_owned(), json!({ "question": after.question, "labels": is }));
    Some(wording)
}
