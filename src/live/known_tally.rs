//! A tally as it was at one moment, and as it is sent.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use actix_web::http::header::HeaderValue;
use bytes::Bytes;

use crate::{
    poll::{DelayedTally, Phase, Poll, SampleWindow, Tally, TallyDisplay, Timestamp, Viewer, WhyHidden},
    wire::{self, PositionKeys, SignedPosition},
};

/// A tally and the definition it belongs to. Its JSON is written once, for the first who needs it; all others get the
/// same bytes.
#[derive(Debug)]
pub struct KnownTally {
    /// The sum.
    pub tally: Tally,
    /// The poll, in the revision the tally was summed for.
    pub poll: Arc<Poll>,
    /// Counts, within one process, the changes of all polls. Tallies of one poll that differ only by `as_of` have the
    /// same.
    pub(super) sequence: u64,
    /// The sequence at which the poll was last edited, opened or closed.
    pub(super) poll_sequence: u64,
    readers: ShownInstead,
    /// How many ballots decide whether it is shown.
    counted: u64,
    tally_json: OnceLock<String>,
    results_json: OnceLock<Bytes>,
    signed: OnceLock<SignedPosition>,
    etag: OnceLock<HeaderValue>,
    names: OnceLock<[HeaderValue; 2]>,
    tally_event: OnceLock<Bytes>,
    poll_event: OnceLock<Bytes>,
}

/// The sequence of the tallies of polls that are in no store. Those of others are later.
const OF_NOTHING: u64 = 1;

/// What readers are shown in its place.
#[derive(Debug)]
enum ShownInstead {
    Same,
    /// This one.
    Other(Arc<KnownTally>),
    /// What was some minutes ago, which was not read yet.
    Unread,
}

/// What somebody is shown of a poll's tally.
pub enum ShownTally<T> {
    /// This.
    Tally(T),
    /// Nothing, and why.
    Hidden(WhyHidden),
    /// Not known yet: the store must be asked.
    Unread,
}

impl<T> ShownTally<T> {
    /// The tally, if one is shown.
    pub fn tally(self) -> Option<T> {
        match self {
            Self::Tally(tally) => Some(tally),
            Self::Hidden(_) | Self::Unread => None,
        }
    }
}

impl KnownTally {
    /// The snapshot that follows on another of the same poll, if there is one; with what readers are shown of it.
    pub(super) fn after(before: Option<&Self>, tally: Tally, poll: Arc<Poll>, delayed: Option<&DelayedTally>) -> Self {
        if poll.is_sampled_in(tally.state) {
            let readers = Self::sample(before, &tally, &poll);
            return Self::follow(before, tally, poll, ShownInstead::Other(readers));
        }
        let for_readers = match poll.display_in(tally.state) {
            TallyDisplay::Exact => return Self::follow(before, tally, poll, ShownInstead::Same),
            TallyDisplay::Percent => Some(tally.in_percent(&poll)),
            TallyDisplay::Delayed => delayed.map(|delayed| delayed.in_place_of(&tally)),
        };
        let shown_before = before.and_then(Self::for_readers);
        let readers = for_readers.map_or(ShownInstead::Unread, |tally| {
            let poll = Arc::clone(&poll);
            ShownInstead::Other(Arc::new(Self::follow(
                shown_before.map(|before| &**before),
                tally,
                poll,
                ShownInstead::Same,
            )))
        });
        Self::follow(before, tally, poll, readers)
    }

    /// The snapshot that readers are shown in this half minute. It is fixed by the first tally of the half minute, and
    /// does not include it, since that may have the ballot of whoever looks next. It shows the tally known before, also
    /// one of an earlier revision by which the same ballots count; unless that is too old.
    fn sample(before: Option<&Self>, tally: &Tally, poll: &Arc<Poll>) -> Arc<Self> {
        let window = SampleWindow::of(tally.as_of);
        let before = before.filter(|before| before.counts_alike(tally, poll));
        let shown = before.filter(|before| before.poll.is_sampled_in(tally.state)).and_then(Self::for_readers);
        let follow = |sample: Tally, counted: u64| {
            let shown = shown.map(|shown| &**shown);
            Arc::new(Self { counted, ..Self::follow(shown, sample, Arc::clone(poll), ShownInstead::Same) })
        };
        match shown.filter(|shown| SampleWindow::of(shown.tally.as_of) >= window) {
            Some(shown) if shown.poll.revision == poll.revision => Arc::clone(shown),
            Some(shown) => follow(shown.tally.clone(), shown.counted),
            None => {
                let lately = before.filter(|before| SampleWindow::of(before.tally.as_of).is_lately_in(window));
                let sampled = lately.map_or(tally, |before| &before.tally);
                follow(sampled.sampled(poll, window), sampled.ballots)
            }
        }
    }

    /// Whether the same ballots are counted as for another tally, by the same options.
    fn counts_alike(&self, tally: &Tally, poll: &Poll) -> bool {
        (self.tally.state, self.tally.epoch) == (tally.state, tally.epoch)
            && self.poll.decisions.uncounted() == poll.decisions.uncounted()
            && self.poll.counts_like(poll)
    }

    /// What readers are shown in its place.
    fn for_readers(&self) -> Option<&Arc<Self>> {
        match &self.readers {
            ShownInstead::Other(shown) => Some(shown),
            ShownInstead::Same | ShownInstead::Unread => None,
        }
    }

    fn follow(before: Option<&Self>, tally: Tally, poll: Arc<Poll>, readers: ShownInstead) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(OF_NOTHING + 1);
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
            counted: tally.ballots,
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

    /// The tally of a poll that has no ballot, and is in no store. It is earlier than all that are read, also those
    /// that were read before it was made up.
    pub fn of_nothing(poll: &Arc<Poll>, now: Timestamp) -> Self {
        let follow = Self::follow(None, Tally::of_nothing(poll, now), Arc::clone(poll), ShownInstead::Same);
        Self { sequence: OF_NOTHING, poll_sequence: OF_NOTHING, ..follow }
    }

    /// The least that somebody must be to see anything of it.
    pub fn least_viewer(&self) -> Viewer {
        self.poll.results.least_viewer(self.tally.state)
    }

    /// What this viewer is shown of it. This is where all rules meet about who may see a tally, and how much of it.
    pub fn shown_to(self: &Arc<Self>, viewer: Viewer) -> ShownTally<&Arc<Self>> {
        let poll = &self.poll;
        if viewer < self.least_viewer() {
            return ShownTally::Hidden(WhyHidden::Policy(poll.results));
        }
        let shown = match &self.readers {
            _ if viewer == Viewer::Publisher => return ShownTally::Tally(self),
            ShownInstead::Same => self,
            ShownInstead::Other(shown) => shown,
            ShownInstead::Unread => return ShownTally::Unread,
        };
        if shown.counted < poll.minimum_ballots.into() {
            return ShownTally::Hidden(WhyHidden::TooFew(poll.minimum_ballots));
        }
        ShownTally::Tally(shown)
    }

    /// Whether this viewer is shown all that anybody is.
    pub fn is_whole_to(self: &Arc<Self>, viewer: Viewer) -> bool {
        matches!(self.shown_to(viewer), ShownTally::Tally(shown) if Arc::ptr_eq(shown, self))
    }

    /// Whether the store must be asked what readers are shown.
    pub(super) fn is_unread(&self) -> bool {
        matches!(self.readers, ShownInstead::Unread)
    }

    /// The sequence of what readers are shown.
    pub(super) fn reader_sequence(&self) -> u64 {
        match &self.readers {
            ShownInstead::Other(shown) => shown.sequence,
            ShownInstead::Same | ShownInstead::Unread => self.sequence,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        live::entry::tests::poll_in,
        poll::{
            Decisions, Finding, IncidentCause, IncidentPolicy, Label, LabelDecision, PartitionTally, REASON, State,
            Suspects, Text,
        },
    };

    fn held_poll() -> Arc<Poll> {
        let held = poll_in(1).decided(Label::NO_MARK, LabelDecision::Held, Timestamp::EARLIEST).unwrap();
        Arc::new(held.numbered(0).poll)
    }

    fn follow(before: Option<&KnownTally>, poll: &Arc<Poll>, votes: [u64; 2], as_of: i64) -> Arc<KnownTally> {
        let (revision, state, ballots) = (poll.revision, State::Open, votes.iter().sum());
        let (version, as_of) = (2_000_000 + ballots, Timestamp::from_millis(as_of));
        let votes = votes.as_slice().into();
        let tally = PartitionTally { revision, epoch: 0, version, ballots, votes, state, as_of };
        let tally = Tally::sum(poll, [&tally]).unwrap();
        Arc::new(KnownTally::after(before, tally, Arc::clone(poll), None))
    }

    fn shown(snapshot: &Arc<KnownTally>) -> &Arc<KnownTally> {
        snapshot.shown_to(Viewer::Everyone).tally().unwrap()
    }

    #[test]
    fn while_ballots_are_held_no_ballot_is_in_the_snapshot_of_its_half_minute() {
        let poll = held_poll();
        let first = follow(None, &poll, [60, 40], 10_000);
        assert_eq!(shown(&first).tally.votes.as_slice(), [60, 40]);
        let same = follow(Some(&*first), &poll, [160, 40], 29_999);
        assert!(Arc::ptr_eq(shown(&same), shown(&first)), "not a byte is another");
        assert!(same.sequence > first.sequence && same.reader_sequence() == first.reader_sequence());
        // The ballot that comes first in the next half minute is not in its snapshot, and those before are.
        let next = follow(Some(&*same), &poll, [160, 840], 30_001);
        assert_eq!((shown(&next).tally.votes.as_slice(), shown(&next).tally.ballots), (&[80, 20][..], 200));
        assert!(next.reader_sequence() > same.reader_sequence());
        // After a long silence there is nothing lately known.
        let late = follow(Some(&*next), &poll, [500, 500], 600_000);
        assert_eq!(shown(&late).tally.votes.as_slice(), [50, 50]);
        assert!(shown(&late).tally.version > shown(&next).tally.version);
        assert!(late.shown_to(Viewer::Publisher).tally().is_some_and(|exact| Arc::ptr_eq(exact, &late)));
    }

    #[test]
    fn another_revision_by_which_the_same_ballots_count_takes_over_the_snapshot() {
        let poll = held_poll();
        let edited = |poll: &Poll| Poll { revision: poll.revision.next(), ..poll.clone() };
        let exact = Arc::new(Poll { decisions: Decisions::default(), ..(*poll).clone() });
        let incident = Finding {
            cause: IncidentCause::Editor,
            since: Timestamp::EARLIEST,
            reason: Text::parse("?", REASON).unwrap(),
            sureness: 100,
            suspects: Suspects::Everyone,
            honest_per_hour: 0,
            figures: None,
            asks_for_work: false,
        };
        let opened = exact.with_incident(incident, IncidentPolicy::Show, Timestamp::EARLIEST).unwrap().0;
        assert!(opened.moves_versions(&exact));
        let opened = Arc::new(opened.numbered(100).poll);
        // The first ballot that an incident's label is on is in no snapshot of its half minute; what was shown before
        // is.
        let before = follow(None, &exact, [60, 40], 10_000);
        let first = follow(Some(&*before), &opened, [160, 40], 11_000);
        assert_eq!(shown(&first).tally.votes.as_slice(), [60, 40]);
        let again = Arc::new(edited(&opened));
        let same = follow(Some(&*first), &again, [260, 40], 12_000);
        assert_eq!(shown(&same).tally, shown(&first).tally);
        assert_eq!(shown(&same).poll.revision, again.revision);
        // Other ballots count at once.
        let held = Arc::new(again.decided(Label::NO_MARK, LabelDecision::Void, Timestamp::EARLIEST).unwrap().poll);
        assert_eq!(shown(&follow(Some(&*same), &held, [10, 30], 13_000)).tally.votes.as_slice(), [25, 75]);
    }

    #[test]
    fn what_is_read_is_later_than_nothing_also_if_it_was_read_before() {
        let poll = held_poll();
        let read = follow(None, &poll, [1, 0], 0);
        let nothing = KnownTally::of_nothing(&poll, Timestamp::EARLIEST);
        assert!(read.sequence > nothing.sequence && read.poll_sequence > nothing.poll_sequence);
    }

    #[test]
    fn the_fewest_ballots_that_are_shown_are_counted_before_they_are_rounded() {
        let mut poll = (*held_poll()).clone();
        poll.minimum_ballots = 50;
        let poll = Arc::new(poll);
        let few = follow(None, &poll, [40, 9], 0);
        assert!(matches!(few.shown_to(Viewer::Everyone), ShownTally::Hidden(WhyHidden::TooFew(50))));
        let enough = follow(None, &poll, [40, 10], 0);
        assert_eq!(shown(&enough).tally.ballots, 1);
    }
}
