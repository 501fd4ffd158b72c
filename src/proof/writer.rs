//! Takes what happens in each site, and the tallies of its polls, into its transparency log.

use std::{
    collections::{BTreeSet, HashMap, hash_map::Entry},
    mem,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    LogLeaf, LoggedFigure, Opens, PollNotes, TransparencyLog,
    append::{Additions, LEASE, OpenLog},
    ballot_tree::read_tree,
    names, statements, write_file,
};
use crate::{
    events::{EventSignal, SiteTurn, TaskLog},
    poll::{Poll, PollId, Position, SiteId, State, Tally, Timestamp},
    site::{Event, EventType},
    store::{StoreError, all_sites},
};

/// How often sites that could not be done with are looked at again.
const AGAIN: Duration = Duration::from_secs(5);
/// How often each site is looked at, for what other replicas have left and for tallies that are due. Each look asks the store
/// four times, from every replica.
const SWEEP: Duration = Duration::from_mins(1);
/// How many events and polls are read at once.
const CHUNK: usize = 100;
/// How often a log that others write to meanwhile is read again in one turn.
const MOST_TURNS: usize = 5;

/// What the writer has seen of tallies. It may forget: then a tally is added that has not moved.
#[derive(Default)]
struct Tallied {
    /// When each site's were looked at.
    looked_at: HashMap<SiteId, Timestamp>,
    /// Those that are in the logs: a poll's is added only if it has moved since.
    positions: HashMap<PollId, Position>,
}

/// When so many tallies are remembered, all are forgotten: most are of polls that have closed.
const MOST_TALLIED: usize = 100_000;

/// What a replica has in mind from turn to turn.
#[derive(Default)]
struct Memory {
    tallied: Tallied,
    /// The sites that something was left of: another replica had the lease, or it can't be said yet that a poll has closed.
    again: BTreeSet<SiteId>,
    /// When each site was looked at last; `None` if that must be done now.
    swept_at: Option<Instant>,
}

/// Writes until it is dropped.
pub async fn write(log: TransparencyLog, signal: Arc<EventSignal>) {
    let mut turns = signal.turns(AGAIN);
    let mut task = TaskLog::of("transparency log");
    let mut memory = Memory::default();
    while let Some(turn) = turns.next().await {
        task.note(log.turns(turn, &mut memory).await);
    }
}

impl TransparencyLog {
    /// The turns of the sites whose turn it is. One that fails keeps none of the others waiting.
    async fn turns(&self, turn: SiteTurn, memory: &mut Memory) -> Result<(), StoreError> {
        let sites = match turn {
            SiteTurn::Grown(site) => vec![site],
            SiteTurn::Missed => {
                memory.swept_at = None;
                vec![]
            }
            SiteTurn::Due => self.due_sites(memory).await?,
        };
        let mut failure = None;
        for site in sites {
            let done = self.turn(&site, &mut memory.tallied).await;
            if matches!(done, Ok(true)) {
                memory.again.remove(&site);
            } else {
                memory.again.insert(site);
            }
            failure = done.err().or(failure);
        }
        failure.map_or(Ok(()), Err)
    }

    async fn due_sites(&self, memory: &mut Memory) -> Result<Vec<SiteId>, StoreError> {
        let every = self.replica.tally_every.min(SWEEP);
        if memory.swept_at.is_some_and(|swept_at| swept_at.elapsed() < every) {
            let mut again = mem::take(&mut memory.again);
            again.extend(self.replica.waiting.lock().iter().cloned());
            return Ok(again.into_iter().collect());
        }
        let sites = all_sites(&*self.store).await?;
        memory.swept_at = Some(Instant::now());
        memory.again.clear();
        Ok(sites)
    }

    /// Takes in what is new in a site, unless another replica does. Returns whether nothing was left.
    async fn turn(&self, site: &SiteId, tallied: &mut Tallied) -> Result<bool, StoreError> {
        let log = self.open(site).await?;
        if !log.is_published {
            self.publish(site, &log.head).await?;
        }
        let has_events = !self.store.events(site, log.head.cursor, 1).await?.is_empty();
        let is_due = log.is_due() || has_events || self.are_tallies_due(&log, log.read_at, tallied);
        if !is_due {
            return Ok(true);
        }
        if !self.lease(site).await? {
            return Ok(false);
        }
        let done = self.take_in(site, tallied).await;
        // Else it expires.
        let _ = self.store.return_log(site, &self.holder).await;
        done
    }

    async fn lease(&self, site: &SiteId) -> Result<bool, StoreError> {
        self.store.lease_log(site, &self.holder, LEASE).await
    }

    /// Before a log has begun, nothing is due: it begins with the first event.
    fn are_tallies_due(&self, log: &OpenLog, now: Timestamp, tallied: &Tallied) -> bool {
        let looked_at = tallied.looked_at.get(log.site()).copied();
        let since = log.head.tallied_at.max(looked_at).unwrap_or(log.head.began_at);
        log.head.size > 0 && self.replica.is_due_since(since, now)
    }

    async fn take_in(&self, site: &SiteId, tallied: &mut Tallied) -> Result<bool, StoreError> {
        let (mut log, mut turns) = (self.open(site).await?, 0);
        let is_all = loop {
            if !self.lease(site).await? {
                return Ok(false);
            }
            let events = self.store.events(site, log.head.cursor, CHUNK).await?;
            let (added, is_all) = self.of_events(site, &log, &events).await?;
            if added.leaves.is_empty() && !log.is_due() {
                break is_all;
            }
            match self.append(log.clone(), added).await? {
                Some(next) => log = next,
                None if turns == MOST_TURNS => return Ok(false),
                None => {
                    turns += 1;
                    log = self.open(site).await?;
                    continue;
                }
            }
            if !is_all || events.len() < CHUNK {
                break is_all;
            }
        };
        let now = self.store.now().await?;
        let is_due = self.are_tallies_due(&log, now, tallied);
        Ok(if is_due { self.add_tallies(log, now, tallied).await? && is_all } else { is_all })
    }

    /// What is added of some events, and whether that is all of them: not if a poll's close must wait.
    async fn of_events(&self, site: &SiteId, log: &OpenLog, events: &[Event]) -> Result<(Additions, bool), StoreError> {
        let mut added = Additions::default();
        let mut polls: HashMap<PollId, PollNotes> = HashMap::new();
        let mut is_all = true;
        for event in events {
            let mut of_close = None;
            if let Some(id) = event.poll {
                let notes = match polls.entry(id) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(unknown) => unknown.insert(self.notes(site, id).await?),
                };
                if event.kind == EventType::PollClosed && !notes.is_closed {
                    match self.at_close(site, id, async || self.still_leased(site).await).await? {
                        AtClose::Figures(figures) => of_close = Some(figures),
                        AtClose::Gone => {}
                        AtClose::NotYet => {
                            is_all = false;
                            break;
                        }
                    }
                }
                let was_opened = notes.is_opened;
                notes.is_opened |= matches!(event.kind, EventType::PollOpened | EventType::PollClosed);
                notes.is_closed |= event.kind == EventType::PollClosed;
                added.leaves.push(statements::event(event, was_opened));
                if let Some(figures) = of_close {
                    figures.add(log, &mut added.leaves, notes);
                }
            } else {
                added.leaves.push(statements::event(event, false));
            }
            added.cursor = Some(event.id);
        }
        for (id, notes) in &polls {
            added.files.push((names::poll(*id), write_file(notes)?));
        }
        Ok((added, is_all))
    }

    async fn still_leased(&self, site: &SiteId) -> Result<(), StoreError> {
        let has_lease = self.lease(site).await?;
        has_lease.then_some(()).ok_or_else(|| StoreError::unavailable("another replica writes the log"))
    }

    /// The figure of a poll that has closed, and the root of its ballots. `goes_on` is called before each page of them, and
    /// may end it.
    pub(super) async fn at_close(
        &self,
        site: &SiteId,
        id: PollId,
        goes_on: impl AsyncFn() -> Result<(), StoreError>,
    ) -> Result<AtClose, StoreError> {
        let Some(poll) = self.store.poll(id).await?.filter(|poll| poll.site == *site) else {
            return Ok(AtClose::Gone);
        };
        // Reading the tally closes every partition.
        let Some(tallies) = self.store.tally(&poll).await? else { return Ok(AtClose::Gone) };
        let Some(recorded) = self.store.labels(&poll).await? else { return Ok(AtClose::Gone) };
        let is_of_it = tallies.iter().all(|tally| tally.revision == poll.revision)
            && recorded.iter().all(|partition| partition.revision == poll.revision);
        let is_closed = Tally::sum(&poll, &tallies).is_some_and(|tally| tally.state == State::Closed);
        if !is_of_it || !is_closed {
            return Ok(AtClose::NotYet);
        }
        let Some(tree) = read_tree(&*self.store, &poll, goes_on).await? else { return Ok(AtClose::Gone) };
        let now = self.store.now().await?;
        let ballots = statements::ballots(&poll, tree.size(), tree.root(), now);
        let figures =
            FinalFigures { made_at: poll.created_at, tally: statements::final_tally(&poll, &recorded, now), ballots };
        Ok(AtClose::Figures(Box::new(figures)))
    }

    /// Adds the tallies of open polls that have moved. Returns whether they were all added.
    async fn add_tallies(&self, mut log: OpenLog, now: Timestamp, tallied: &mut Tallied) -> Result<bool, StoreError> {
        let (site, mut after) = (log.site().clone(), None);
        loop {
            let polls = self.store.polls(&site, after, CHUNK).await?;
            let mut moved = Vec::new();
            for poll in polls.iter().filter(|poll| poll.state_at(now) == State::Open) {
                let logged = tallied.positions.get(&poll.id).copied();
                let tally = self.tally_of(poll, logged).await?;
                moved.extend(tally.map(|(position, leaf)| ((poll.id, position), leaf)));
            }
            after = polls.last().map(Poll::list_cursor);
            let is_last = polls.len() < CHUNK;
            let (positions, leaves): (Vec<_>, Vec<_>) = moved.into_iter().unzip();
            if !leaves.is_empty() {
                let added = Additions { leaves, tallied_at: is_last.then_some(now), ..Additions::default() };
                let Some(next) = self.append(log, added).await? else { return Ok(false) };
                log = next;
                tallied.positions.extend(positions);
            }
            if is_last {
                if tallied.positions.len() > MOST_TALLIED {
                    tallied.positions.clear();
                }
                tallied.looked_at.insert(site, now);
                return Ok(true);
            }
        }
    }

    /// What there is to say of a poll's tally, if it has moved since the one that is in the log.
    pub(super) async fn tally_of(
        &self,
        poll: &Poll,
        logged: Option<Position>,
    ) -> Result<Option<(Position, LogLeaf)>, StoreError> {
        let Some(partitions) = self.store.tally(poll).await? else { return Ok(None) };
        let is_of_it = partitions.iter().all(|partition| partition.revision == poll.revision);
        let Some(tally) = Tally::sum(poll, &partitions).filter(|_| is_of_it) else { return Ok(None) };
        let position = tally.position();
        let has_moved = logged != Some(position) && tally.ballots > 0;
        Ok(has_moved.then(|| (position, statements::tally(poll, &tally))))
    }
}

/// What there is to say of a poll that has closed.
pub(super) enum AtClose {
    /// Its figure, and the root of its ballots.
    Figures(Box<FinalFigures>),
    /// It was deleted.
    Gone,
    /// It can't be said for sure yet that it has closed.
    NotYet,
}

/// What the log says of a poll at its close.
#[derive(Clone)]
pub(super) struct FinalFigures {
    /// When the poll was made.
    pub(super) made_at: Timestamp,
    tally: LogLeaf,
    ballots: LogLeaf,
}

impl FinalFigures {
    /// Adds them to these leaves, the next of the log, and notes where they are.
    pub(super) fn add(self, log: &OpenLog, leaves: &mut Vec<LogLeaf>, notes: &mut PollNotes) {
        leaves.push(self.tally);
        notes.ballots = (self.ballots.opens != Opens::Never).then(|| log.next_place(leaves.len()));
        leaves.push(self.ballots);
        notes.final_figure = Some(LoggedFigure { made_at: self.made_at, at: log.read_at });
    }
}
