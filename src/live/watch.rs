//! How far one reader has come with one poll of a stream.

use std::{
    rc::Rc,
    sync::Arc,
    task::{self, Context},
    time::{Duration, Instant},
};

use futures_util::{FutureExt as _, future::LocalBoxFuture};

use super::{KnownTally, streams::Topic};
use crate::{
    poll::{Poll, PollId, Position, Revision, State, Viewer},
    wire::{PositionKeys, ReaderPosition, SignedPosition},
};

/// The least time between two look-ups of a voter's ballot, while a stream waits for it.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Looks up whether a certain voter has a ballot in a poll.
pub type BallotLookup = Rc<dyn Fn(Arc<Poll>) -> LocalBoxFuture<'static, bool>>;

/// One poll a reader asked for.
pub struct RequestedPoll {
    /// Which.
    pub id: PollId,
    /// Its newest tally; `None` if it is not there, for them.
    pub newest: Option<Arc<KnownTally>>,
    /// How far they have come.
    pub seen: Option<ReaderPosition>,
    /// Whether they have that tally, and need not be sent it again.
    pub has_it: bool,
    /// Whether that is later than the newest here, and the store did not answer in time which is newest.
    pub is_behind: bool,
    /// As whom they look at it.
    pub viewer: Viewer,
    /// Whether they want a mark of it.
    pub wants_mark: bool,
}

/// How far a reader has come with one poll.
pub(super) struct WatchedPoll {
    /// `None`: the poll was not there from the beginning.
    pub(super) topic: Option<Rc<Topic>>,
    pub(super) id: PollId,
    /// The sequence of the last tally that was sent.
    pub(super) seen: u64,
    /// The sequence of the last change of the poll itself that was sent.
    pub(super) poll_seen: u64,
    /// The signed position of the last tally that some replica sent.
    pub(super) sent: Option<SignedPosition>,
    /// How far its reader had come, if that was further than this replica. Older tallies are held back until the first
    /// heartbeat: by then the store has said what is newest, or has not answered at all.
    pub(super) floor: Option<Position>,
    pub(super) viewer: Viewer,
    /// Whether a vote may give its reader something new.
    pub(super) wants_tallies: bool,
    pub(super) is_gone: bool,
    /// The look-up of the voter's ballot, while it runs.
    pub(super) look: Option<LocalBoxFuture<'static, bool>>,
    pub(super) looked_at: Option<Instant>,
    /// The sequence up to which they are known to have none.
    pub(super) looked_for: u64,
}

impl WatchedPoll {
    /// A poll that a reader begins to follow. `has_voter` says whether they show a voter's token.
    pub(super) fn new(asked: RequestedPoll, topic: Option<Rc<Topic>>, keys: &PositionKeys, has_voter: bool) -> Self {
        let RequestedPoll { id, newest, seen, has_it, is_behind, viewer, wants_mark: _ } = asked;
        let mut watch = Self {
            topic,
            id,
            seen: 0,
            poll_seen: 0,
            sent: seen.filter(|seen| is_behind && seen.is_proven).map(|seen| keys.sign(id, seen.position)),
            floor: seen.filter(|_| is_behind).map(|seen| seen.position),
            viewer,
            wants_tallies: false,
            is_gone: false,
            look: None,
            looked_at: None,
            looked_for: newest.as_ref().map_or(0, |newest| newest.sequence),
        };
        let Some(newest) = newest else { return watch };
        if let Some(shown) = watch.shown(&newest) {
            // A reader who has this tally is not sent it again, unless they may have missed that the poll has closed,
            // or has opened by the clock, at the same position. One that is not exact may be another there.
            let is_newest = seen.is_some_and(|seen| seen.position == shown.tally.position());
            let has_moved = match shown.tally.state {
                State::Open => shown.tally.version == 0 && shown.poll.schedule.opens_at.is_some(),
                State::Closed => true,
                State::Draft | State::Scheduled => false,
            };
            if has_it && is_newest && shown.tally.display.is_exact() && !has_moved {
                watch.seen = shown.sequence;
                watch.sent = Some(shown.signed(keys));
            }
            // A reader may have missed any edit: a tab may have been hidden for hours, and a cache may keep the page.
            if newest.poll.revision <= Revision::FIRST {
                watch.poll_seen = newest.poll_sequence;
            }
        }
        watch.wants_tallies = watch.wants_tallies_of(&newest, has_voter);
        watch
    }

    /// Looks up whether a voter who had no ballot has one by now, if that would show them the tally.
    pub(super) fn look_for_ballot(&mut self, lookup: &BallotLookup, cx: &mut Context<'_>) {
        if let Some(look) = &mut self.look {
            if let task::Poll::Ready(has_ballot) = look.poll_unpin(cx) {
                self.viewer = if has_ballot { Viewer::Voter } else { self.viewer };
                self.look = None;
            }
            return;
        }
        let Some(newest) = self.topic.as_ref().and_then(|topic| topic.current()) else { return };
        let is_hidden = self.viewer < newest.least_viewer();
        let is_waiting = self.viewer == Viewer::Everyone && self.wants_tallies && is_hidden;
        if !is_waiting || newest.sequence <= self.looked_for {
            return;
        }
        let earliest = self.looked_at.map(|before| before + LOOK_EVERY).filter(|earliest| *earliest > Instant::now());
        self.looked_at = Some(earliest.unwrap_or_else(Instant::now));
        self.looked_for = newest.sequence;
        let (look_up, poll) = (Rc::clone(lookup), Arc::clone(&newest.poll));
        let look = async move {
            if let Some(earliest) = earliest {
                tokio::time::sleep_until(earliest.into()).await;
            }
            look_up(poll).await
        };
        self.look = Some(Box::pin(look));
        // Polled at once, so that it wakes this stream.
        self.look_for_ballot(lookup, cx);
    }

    /// What the reader sees of this tally.
    pub(super) fn shown<'a>(&self, snapshot: &'a Arc<KnownTally>) -> Option<&'a Arc<KnownTally>> {
        snapshot.shown_to(self.viewer).tally()
    }

    /// Whether a vote may give them something new: also one that makes the ballots enough to be shown.
    pub(super) fn wants_tallies_of(&self, snapshot: &KnownTally, has_voter: bool) -> bool {
        let may_be = if has_voter { self.viewer.max(Viewer::Voter) } else { self.viewer };
        may_be >= snapshot.least_viewer()
    }
}
