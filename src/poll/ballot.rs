//! One voter's ballot in one poll: whose it is, what is asked, and the outcome.

use std::{fmt, sync::Arc};

use super::{Counters, Label, LabelSet, OpenAnswer, Poll, RecordedBallot, State, StateByClocks, VoterId};

/// The secret that turns voters into digests, one per poll. It is random, is kept with the poll in the store and never
/// leaves it. So nobody who reads the store can link a reader's ballots across polls: that would take the reader's
/// 128-bit voter id, which no store holds.
///
/// It does not come from `SAWT_SECRET`, so rotating that secret changes no digest and nobody can vote twice.
#[derive(Clone, PartialEq, Eq)]
pub struct DigestKey([u8; 32]);

impl DigestKey {
    /// The key with these bytes, which must be random.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key's bytes, for the store.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for DigestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DigestKey(…)")
    }
}

/// A voter as one poll's store knows them: 8 bytes of a keyed BLAKE3 hash of the voter's id.
///
/// Two voters of one poll share a digest with a probability of n²/2⁶⁵: one in 37 million at a million voters.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct VoterDigest {
    /// The name of the ballot within the poll.
    pub field: [u8; 8],
    /// Which partition it lies in: always the same one.
    pub partition: u16,
}

impl VoterDigest {
    /// A voter's digest in a poll.
    pub fn of(voter: &VoterId, poll: &Poll) -> Self {
        let hash = blake3::keyed_hash(poll.digest_key.as_bytes(), voter.as_bytes());
        // The partition comes from bytes the field does not use: within a partition the fields stay uniform.
        let [b0, b1, b2, b3, b4, b5, b6, b7, p0, p1, p2, p3, ..] = *hash.as_bytes();
        let spread = u32::from_le_bytes([p0, p1, p2, p3]);
        let partition = u16::try_from(spread % u32::from(poll.partitions.count())).unwrap_or(0);
        Self { field: [b0, b1, b2, b3, b4, b5, b6, b7], partition }
    }
}

impl fmt::Debug for VoterDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VoterDigest(…)")
    }
}

/// What a voter asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Record a ballot with this label that adds to these counters.
    Cast(Label, Counters),
    /// Take the ballot back.
    Withdraw,
}

/// One voter's request, ready for the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ballot {
    /// Who asks.
    pub voter: VoterDigest,
    /// What is asked for.
    pub action: Action,
    /// What a ballot says in the voter's own words.
    pub answer: Option<Arc<OpenAnswer>>,
}

/// The outcome of one [`Ballot`]: see [`Action::apply`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A new ballot was counted.
    Counted,
    /// This ballot was on record already; nothing changed.
    Repeated,
    /// Another ballot was on record and was replaced.
    Changed,
    /// The ballot was taken back.
    Withdrawn,
    /// There was no ballot to take back; nothing changed.
    NoBallot,
    /// Another ballot (this one) is on record, and the poll does not let them change. Nothing changed.
    AlreadyVoted(Counters),
    /// The poll takes no votes now. Nothing changed.
    NotOpen,
    /// The poll is open by one clock and not by another, so a clock is wrong. Nothing changed, and the caller may ask
    /// again.
    Undecided,
}

/// What an [`Action`] does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applied {
    pub outcome: Outcome,
    /// The voter's record afterwards. The votes change only if this differs from the record before.
    pub record: Option<RecordedBallot>,
}

impl Action {
    /// Applies this to a voter's record, in a poll of this state. The store decides by this rule, inside the step that
    /// counts; `cast.lua` is the same in Lua, and random histories compare the two.
    ///
    /// The order matters. The same ballot again is `Repeated` even if the poll has closed since: a lost answer costs
    /// nobody a vote. Next, the poll must surely be open. Next, a ballot on record must be changeable. One that is
    /// changed keeps [the worse label](LabelSet::kept_of); one that is only repeated keeps the one it has.
    ///
    /// `is_answer_same` says whether its text is [the one on record](super::RecordedAnswer::is_the_same), and
    /// `uncounted` which labels don't count.
    pub fn apply(
        self,
        record: Option<RecordedBallot>,
        is_answer_same: bool,
        judged: StateByClocks,
        (changeable, uncounted): (bool, LabelSet),
    ) -> Applied {
        let same = |outcome| Applied { outcome, record };
        let becomes = |outcome, record| Applied { outcome, record };
        match (record, self) {
            (Some(recorded), Self::Cast(_, counters)) if recorded.counters == counters && is_answer_same => {
                same(Outcome::Repeated)
            }
            (None, Self::Withdraw) => same(Outcome::NoBallot),
            _ if !judged.is_sure => same(Outcome::Undecided),
            _ if judged.state != State::Open => same(Outcome::NotOpen),
            (None, Self::Cast(label, counters)) => becomes(Outcome::Counted, Some(RecordedBallot { label, counters })),
            (Some(recorded), _) if !changeable => same(Outcome::AlreadyVoted(recorded.counters)),
            (Some(recorded), Self::Cast(label, counters)) => {
                let label = uncounted.kept_of(recorded.label, label);
                becomes(Outcome::Changed, Some(RecordedBallot { label, counters }))
            }
            (Some(_), Self::Withdraw) => becomes(Outcome::Withdrawn, None),
        }
    }
}

impl Outcome {
    /// The outcome as metrics name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counted => "counted",
            Self::Repeated => "repeated",
            Self::Changed => "changed",
            Self::Withdrawn => "withdrawn",
            Self::NoBallot => "no-ballot",
            Self::AlreadyVoted(_) => "already-voted",
            Self::NotOpen => "poll-not-open",
            Self::Undecided => "undecided",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poll::{Kind, Partitions, definition::tests::poll_with};

    #[test]
    fn a_voters_digest_is_stable_in_a_poll_and_unlinkable_across_polls() {
        let voter = VoterId::from_bytes([7; 16]);
        let one = poll_with(Kind::Single, 1, 1, &["yes", "no"]);
        let mut other = one.clone();
        other.digest_key = DigestKey::from_bytes([1; 32]);
        assert_eq!(VoterDigest::of(&voter, &one), VoterDigest::of(&voter, &one));
        assert_ne!(VoterDigest::of(&voter, &one).field, VoterDigest::of(&voter, &other).field);
    }

    #[test]
    fn a_record_changes_only_in_an_open_poll_and_a_recorded_ballot_only_where_the_poll_says_so() {
        let (yes, no) = (Counters::Index(0), Counters::Index(1));
        let (open, over) = (
            StateByClocks { state: State::Open, is_sure: true },
            StateByClocks { state: State::Closed, is_sure: true },
        );
        let unsure = StateByClocks { state: State::Open, is_sure: false };
        let (label, worse, none) = (Label::CLEAN, Label::all().next().unwrap(), LabelSet::default());
        let cast = |counters| Action::Cast(label, counters);
        for (record, action, judged, changeable, outcome, after) in [
            (None, cast(yes), open, false, Outcome::Counted, Some(yes)),
            (None, cast(yes), over, true, Outcome::NotOpen, None),
            (None, cast(yes), unsure, true, Outcome::Undecided, None),
            (None, Action::Withdraw, open, true, Outcome::NoBallot, None),
            (None, Action::Withdraw, over, false, Outcome::NoBallot, None),
            (Some(yes), cast(yes), open, true, Outcome::Repeated, Some(yes)),
            (Some(yes), cast(yes), over, false, Outcome::Repeated, Some(yes)),
            (Some(yes), cast(yes), unsure, false, Outcome::Repeated, Some(yes)),
            (Some(yes), cast(no), open, true, Outcome::Changed, Some(no)),
            (Some(yes), cast(no), open, false, Outcome::AlreadyVoted(yes), Some(yes)),
            (Some(yes), cast(no), over, true, Outcome::NotOpen, Some(yes)),
            (Some(yes), cast(no), over, false, Outcome::NotOpen, Some(yes)),
            (Some(yes), cast(no), unsure, false, Outcome::Undecided, Some(yes)),
            (Some(yes), Action::Withdraw, open, true, Outcome::Withdrawn, None),
            (Some(yes), Action::Withdraw, open, false, Outcome::AlreadyVoted(yes), Some(yes)),
            (Some(yes), Action::Withdraw, over, true, Outcome::NotOpen, Some(yes)),
            (Some(yes), Action::Withdraw, unsure, true, Outcome::Undecided, Some(yes)),
        ] {
            let on_record = |counters| RecordedBallot { label, counters };
            let applied = action.apply(record.map(on_record), true, judged, (changeable, none));
            let before: Vec<u8> = record.into_iter().flat_map(Counters::indexes).collect();
            let after = Applied { outcome, record: after.map(on_record) };
            assert_eq!(applied, after, "{before:?}, {action:?}, {judged:?}, {changeable}");
        }
        let worst = Label::all().last().unwrap();
        let [held, both] = [LabelSet::from_bits(2), LabelSet::from_bits(2 | 1 << 31)];
        for (was, casts, uncounted, becomes) in [
            (label, worse, none, worse),
            (worse, label, none, worse),
            (worse, worst, none, worst),
            (worse, worst, held, worse),
            (worst, worse, held, worse),
            (worse, worst, both, worst),
        ] {
            let record = Some(RecordedBallot { label: was, counters: yes });
            let changed = Action::Cast(casts, no).apply(record, true, open, (true, uncounted));
            assert_eq!(changed.record, Some(RecordedBallot { label: becomes, counters: no }));
            assert_eq!(
                Action::Cast(casts, yes).apply(record, true, open, (true, uncounted)).record,
                record,
                "only repeated"
            );
        }
    }

    #[test]
    fn voters_spread_evenly_over_partitions() {
        let mut poll = poll_with(Kind::Single, 1, 1, &["yes", "no"]);
        poll.partitions = Partitions::unplaced(16);
        let mut counts = [0_u32; 16];
        for number in 0..16_000_u128 {
            counts[usize::from(VoterDigest::of(&VoterId::from_bytes(number.to_le_bytes()), &poll).partition)] += 1;
        }
        assert!(counts.iter().all(|count| (850..1_150).contains(count)), "{counts:?}");
    }
}
