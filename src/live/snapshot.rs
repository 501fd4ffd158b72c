//! A tally as it was at one moment, and as it is sent.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use actix_web::http::header::HeaderValue;
use bytes::Bytes;

use crate::{
    poll::{DelayedTally, Phase, Poll, Tally, TallyDisplay, Timestamp, Viewer, WhyHidden},
    wire::{self, PositionKeys, SignedPosition},
};

/// A tally and the definition it belongs to. Its JSON is written once, for the first who needs it; all others get the
/// same bytes.
#[derive(Debug)]
pub struct Snapshot {
    /// The sum.
    pub tally: Tally,
    /// The poll, in the revision the tally was summed for.
    pub poll: Arc<Poll>,
    /// Counts, within one process, the changes of all polls. Tallies of one poll that differ only by `as_of` have the
    /// same.
    pub(super) sequence: u64,
    /// The sequence at which the poll was last edited, opened or closed.
    pub(super) poll_sequence: u64,
    readers: ReaderSnapshot,
    tally_json: OnceLock<String>,
    results_json: OnceLock<Bytes>,
    signed: OnceLock<SignedPosition>,
    etag: OnceLock<HeaderValue>,
    names: OnceLock<[HeaderValue; 2]>,
    tally_event: OnceLock<Bytes>,
    poll_event: OnceLock<Bytes>,
}

/// What readers are shown in its place.
#[derive(Debug)]
enum ReaderSnapshot {
    /// The same.
    Same,
    /// This one.
    Other(Arc<Snapshot>),
    /// What was some minutes ago, which was not read yet.
    Unread,
}

/// What somebody is shown of a poll's tally.
pub enum ShownSnapshot<T> {
    /// This.
    Tally(T),
    /// Nothing, and why.
    Hidden(WhyHidden),
    /// Not known yet: the store must be asked.
    Unread,
}

impl<T> ShownSnapshot<T> {
    /// The tally, if one is shown.
    pub fn tally(self) -> Option<T> {
        match self {
            Self::Tally(tally) => Some(tally),
            Self::Hidden(_) | Self::Unread => None,
        }
    }
}

impl Snapshot {
    /// The snapshot that follows on another of the same poll, if there is one; with what readers are shown of it.
    pub(super) fn after(before: Option<&Self>, tally: Tally, poll: Arc<Poll>, delayed: Option<&DelayedTally>) -> Self {
        let for_readers = match poll.display_in(tally.state) {
            TallyDisplay::Exact => return Self::follow(before, tally, poll, ReaderSnapshot::Same),
            TallyDisplay::Percent => Some(tally.in_percent(&poll)),
            TallyDisplay::Delayed => delayed.map(|delayed| delayed.in_place_of(&tally)),
        };
        let shown_before = before.and_then(|before| match &before.readers {
            ReaderSnapshot::Other(before) => Some(&**before),
            ReaderSnapshot::Same | ReaderSnapshot::Unread => None,
        });
        let readers = for_readers.map_or(ReaderSnapshot::Unread, |tally| {
            let poll = Arc::clone(&poll);
            ReaderSnapshot::Other(Arc::new(Self::follow(shown_before, tally, poll, ReaderSnapshot::Same)))
        });
        Self::follow(before, tally, poll, readers)
    }

    fn follow(before: Option<&Self>, tally: Tally, poll: Arc<Poll>, readers: ReaderSnapshot) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let is_same_poll =
            before.is_some_and(|before| before.poll.revision == poll.revision && before.tally.state == tally.state);
        // What readers are shown may be the same at another position, and another at the same.
        let is_same = |before: &Self| {
            before.tally.position() == tally.position()
                && (tally.display.is_exact()
                    || (before.tally.ballots, &before.tally.votes) == (tally.ballots, &tally.votes))
        };
        let (sequence, poll_sequence) = match before {
            Some(before) if is_same_poll && is_same(before) => (before.sequence, before.poll_sequence),
            before => {
                let sequence = NEXT.fetch_add(1, Relaxed);
                (sequence, before.filter(|_| is_same_poll).map_or(sequence, |before| before.poll_sequence))
            }
        };
        Self {
            tally,
            poll,
            sequence,
            poll_sequence,
            readers,
            tally_json: OnceLock::new(),
            results_json: OnceLock::new(),
            signed: OnceLock::new(),
            etag: OnceLock::new(),
            names: OnceLock::new(),
            tally_event: OnceLock::new(),
            poll_event: OnceLock::new(),
        }
    }

    /// The tally of a poll that has no ballot, and is in no store.
    pub fn of_nothing(poll: &Arc<Poll>, now: Timestamp) -> Self {
        Self::follow(None, Tally::of_nothing(poll, now), Arc::clone(poll), ReaderSnapshot::Same)
    }

    /// What this viewer is shown of it. This is where all rules meet about who may see a tally, and how much of it.
    pub fn shown_to(self: &Arc<Self>, viewer: Viewer) -> ShownSnapshot<&Arc<Self>> {
        let poll = &self.poll;
        if !poll.results.shows(viewer, self.tally.state) {
            return ShownSnapshot::Hidden(WhyHidden::Policy(poll.results));
        }
        let shown = match &self.readers {
            _ if viewer == Viewer::Publisher => return ShownSnapshot::Tally(self),
            ReaderSnapshot::Same => self,
            ReaderSnapshot::Other(shown) => shown,
            ReaderSnapshot::Unread => return ShownSnapshot::Unread,
        };
        if shown.tally.ballots < poll.minimum_ballots.into() {
            return ShownSnapshot::Hidden(WhyHidden::TooFew(poll.minimum_ballots));
        }
        ShownSnapshot::Tally(shown)
    }

    /// Whether this viewer is shown all that anybody is.
    pub fn is_whole_to(self: &Arc<Self>, viewer: Viewer) -> bool {
        matches!(self.shown_to(viewer), ShownSnapshot::Tally(shown) if Arc::ptr_eq(shown, self))
    }

    /// Whether the store must be asked what readers are shown.
    pub(super) fn is_unread(&self) -> bool {
        matches!(self.readers, ReaderSnapshot::Unread)
    }

    /// The sequence of what readers are shown.
    pub(super) fn reader_sequence(&self) -> u64 {
        match &self.readers {
            ReaderSnapshot::Other(shown) => shown.sequence,
            ReaderSnapshot::Same | ReaderSnapshot::Unread => self.sequence,
        }
    }

    /// The tally as JSON, for those who have the poll: voters, and readers of a stream, who get a new one up to ten
    /// times a second. So it has no labels.
    pub fn tally_json(&self) -> &str {
        self.tally_json.get_or_init(|| wire::tally_json(&self.poll, &self.tally))
    }

    /// The same with each option's label, for those who ask for results alone.
    pub fn results_json(&self) -> &Bytes {
        self.results_json.get_or_init(|| wire::results_json(&self.poll, &self.tally).into())
    }

    /// The same as text.
    pub fn results_text(&self) -> &str {
        std::str::from_utf8(self.results_json()).unwrap_or_default()
    }

    /// How far the tally has come, signed. A process has the same keys all its life.
    pub fn signed(&self, keys: &PositionKeys) -> SignedPosition {
        *self.signed.get_or_init(|| keys.sign(self.tally.poll, self.tally.position()))
    }

    /// The entity tag, with its quotes. It covers all that changes what the JSON says, except `as_of`.
    pub fn etag(&self, keys: &PositionKeys) -> &HeaderValue {
        self.etag.get_or_init(|| header(&wire::tally_etag(&self.poll, &self.tally, self.signed(keys))))
    }

    /// The names by which caches can be told to forget it: its poll and its site, separated by a blank and by a comma.
    pub fn names(&self) -> &[HeaderValue; 2] {
        self.names.get_or_init(|| {
            let [poll, site] = [format!("poll-{}", self.poll.id), format!("site-{}", self.poll.site)];
            [header(&format!("{poll} {site}")), header(&format!("{poll},{site}"))]
        })
    }

    /// The tally as an event of a stream of this poll alone.
    pub(super) fn tally_event(&self, keys: &PositionKeys) -> &Bytes {
        self.tally_event.get_or_init(|| {
            let json = self.tally_json();
            format!("event: tally\nid: {}\ndata: {json}\n\n", self.signed(keys)).into()
        })
    }

    /// The poll as an event.
    pub(super) fn poll_event(&self) -> &Bytes {
        self.poll_event.get_or_init(|| {
            let json = wire::poll_json(&self.poll, self.tally.state);
            format!("event: poll\ndata: {json}\n\n").into()
        })
    }

    /// Whether the poll has opened or closed by the clock since this was read.
    pub(super) fn is_overtaken(&self, now: Timestamp) -> bool {
        let schedule = &self.poll.schedule;
        let has_come = |moment: Option<Timestamp>| moment.is_some_and(|it| self.tally.as_of < it && it <= now);
        schedule.phase == Phase::Live && (has_come(schedule.opens_at) || has_come(schedule.closes_at))
    }
}

/// Numbers, ids and states consist of characters that headers allow.
fn header(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}
