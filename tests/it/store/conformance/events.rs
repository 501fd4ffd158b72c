//! The logs of sites: what is changed is told, once, by whom and when.

use std::sync::Arc;

use sawt::{
    poll::{NewPoll, Phase, Poll, PollFields, Schedule, Timestamp},
    site::{Actor, Event, EventType, NewEvent},
    store::{Creation, MoveReminder, Replacement, SiteDeletion, Store},
};

use crate::store::stage::{Stage, at_once, changeable, done, options, yes_or_no};

crate::registry::store_rules![
    what_is_done_to_a_poll_is_told_in_order_and_once,
    what_was_refused_is_not_told,
    a_log_is_read_from_any_place_on_and_back,
    what_the_clock_does_is_told_once_when_it_was_due,
    what_the_clock_did_before_an_edit_is_told_before_it,
    a_moved_time_is_told_when_it_comes_and_not_before,
    events_are_forgotten_when_they_are_old_and_with_their_site,
];

impl Stage {
    /// All of the site's log, once everything is carried to it.
    pub(crate) async fn log(&self) -> Vec<Event> {
        self.store.relay_events().await.unwrap();
        self.store.events(&self.site, None, 1_000).await.unwrap()
    }

    /// The types of a poll's events, in order.
    pub(crate) async fn told(&self, poll: &Poll) -> Vec<EventType> {
        self.log().await.into_iter().filter(|event| event.poll == Some(poll.id)).map(|event| event.kind).collect()
    }

    /// A poll, made and told of.
    pub(crate) async fn told_poll(&self, new: impl Into<NewPoll>) -> Poll {
        let poll = self.draw_up(new).await;
        let events = NewEvent::of_creation(&poll, &Actor::Admin, poll.created_at);
        assert_eq!(self.store.create_poll(&poll, None, &events).await.unwrap(), Creation::Created(poll.clone()));
        poll
    }

    /// An edit of a poll, made and told of.
    pub(crate) async fn tell_edit(&self, poll: &Poll, fields: PollFields) -> Replacement {
        let now = self.now().await;
        let edit = fields.apply(poll, now).unwrap();
        let events = NewEvent::of_change(poll, &edit.poll, &Actor::Admin, now);
        self.store.replace_poll(&edit, &events).await.unwrap()
    }

    /// Closes a poll, and tells of it.
    pub(crate) async fn tell_close(&self, poll: &Poll) -> Replacement {
        let now = self.now().await;
        let edit = poll.closed(now);
        let events = NewEvent::of_change(poll, &edit.poll, &Actor::Admin, now);
        self.store.replace_poll(&edit, &events).await.unwrap()
    }

    pub(crate) async fn tell_delete(&self, poll: &Poll) -> bool {
        let event = NewEvent::of_deletion(poll, &Actor::Admin, self.now().await);
        self.store.delete_poll(poll.id, &[event]).await.unwrap()
    }

    /// Tells what is due of a poll, as several replicas do at the same time.
    pub(crate) async fn tell_due(&self, poll: &Poll) {
        let due = self.store.due_moves(1_000).await.unwrap();
        let due: Vec<MoveReminder> = due.into_iter().filter(|due| due.poll == poll.id).collect();
        let tell = |due: MoveReminder| {
            let store = self.store.clone();
            async move { _ = store.tell_due_moves(due).await.unwrap() }
        };
        at_once(due.iter().cycle().take(4 * due.len()).copied().map(tell)).await;
    }
}

fn question(text: &str) -> PollFields {
    PollFields { question: Some(text.to_owned()), ..PollFields::default() }
}

async fn what_is_done_to_a_poll_is_told_in_order_and_once(store: Arc<dyn Store>) {
    use EventType::{PollClosed, PollCreated, PollDeleted, PollEdited, PollOpened, PollResolved, PollReworded};
    let stage = Stage::new(store).await;
    let draft = stage.told_poll(NewPoll { draft: true, ..changeable().into() }).await;
    let again = NewEvent::of_creation(&draft, &Actor::Admin, draft.created_at);
    let answer = stage.store.create_poll(&draft, None, &again).await.unwrap();
    assert!(matches!(answer, Creation::Created(_) | Creation::Existing(_)), "asked for again");
    let reworded = done(stage.tell_edit(&draft, question("؟")).await);
    // Another set of options: a change of several steps.
    let other = PollFields { options: Some(options(&["no", "perhaps", "yes"])), ..PollFields::default() };
    let reshaped = done(stage.tell_edit(&reworded, other).await);
    let now = stage.now().await;
    let edit = reshaped.opened(now).unwrap();
    let events = NewEvent::of_change(&reshaped, &edit.poll, &Actor::Admin, now);
    for _ in 0..2 {
        done(stage.store.replace_poll(&edit, &events).await.unwrap());
    }
    let closed = done(stage.tell_close(&edit.poll).await);
    let now = stage.now().await;
    let edit = closed.resolved("yes", None, now).unwrap().unwrap();
    let events = NewEvent::of_change(&closed, &edit.poll, &Actor::Admin, now);
    let resolved = done(stage.store.replace_poll(&edit, &events).await.unwrap());
    assert!(stage.tell_delete(&resolved).await);
    assert!(!stage.tell_delete(&resolved).await, "there is nothing left to delete, and to tell");
    let told = [PollCreated, PollEdited, PollReworded, PollEdited, PollOpened, PollClosed, PollResolved, PollDeleted];
    for _ in 0..2 {
        assert_eq!(stage.told(&draft).await, told);
    }
    let log = stage.log().await;
    assert!(log.windows(2).all(|two| two[0].id < two[1].id), "{log:?}");
    assert!(log.windows(2).all(|two| two[0].at <= two[1].at), "{log:?}");
    for event in &log {
        assert_eq!((&event.site, &event.actor), (&stage.site, &Actor::Admin));
        assert!(event.data["question"].is_string(), "{event:?}");
    }
    assert_eq!(log[1].data["changed"], serde_json::json!(["question"]));
    assert_eq!(log[2].data["before"]["question"], draft.question.as_str());
    assert_eq!(log[2].data["after"], serde_json::json!({ "question": "؟", "labels": {} }));
    assert_eq!(log[3].data["changed"], serde_json::json!(["options"]));
    assert_eq!(log[6].data["option"], "yes");
}

async fn what_was_refused_is_not_told(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.told_poll(changeable()).await;
    assert_eq!(stage.cast(&poll, 1, &["yes"]).await, sawt::poll::Outcome::Counted);
    let other = PollFields { options: Some(options(&["no", "perhaps", "yes"])), ..PollFields::default() };
    assert_eq!(stage.tell_edit(&poll, other).await, Replacement::HasBallots);
    let later = Poll { revision: poll.revision.next(), ..poll.clone() };
    assert!(matches!(stage.tell_edit(&later, question("؟")).await, Replacement::Mismatch(_)));
    let closed = done(stage.tell_close(&stage.read(&poll).await).await);
    let believed = Schedule { phase: Phase::Live, ..poll.schedule };
    let believed = Poll { schedule: believed, ..closed };
    assert_eq!(stage.tell_edit(&believed, question("؟")).await, Replacement::Closed);
    let nobodys = stage.draw_up(yes_or_no()).await;
    let nobodys = Poll { site: "nobody-made-this".parse().unwrap(), ..nobodys };
    let events = NewEvent::of_creation(&nobodys, &Actor::Admin, nobodys.created_at);
    assert_eq!(stage.store.create_poll(&nobodys, None, &events).await.unwrap(), Creation::NoSite);
    assert!(!stage.tell_delete(&nobodys).await);
    let told = [EventType::PollCreated, EventType::PollOpened, EventType::PollClosed];
    assert_eq!(stage.told(&poll).await, told);
    assert_eq!(stage.log().await.len(), told.len());
    assert_eq!(stage.store.events(&nobodys.site, None, 10).await.unwrap(), []);
}

async fn a_log_is_read_from_any_place_on_and_back(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let other = Stage::new(stage.store.clone()).await;
    for place in 0..5 {
        stage.told_poll(question(&place.to_string()).with_options()).await;
        other.told_poll(yes_or_no()).await;
    }
    let log = stage.log().await;
    assert_eq!((log.len(), other.log().await.len()), (10, 10), "each made and opened");
    let (mut read, mut after) = (Vec::new(), None);
    loop {
        let page = stage.store.events(&stage.site, after, 3).await.unwrap();
        assert!(page.len() <= 3);
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        read.extend(page);
    }
    assert_eq!(read, log);
    let (mut read, mut before) = (Vec::new(), None);
    loop {
        let page = stage.store.events_before(&stage.site, before, 3).await.unwrap();
        assert!(page.len() <= 3);
        let Some(last) = page.last() else { break };
        before = Some(last.id);
        read.extend(page);
    }
    read.reverse();
    assert_eq!(read, log, "the last one first, it is the same");
}

async fn what_the_clock_does_is_told_once_when_it_was_due(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let opens_at = stage.now_plus(300).await;
    let closes_at = Timestamp::from_millis(opens_at.as_millis() + 200);
    let timed = PollFields { opens_at: Some(Some(opens_at)), closes_at: Some(Some(closes_at)), ..yes_or_no() };
    let poll = stage.told_poll(timed).await;
    stage.tell_due(&poll).await;
    assert_eq!(stage.told(&poll).await, [EventType::PollCreated]);
    stage.wait_until(closes_at).await;
    // Whoever reads the tally first records that it is closed.
    stage.tally(&poll).await;
    for _ in 0..2 {
        stage.tell_due(&poll).await;
        let log = stage.log().await;
        let told: Vec<_> = log.iter().skip(1).map(|event| (event.kind, event.at, event.actor.clone())).collect();
        let due = [(EventType::PollOpened, opens_at), (EventType::PollClosed, closes_at)];
        assert_eq!(told, due.map(|(kind, at)| (kind, at, Actor::Schedule)));
    }
    let left = stage.store.due_moves(1_000).await.unwrap();
    assert!(left.iter().all(|due| due.poll != poll.id), "nothing is left to look for: {left:?}");
}

async fn what_the_clock_did_before_an_edit_is_told_before_it(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let opens_at = stage.now_plus(200).await;
    let poll = stage.told_poll(PollFields { opens_at: Some(Some(opens_at)), ..yes_or_no() }).await;
    stage.wait_until(opens_at).await;
    let closed = done(stage.tell_close(&poll).await);
    stage.tell_due(&closed).await;
    let log = stage.log().await;
    let told: Vec<_> = log.iter().map(|event| (event.kind, event.actor.clone())).collect();
    assert_eq!(
        told,
        [
            (EventType::PollCreated, Actor::Admin),
            (EventType::PollOpened, Actor::Schedule),
            (EventType::PollClosed, Actor::Admin)
        ]
    );
    assert_eq!(log[1].at, opens_at);
}

async fn a_moved_time_is_told_when_it_comes_and_not_before(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let opens_at = stage.now_plus(200).await;
    let poll = stage.told_poll(PollFields { opens_at: Some(Some(opens_at)), ..yes_or_no() }).await;
    let later = stage.now_plus(60_000).await;
    let put_off = PollFields { opens_at: Some(Some(later)), ..PollFields::default() };
    // On a machine so slow that it has opened before, there is nothing to put off.
    let now = stage.now().await;
    if now < opens_at && matches!(stage.tell_edit(&poll, put_off).await, Replacement::Done(_)) {
        stage.wait_until(opens_at).await;
        stage.tell_due(&poll).await;
        assert!(!stage.told(&poll).await.contains(&EventType::PollOpened));
        let sooner = stage.now_plus(100).await;
        let edit = PollFields { opens_at: Some(Some(sooner)), ..PollFields::default() };
        done(stage.tell_edit(&stage.read(&poll).await, edit).await);
        stage.wait_until(sooner).await;
        stage.tell_due(&poll).await;
        let log = stage.log().await;
        let opened: Vec<_> = log.iter().filter(|event| event.kind == EventType::PollOpened).collect();
        assert_eq!(opened.iter().map(|event| event.at).collect::<Vec<_>>(), [sooner]);
    }
}

async fn events_are_forgotten_when_they_are_old_and_with_their_site(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.told_poll(yes_or_no()).await;
    let log = stage.log().await;
    stage.store.forget_events(&stage.site, poll.created_at).await.unwrap();
    assert_eq!(stage.log().await, log);
    let later = stage.now_plus(1).await;
    stage.wait_until(later).await;
    stage.store.forget_events(&stage.site, later).await.unwrap();
    assert_eq!(stage.log().await, []);
    assert!(stage.tell_delete(&poll).await);
    let after = stage.log().await;
    assert_eq!(after.len(), 1);
    assert!(after[0].id > log[1].id, "ids go on");
    assert_eq!(stage.store.delete_site(&stage.site).await.unwrap(), SiteDeletion::Done);
    assert_eq!(stage.log().await, []);
}

/// Fields that are enough for a poll.
trait WithOptions {
    fn with_options(self) -> Self;
}

impl WithOptions for PollFields {
    fn with_options(self) -> Self {
        Self { options: Some(options(&["yes", "no"])), ..self }
    }
}
