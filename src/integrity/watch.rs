//! Looks at what was seen of votes every few seconds, and opens and closes incidents.

use std::{sync::Arc, time::Duration};

use rustc_hash::FxHashMap;
use tokio::{
    sync::Mutex,
    time::{MissedTickBehavior, interval},
};

use super::{changes::PollChanges, detect::PollWatch};
use crate::{
    clock::Clock,
    events::{EventSignal, TaskLog},
    live::Hub,
    poll::{Edit, Ending, Finding, Incident, IncidentCause, Poll, PollId, Timestamp, VoteTrace, WorkPolicy},
    site::{Actor, NewEvent, SiteSettings},
    store::{Replacement, Store, StoreError, VotesSeen},
};

/// How often is looked.
const EVERY: Duration = Duration::from_secs(5);

/// How long ballots wait for those of other replicas, so that all are seen in their order.
const WAIT_MILLIS: i64 = 8_000;

/// How often is looked whether incidents are over: every so many turns.
const ENDS_EVERY: u32 = 12;

/// The most polls that are watched; those without votes for longest are forgotten.
const MOST_POLLS: usize = 2_048;

/// The most networks that are known of all polls together, of which each takes some 300 bytes.
const MOST_NETWORKS: usize = 65_536;

/// A poll without votes for so long is forgotten.
const FORGOTTEN_MILLIS: i64 = 48 * 60 * 60 * 1000;

/// How often an incident is opened again on top of an edit that came between.
const MOST_TURNS: usize = 5;

/// The detectors of a replica.
pub struct Detectors {
    store: Arc<dyn Store>,
    hub: Arc<Hub>,
    changes: PollChanges,
    clock: Clock,
    /// Ballots wait for those of other replicas, if there are any.
    wait_millis: i64,
    /// Kept if the task is started again.
    watched: Mutex<Watched>,
}

#[derive(Default)]
struct Watched {
    polls: FxHashMap<PollId, PollUnderWatch>,
    turns: u32,
}

struct PollUnderWatch {
    watch: PollWatch,
    waiting: Vec<VoteTrace>,
}

/// Looks every few seconds until it is dropped.
pub async fn watch(detectors: Arc<Detectors>) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut log = TaskLog::of("detectors");
    loop {
        ticks.tick().await;
        log.note(detectors.look().await);
    }
}

impl Detectors {
    /// A replica's, on a store of their own.
    pub fn new(store: Arc<dyn Store>, hub: Arc<Hub>, signal: Arc<EventSignal>, clock: Clock, has_others: bool) -> Self {
        let wait_millis = if has_others { WAIT_MILLIS } else { 0 };
        let changes = PollChanges::new(Arc::clone(&store), Arc::clone(&hub), signal);
        Self { store, hub, changes, clock, wait_millis, watched: Mutex::default() }
    }

    /// Takes in what was seen since the last time, here and elsewhere, and opens and closes what incidents follow.
    ///
    /// # Errors
    /// What the store failed with. What goes on is found again the next time.
    pub async fn look(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let mut watched = self.watched.lock().await;
        watched.turns = watched.turns.wrapping_add(1);
        let here = self.hub.traces().take();
        for seen in &here {
            self.hub.tell_votes(seen.clone());
        }
        for seen in here.into_iter().chain(self.hub.traces().take_received()) {
            watched.take_in(seen, now);
        }
        let looks_for_ends = watched.turns % ENDS_EVERY == 0;
        let mut failure = None;
        for (id, poll) in &mut watched.polls {
            let found = poll.look(now, self.wait_millis);
            if !found.is_empty() && self.wait_millis > 0 {
                let causes = found.iter().map(|finding| finding.cause).collect();
                self.hub.tell_votes(self.hub.traces().found(*id, causes));
            }
            if let Err(error) = self.open(*id, found).await {
                failure = Some(error);
            }
            let is_over = |incident: &Incident| poll.watch.is_over(incident, now);
            if looks_for_ends && let Err(error) = self.end(*id, &poll.watch, is_over, now).await {
                failure = Some(error);
            }
        }
        for (id, forgotten) in watched.forget(now) {
            // Nobody would find out any more that they are over.
            if let Err(error) = self.end(id, &forgotten.watch, |_| true, now).await {
                watched.polls.insert(id, forgotten);
                failure = Some(error);
            }
        }
        failure.map_or(Ok(()), Err)
    }

    /// Opens incidents of a poll.
    async fn open(&self, id: PollId, found: Vec<Finding>) -> Result<(), StoreError> {
        for finding in found {
            let open = |poll: &Poll, settings: &SiteSettings, now| {
                let asks_for_work = settings.proof_of_work != WorkPolicy::Never;
                let found = Finding { asks_for_work, ..finding.clone() };
                poll.with_incident(found, settings.incidents, now).map(|(edit, incident)| (edit, vec![incident]))
            };
            self.change(id, open).await?;
        }
        Ok(())
    }

    /// Ends those that detectors have opened and that are over.
    async fn end(
        &self,
        id: PollId,
        watch: &PollWatch,
        is_over: impl Fn(&Incident) -> bool,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let is_over = |incident: &&Incident| incident.about.cause != IncidentCause::Editor && is_over(incident);
        let end = |poll: &Poll, _: &SiteSettings, now_there| {
            let over = poll.open_incidents().find(is_over)?;
            poll.with_incident_ended(over.label, Ending::Over(watch.per_hour(over, now)), now_there)
        };
        // Each has a label of its own.
        while self.change(id, end).await? {}
        Ok(())
    }

    /// Changes a poll's incidents, if what is known of it here says that there is something to change. Returns whether it did.
    async fn change(
        &self,
        id: PollId,
        change: impl Fn(&Poll, &SiteSettings, Timestamp) -> Option<(Edit, Vec<Incident>)>,
    ) -> Result<bool, StoreError> {
        let Some(known) = self.hub.poll_cache().get(&self.store, id).await? else { return Ok(false) };
        let settings = &known.site.settings;
        if change(&known.poll, settings, self.clock.now()).is_none() {
            return Ok(false);
        }
        for _ in 0..MOST_TURNS {
            let Some(poll) = self.store.poll(id).await? else { return Ok(false) };
            let now = self.store.now().await?;
            let Some((edit, incidents)) = change(&poll, settings, now) else { return Ok(false) };
            let told = NewEvent::of_incidents(&edit.poll, &incidents, &Actor::Detector, now);
            let replaced = self.changes.put((&poll, edit), told, (&Actor::Detector, now)).await?;
            if matches!(replaced, Replacement::Done(_)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Watched {
    fn take_in(&mut self, seen: VotesSeen, now: Timestamp) {
        let VotesSeen { poll, traces, views, found, .. } = seen;
        let begin = || PollUnderWatch { watch: PollWatch::begin(now), waiting: Vec::new() };
        let watched = self.polls.entry(poll).or_insert_with(begin);
        watched.waiting.extend(traces);
        if views > 0 {
            watched.watch.note_views(now, views);
        }
        for cause in found {
            watched.watch.note_found(cause);
        }
    }

    /// Keeps the memory bounded: polls whose last ballot is older than that of others go. Returns them.
    fn forget(&mut self, now: Timestamp) -> Vec<(PollId, PollUnderWatch)> {
        let is_old = |poll: &PollUnderWatch| now.as_millis() - poll.watch.newest().as_millis() >= FORGOTTEN_MILLIS;
        let mut gone: Vec<_> = self.polls.extract_if(|_, poll| is_old(poll)).collect();
        let mut networks: usize = self.polls.values().map(|poll| poll.watch.networks()).sum();
        if self.polls.len() <= MOST_POLLS && networks <= MOST_NETWORKS {
            return gone;
        }
        let mut oldest: Vec<(Timestamp, PollId)> =
            self.polls.iter().map(|(id, poll)| (poll.watch.newest(), *id)).collect();
        oldest.sort_unstable();
        for (_, id) in oldest {
            if self.polls.len() <= MOST_POLLS && networks <= MOST_NETWORKS {
                break;
            }
            if let Some(poll) = self.polls.remove(&id) {
                networks -= poll.watch.networks();
                gone.push((id, poll));
            }
        }
        gone
    }
}

impl PollUnderWatch {
    /// Shows the detectors all ballots that came so long ago that other replicas have told theirs.
    fn look(&mut self, now: Timestamp, wait_millis: i64) -> Vec<Finding> {
        self.waiting.sort_by_key(|trace| trace.at);
        let until = now.as_millis() - wait_millis;
        let ready = self.waiting.partition_point(|trace| trace.at.as_millis() <= until || wait_millis == 0);
        for trace in self.waiting.drain(..ready) {
            self.watch.note(&trace);
        }
        self.watch.look(now)
    }
}
