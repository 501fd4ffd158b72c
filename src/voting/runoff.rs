//! Who wins a ranked poll by instant run-off, counted from its ballots.
//!
//! A tally does not tell it, so the ballots are scanned, page by page. That is done only when somebody asks: once for a
//! poll that is closed, and for one that is open at most every [`EVERY`], however many ask. Nobody who votes waits for it:
//! a replica makes one scan at a time, which pauses after each page as long as the page took, and yields to ballots that
//! wait (see [`Bounded`](crate::store::Bounded)). It goes on if those who asked are gone.
//!
//! Of a closed poll the ballots must add up to the tally, or nothing is told. Of an open poll each voter is in it at most
//! once, with the ballot they had at some moment of the scan: see [`Ballots::ballots`](crate::store::Ballots::ballots).
//! All that is kept afterwards is the rounds.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use tokio::{sync::Semaphore, time::Instant};

use super::{VoteError, Voting, retry::retry};
use crate::{
    live::KnownTally,
    poll::{Orders, Poll, PollId, Position, Runoff, State, Timestamp, WhyHidden},
    store::{SharedRead, Store, StoreError, scan_ballots, shared_read},
};

/// How often the ballots of an open poll are scanned at most.
const EVERY: Duration = Duration::from_secs(30);
/// How long somebody waits for a scan. It goes on, for those who ask later.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// The run-offs of so many polls are kept, and besides those that were begun a moment ago.
const MOST_KEPT: usize = 1_000;

/// A run-off, and what it was counted of.
#[derive(Debug)]
pub struct CountedRunoff {
    /// The rounds.
    pub runoff: Runoff,
    /// Those of the ballots that count by what was decided after the close, if anything was.
    pub amended: Option<Runoff>,
    /// Whether it is final.
    pub state: State,
    /// Not before this moment was the first ballot read.
    pub as_of: Timestamp,
}

type Counting = SharedRead<Arc<CountedRunoff>>;

/// The run-offs that a replica has counted, or is counting.
pub(super) struct Runoffs {
    kept: Mutex<FxHashMap<PollId, KeptRunoff>>,
    scanning: Arc<Semaphore>,
}

struct KeptRunoff {
    begun_at: Instant,
    /// The poll, and how far its tally had come.
    poll: Arc<Poll>,
    state: State,
    position: Position,
    counting: Counting,
}

impl Default for Runoffs {
    fn default() -> Self {
        Self { kept: Mutex::default(), scanning: Arc::new(Semaphore::new(1)) }
    }
}

impl Voting {
    /// The run-off of a poll whose tally somebody may see. Must be called on a [`tokio::task::LocalSet`].
    ///
    /// # Errors
    /// [`VoteError::NoRunoff`]; [`VoteError::Hidden`] if the tally is not exact; [`VoteError::StillCounting`]; what the store failed with.
    pub async fn run_off(&self, snapshot: &KnownTally) -> Result<Arc<CountedRunoff>, VoteError> {
        if !snapshot.poll.kind.is_ordered() {
            return Err(VoteError::NoRunoff);
        }
        let display = snapshot.tally.display;
        if !display.is_exact() {
            return Err(VoteError::Hidden(WhyHidden::Display(display)));
        }
        if !snapshot.poll.is_made() {
            let (runoff, state, as_of) =
                (Orders::default().run_off(&snapshot.poll), snapshot.tally.state, snapshot.tally.as_of);
            return Ok(Arc::new(CountedRunoff { runoff, amended: None, state, as_of }));
        }
        if let (State::Closed, Some(runoff)) = (snapshot.tally.state, &snapshot.poll.runoff) {
            let (runoff, state, as_of) = (Runoff::clone(runoff), State::Closed, snapshot.tally.as_of);
            return Ok(Arc::new(CountedRunoff { runoff, amended: None, state, as_of }));
        }
        wait_for(self.replica.runoffs.get(snapshot, &self.others)).await
    }
}

/// Waits for a scan, but not for ever.
async fn wait_for(counting: Counting) -> Result<Arc<CountedRunoff>, VoteError> {
    let counted = tokio::time::timeout(LONGEST_WAIT, counting).await;
    Ok(counted.map_err(|_| VoteError::StillCounting)??)
}

impl Runoffs {
    /// The run-off that is kept, if it is new enough, or one that is counted from now on.
    fn get(&self, snapshot: &KnownTally, store: &Arc<dyn Store>) -> Counting {
        let mut all = self.kept.lock();
        if let Some(kept) = all.get(&snapshot.poll.id).filter(|kept| kept.serves(snapshot)) {
            return kept.counting.clone();
        }
        if all.len() >= MOST_KEPT {
            all.retain(|_, kept| kept.must_stay());
        }
        let counting = shared_read(count(snapshot, Arc::clone(store), Arc::clone(&self.scanning)));
        let (poll, state, position) = (Arc::clone(&snapshot.poll), snapshot.tally.state, snapshot.tally.position());
        let kept = KeptRunoff { begun_at: Instant::now(), poll, state, position, counting: counting.clone() };
        all.insert(snapshot.poll.id, kept);
        tokio::task::spawn_local(counting.clone());
        counting
    }
}

impl KeptRunoff {
    /// Whether the same ballots would be scanned too soon without it, or while they are.
    fn must_stay(&self) -> bool {
        self.counting.peek().is_none() || self.begun_at.elapsed() < EVERY
    }

    /// Whether whoever sees this tally may be told it.
    fn serves(&self, KnownTally { poll, tally, .. }: &KnownTally) -> bool {
        let is_lost = matches!(self.counting.peek(), Some(Err(_)));
        let is_new = match tally.state {
            // Unless the store has lost votes, that never changes.
            State::Closed => (self.state, self.position) == (State::Closed, tally.position()),
            State::Draft | State::Scheduled | State::Open => self.must_stay(),
        };
        is_new && !is_lost && poll.counts_like(&self.poll) && poll.addendum == self.poll.addendum
    }
}

fn count(
    KnownTally { poll, tally, .. }: &KnownTally,
    store: Arc<dyn Store>,
    scanning: Arc<Semaphore>,
) -> impl Future<Output = Result<Arc<CountedRunoff>, Arc<StoreError>>> + Send + 'static {
    let (poll, tally) = (Arc::clone(poll), tally.clone());
    async move {
        // It is never closed.
        let _turn = scanning.acquire().await;
        let ScannedOrders { orders, amended } = scan(&*store, &poll).await?;
        let (state, as_of) = (tally.state, tally.as_of);
        // Of a million different orders this takes a part of a second, in which a worker could answer nobody.
        let counted = tokio::task::spawn_blocking(move || {
            let adds_up = tally.state != State::Closed || orders.add_up_to(&poll, &tally);
            adds_up.then(|| (orders.run_off(&poll), amended.map(|orders| orders.run_off(&poll))))
        });
        let runoffs = counted.await.map_err(|error| Arc::new(StoreError::unavailable(error)))?;
        let (runoff, amended) =
            runoffs.ok_or_else(|| Arc::new(StoreError::unavailable("the ballots don't add up to the tally")))?;
        Ok(Arc::new(CountedRunoff { runoff, amended, state, as_of }))
    }
}

/// The ballots of a poll that count.
struct ScannedOrders {
    orders: Orders,
    /// Those that do by what was decided after the close.
    amended: Option<Orders>,
}

async fn scan(store: &dyn Store, poll: &Poll) -> Result<ScannedOrders, StoreError> {
    let gone = || StoreError::unavailable("the poll was deleted while its ballots were read");
    let mut orders = Orders::default();
    let mut amended = poll.addendum.as_ref().map(|addendum| (addendum.decisions, Orders::default()));
    let is_there = scan_ballots(
        |from| retry(move || store.ballots(poll, from)),
        |page| {
            for ballot in &page.ballots {
                if poll.decisions.count(ballot.label) {
                    orders.add(poll, ballot.counters);
                }
                if let Some((_, orders)) = amended.as_mut().filter(|(decisions, _)| decisions.count(ballot.label)) {
                    orders.add(poll, ballot.counters);
                }
            }
        },
    );
    if !is_there.await? {
        return Err(gone());
    }
    // In a poll of other options, what was read means others.
    let now = retry(|| store.poll(poll.id)).await?;
    let amended = amended.map(|(_, orders)| orders);
    now.filter(|now| now.counts_like(poll)).map(|_| ScannedOrders { orders, amended }).ok_or_else(gone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poll::{DigestKey, Kind, NewOption, NewPoll, Partitions, PollFields, SiteId, Tally};

    fn ranked_poll() -> Arc<Poll> {
        let option = |label: &str| NewOption { label: label.to_owned(), ..NewOption::default() };
        let options = Some(vec![option("نعم"), option("لا")]);
        let fields = PollFields { question: Some("؟".to_owned()), options, ..PollFields::default() };
        let new = NewPoll { kind: Some(Kind::Ranked), fields, ..NewPoll::default() };
        let key = DigestKey::from_bytes([0; 32]);
        let built = new.build(PollId::generate(), SiteId::default(), Partitions::unplaced(1), key, Timestamp::EARLIEST);
        Arc::new(built.unwrap())
    }

    fn snapshot(poll: &Arc<Poll>, state: State, ballots: u64) -> KnownTally {
        let mut snapshot = KnownTally::of_nothing(poll, Timestamp::EARLIEST);
        snapshot.tally = Tally { state, version: ballots, ballots, ..snapshot.tally };
        snapshot
    }

    fn counted(snapshot: &KnownTally) -> Arc<CountedRunoff> {
        let runoff = Orders::default().run_off(&snapshot.poll);
        Arc::new(CountedRunoff { runoff, amended: None, state: snapshot.tally.state, as_of: snapshot.tally.as_of })
    }

    fn kept(snapshot: &KnownTally) -> KeptRunoff {
        let counted = counted(snapshot);
        let counting = shared_read(async move { Ok(counted) });
        let (poll, state, position) = (Arc::clone(&snapshot.poll), snapshot.tally.state, snapshot.tally.position());
        KeptRunoff { begun_at: Instant::now(), poll, state, position, counting }
    }

    #[tokio::test(start_paused = true)]
    async fn the_ballots_of_an_open_poll_are_scanned_at_most_every_thirty_seconds() {
        let poll = ranked_poll();
        let (first, later) = (snapshot(&poll, State::Open, 1), snapshot(&poll, State::Open, 9));
        let kept = kept(&first);
        assert!(kept.counting.clone().await.is_ok());
        tokio::time::advance(Duration::from_millis(29_999)).await;
        assert!(kept.serves(&later), "however many have voted since");
        assert!(!kept.serves(&snapshot(&poll, State::Closed, 9)), "what is final is counted once it is");
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(!kept.serves(&first) && !kept.serves(&later));
    }

    #[tokio::test(start_paused = true)]
    async fn a_scan_that_takes_long_is_waited_for_and_no_other_is_begun() {
        let open = snapshot(&ranked_poll(), State::Open, 1);
        let kept = KeptRunoff { counting: shared_read(std::future::pending()), ..kept(&open) };
        tokio::time::advance(EVERY * 10).await;
        assert!(kept.serves(&open));
        assert!(!kept.serves(&snapshot(&open.poll, State::Closed, 1)), "what is final is counted once it is");
    }

    #[tokio::test(start_paused = true)]
    async fn an_open_poll_is_not_scanned_sooner_because_many_others_are() {
        let kept = kept(&snapshot(&ranked_poll(), State::Open, 1));
        assert!(kept.counting.clone().await.is_ok());
        tokio::time::advance(Duration::from_millis(29_999)).await;
        assert!(kept.must_stay());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(!kept.must_stay());
    }

    #[tokio::test(start_paused = true)]
    async fn the_runoff_of_a_closed_poll_is_counted_once_for_good() {
        let poll = ranked_poll();
        let closed = snapshot(&poll, State::Closed, 9);
        let kept = kept(&closed);
        tokio::time::advance(Duration::from_hours(24 * 365)).await;
        assert!(kept.serves(&closed));
        assert!(!kept.serves(&snapshot(&poll, State::Closed, 8)), "the store has lost votes");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_asks_waits_ten_seconds_for_a_scan_and_no_longer() {
        let open = snapshot(&ranked_poll(), State::Open, 1);
        for (takes, is_told) in [(9_999, true), (10_001, false)] {
            let (begun, counted) = (Instant::now(), counted(&open));
            let counting = async move {
                tokio::time::sleep(Duration::from_millis(takes)).await;
                Ok(counted)
            };
            let told = wait_for(shared_read(counting)).await;
            assert_eq!(told.is_ok(), is_told, "{takes} ms");
            assert!(is_told || matches!(told, Err(VoteError::StillCounting)));
            assert_eq!(begun.elapsed(), Duration::from_millis(takes.min(10_000)));
        }
    }
}
