//! What was seen of votes since the detectors looked last, here and on the other replicas.
//!
//! Detectors need the ballots of all replicas in their order, and a load balancer deals one network's ballots out to
//! all. So every few seconds each replica tells the others what it has seen: of each ballot a time, a network's digest,
//! an option, and whether its voter is new; of each poll how often it was viewed. All replicas then know the same and
//! find the same. None leads: whichever opens an incident first has opened it for all. The
//! [`Broker`](crate::store::Broker) carries this, so the store keeps nothing of it. A lost message makes detectors a
//! little blinder for some seconds, and nothing wrong.
//!
//! On a vote's way this is one look-up and an entry in a list. It keeps the network's address until the detectors take
//! the list, within seconds; hashing it waits until then too. What is kept from then on is a *digest*: a hash under the
//! service's secret of the network, the poll and the day. It is the same on all replicas, and another in the next poll
//! and on the next day: the detectors forget yesterday's, and an incident that is over keeps none.
//!
//! Memory is bounded: at most [`MOST_POLLS`] polls with [`MOST_TRACES`] ballots each wait, and the views of as many. Of
//! more ballots the first stand for the rest, and for how even their gaps are they say nothing then.

use std::sync::OnceLock;

use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use crate::{
    poll::{IncidentCause, NetworkDigest, PollId, Timestamp, VoteTrace},
    secret::{Secret, first_bytes, random_bytes},
    store::VotesSeen,
};

/// The most polls whose ballots wait, and the most whose views do.
const MOST_POLLS: usize = 512;

/// The most ballots of a poll that are told one by one.
const MOST_TRACES: usize = 512;

/// The most messages of other replicas that wait.
const MOST_RECEIVED: usize = 4_096;

/// What waits for the detectors.
#[derive(Default)]
pub struct VoteTraces {
    key: OnceLock<[u8; 32]>,
    replica: OnceLock<u64>,
    polls: Mutex<SeenPolls>,
    received: Mutex<Vec<VotesSeen>>,
}

#[derive(Default)]
struct SeenPolls {
    voted_in: FxHashMap<PollId, SeenOfPoll>,
    /// How often each was seen. They have room of their own: whoever looks at many polls takes none from the votes.
    viewed: FxHashMap<PollId, u16>,
}

#[derive(Default)]
struct SeenOfPoll {
    /// When a ballot came, from which network, its option, and whether its voter is new.
    ballots: Vec<(Timestamp, [u8; 16], u8, bool)>,
    left_out: u32,
}

impl VoteTraces {
    /// Makes digests of networks from now on as all replicas do that have this secret.
    pub fn mark_by(&self, secret: &Secret) {
        let key = blake3::derive_key("sawt 2026-11-29 marks of networks", secret.expose().as_bytes());
        // Set once, before anybody votes.
        let _ = self.key.set(key);
    }

    /// A network's digest in a poll, on the day of this moment.
    pub fn mark(&self, poll: PollId, network: &[u8; 16], at: Timestamp) -> NetworkDigest {
        let mut hasher = blake3::Hasher::new_keyed(self.key.get_or_init(random_bytes));
        hasher.update(&NetworkDigest::day(at).to_be_bytes());
        hasher.update(poll.as_bytes());
        hasher.update(network);
        NetworkDigest(u32::from_be_bytes(first_bytes(*hasher.finalize().as_bytes())))
    }

    /// Notes a ballot that was counted here.
    pub fn note(&self, poll: PollId, at: Timestamp, network: [u8; 16], (option, is_by_new_voter): (u8, bool)) {
        let mut polls = self.polls.lock();
        let Some(waiting) = place_of(&mut polls.voted_in, poll) else { return };
        if waiting.ballots.len() < MOST_TRACES {
            waiting.ballots.push((at, network, option, is_by_new_voter));
        } else {
            waiting.left_out = waiting.left_out.saturating_add(1);
        }
    }

    /// Notes that a poll was seen.
    pub fn note_view(&self, poll: PollId) {
        if let Some(views) = place_of(&mut self.polls.lock().viewed, poll) {
            *views = views.saturating_add(1);
        }
    }

    /// Takes out what was seen here, to tell the others and the detectors here.
    pub fn take(&self) -> Vec<VotesSeen> {
        let SeenPolls { mut voted_in, mut viewed } = std::mem::take(&mut *self.polls.lock());
        for poll in viewed.keys() {
            voted_in.entry(*poll).or_default();
        }
        let told = |(poll, waiting)| self.told(poll, waiting, viewed.remove(&poll).unwrap_or_default());
        voted_in.into_iter().map(told).collect()
    }

    /// Takes out what others have seen.
    pub fn take_received(&self) -> Vec<VotesSeen> {
        std::mem::take(&mut *self.received.lock())
    }

    /// Takes in what a replica has seen; this one's own comes back too, and is known.
    pub(super) fn receive(&self, seen: VotesSeen) {
        if seen.replica == self.replica() {
            return;
        }
        let mut received = self.received.lock();
        if received.len() < MOST_RECEIVED {
            received.push(seen);
        }
    }

    fn told(&self, poll: PollId, waiting: SeenOfPoll, views: u16) -> VotesSeen {
        let SeenOfPoll { mut ballots, left_out } = waiting;
        ballots.sort_unstable_by_key(|(at, ..)| *at);
        let told = u32::try_from(ballots.len()).unwrap_or(u32::MAX);
        let each = (told.saturating_add(left_out)).checked_div(told).unwrap_or(1);
        // Whoever stands for others is never one ballot.
        let each = if left_out == 0 { 1 } else { u16::try_from(each).unwrap_or(u16::MAX).max(2) };
        let trace = |(at, network, option, is_by_new_voter): (Timestamp, [u8; 16], u8, bool)| VoteTrace {
            at,
            network: self.mark(poll, &network, at),
            option,
            ballots: each,
            is_by_new_voter,
        };
        let traces = ballots.into_iter().map(trace).collect();
        VotesSeen { replica: self.replica(), poll, traces, views, found: Vec::new() }
    }

    /// What the detectors here have found to go on in a poll, to tell the others.
    pub fn found(&self, poll: PollId, found: Vec<IncidentCause>) -> VotesSeen {
        VotesSeen { replica: self.replica(), poll, traces: Vec::new(), views: 0, found }
    }

    fn replica(&self) -> u64 {
        *self.replica.get_or_init(|| u64::from_be_bytes(random_bytes()))
    }
}

/// What waits of a poll, if there is room.
fn place_of<T: Default>(polls: &mut FxHashMap<PollId, T>, poll: PollId) -> Option<&mut T> {
    (polls.len() < MOST_POLLS || polls.contains_key(&poll)).then(|| polls.entry(poll).or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NETWORK: [u8; 16] = [7; 16];

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_795_000_000_000 + millis)
    }

    fn traces(secret: &str) -> VoteTraces {
        let traces = VoteTraces::default();
        traces.mark_by(&Secret::new(secret.to_owned()));
        traces
    }

    #[test]
    fn a_network_has_one_mark_on_all_replicas_and_another_in_each_poll_and_on_each_day() {
        let (one, other) = (traces("secret"), traces("secret"));
        let poll = PollId::generate();
        let mark = one.mark(poll, &NETWORK, at(0));
        assert_eq!(other.mark(poll, &NETWORK, at(5)), mark);
        assert_ne!(other.mark(poll, &[8; 16], at(0)), mark);
        assert_ne!(other.mark(PollId::generate(), &NETWORK, at(0)), mark);
        assert_ne!(other.mark(poll, &NETWORK, at(24 * 60 * 60 * 1_000)), mark);
        assert_ne!(traces("another").mark(poll, &NETWORK, at(0)), mark);
    }

    #[test]
    fn what_is_seen_is_taken_once_in_its_order_and_others_hear_of_it() {
        let (one, other) = (traces("secret"), traces("secret"));
        let poll = PollId::generate();
        one.note(poll, at(9), NETWORK, (1, true));
        one.note(poll, at(3), [8; 16], (0, false));
        one.note_view(poll);
        let seen = one.take();
        assert_eq!(one.take(), []);
        let mark = |network| one.mark(poll, network, at(0));
        let trace = |millis, network, option| {
            let is_by_new_voter = option == 1;
            VoteTrace { at: at(millis), network: mark(network), option, ballots: 1, is_by_new_voter }
        };
        assert_eq!(seen[0].traces, [trace(3, &[8; 16], 0), trace(9, &NETWORK, 1)]);
        assert_eq!((seen.len(), seen[0].views, seen[0].poll), (1, 1, poll));
        one.receive(seen[0].clone());
        other.receive(seen[0].clone());
        assert_eq!((one.take_received(), other.take_received()), (vec![], seen));
    }

    #[test]
    fn what_waits_is_bounded_and_some_stand_for_all() {
        let traces = traces("secret");
        let poll = PollId::generate();
        for ballot in 0..10_000 {
            traces.note(poll, at(ballot), NETWORK, (0, false));
        }
        for _ in 0..2 * MOST_POLLS {
            // Views take no room from votes.
            traces.note_view(PollId::generate());
        }
        for _ in 0..2 * MOST_POLLS {
            traces.note(PollId::generate(), at(0), NETWORK, (0, false));
        }
        for _ in 0..2 * MOST_RECEIVED {
            traces.receive(VotesSeen { replica: 1, poll, traces: Vec::new(), views: 0, found: Vec::new() });
        }
        assert_eq!(traces.take_received().len(), MOST_RECEIVED);
        let seen = traces.take();
        let voted_in = seen.iter().filter(|seen| !seen.traces.is_empty()).count();
        assert_eq!((seen.len(), voted_in), (2 * MOST_POLLS, MOST_POLLS));
        let busy = seen.iter().find(|seen| seen.poll == poll).unwrap();
        assert_eq!(busy.traces.len(), MOST_TRACES);
        let stand_for: u32 = busy.traces.iter().map(|trace| u32::from(trace.ballots)).sum();
        assert!((9_000..=10_000).contains(&stand_for), "{stand_for}");
    }
}
