//! Labels: what there is to say against a ballot, and whether ballots with a label count.
//!
//! What a replica sees when a vote comes in is reduced to one label of the poll, and the evidence is forgotten. A label
//! is a counter *group* of its own: stores keep how many ballots with it there are, and what they add to, beside the
//! totals. So an editor can hold or void a label, or count it again, whenever they like, and nothing is lost: in each
//! partition the counted, the held and the void ballots are all the ballots on record, at every instant.

use std::{borrow::Cow, str::FromStr};

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::{Codec, Counters, MOST_INDEXES, Revision, Votes};

/// How many labels a poll has, [`Label::CLEAN`] among them.
pub const LABELS: u8 = 32;

/// The names of the first labels: what a replica may see at the moment of a vote.
const CLASSES: [&str; 8] =
    ["clean", "no-mark", "early-mark", "foreign-token", "opaque-origin", "not-a-browser", "hosting-network", "no-work"];

/// The last label is of all incidents that find no label of their own.
const OTHER_INCIDENTS: &str = "other-incidents";

/// What bytes begin with that are kept of a ballot with a label: the label follows, and then the ballot.
const LABELLED: u8 = 0xFE;

/// What there is to say against a ballot: a number below [`LABELS`]. The greater is the worse.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Label(u8);

impl Label {
    /// Nothing.
    pub const CLEAN: Self = Self(0);
    /// It brought no mark of its poll.
    pub const NO_MARK: Self = Self(1);
    /// Its mark is younger than a reader needs.
    pub const EARLY_MARK: Self = Self(2);
    /// Its voter's token was first made for another site.
    pub const FOREIGN_TOKEN: Self = Self(3);
    /// It came from a page without an origin.
    pub const OPAQUE_ORIGIN: Self = Self(4);
    /// It says that it comes from a page, and its headers are not a browser's.
    pub const NOT_A_BROWSER: Self = Self(5);
    /// It came from a network that the operator lists as one of servers.
    pub const HOSTING_NETWORK: Self = Self(6);

    /// Its voter is new, and has not proven the work that the poll asked for.
    pub const NO_WORK: Self = Self(7);

    /// The label of this number; `None` if there is none.
    pub fn from_number(number: u8) -> Option<Self> {
        (number < LABELS).then_some(Self(number))
    }

    pub fn number(self) -> u8 {
        self.0
    }

    /// Its name on the wire.
    pub fn name(self) -> Cow<'static, str> {
        match CLASSES.get(usize::from(self.0)) {
            Some(class) => Cow::Borrowed(class),
            None if self.0 + 1 == LABELS => Cow::Borrowed(OTHER_INCIDENTS),
            None => Cow::Owned(format!("incident-{}", self.0)),
        }
    }

    /// Every label but [`CLEAN`](Self::CLEAN).
    pub fn all() -> impl Iterator<Item = Self> + Clone {
        (1..LABELS).map(Self)
    }

    /// The worse of two labels.
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        self.max(other)
    }

    /// Its place in a set of labels.
    fn bit(self) -> u32 {
        1 << self.0
    }
}

impl TryFrom<u8> for Label {
    type Error = &'static str;

    fn try_from(number: u8) -> Result<Self, Self::Error> {
        Self::from_number(number).ok_or("must be the number of a label")
    }
}

impl From<Label> for u8 {
    fn from(label: Label) -> Self {
        label.0
    }
}

impl FromStr for Label {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        (0..LABELS).map(Self).find(|label| label.name() == name).ok_or("must be the name of a label")
    }
}

/// Whether ballots with a label count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LabelDecision {
    /// They do.
    #[default]
    Counted,
    /// They don't for now.
    Held,
    /// They don't.
    Void,
}

impl LabelDecision {
    /// Every decision.
    pub const ALL: [Self; 3] = [Self::Counted, Self::Held, Self::Void];

    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counted => "counted",
            Self::Held => "held",
            Self::Void => "void",
        }
    }
}

/// What is decided of a poll's labels. A label of which nothing was decided counts, and [`Label::CLEAN`] always does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decisions {
    /// The labels whose ballots are held, by their bits.
    held: u32,
    /// Those whose ballots are void.
    void: u32,
}

impl Decisions {
    /// What is decided of a label.
    pub fn of(self, label: Label) -> LabelDecision {
        match (self.held & label.bit() != 0, self.void & label.bit() != 0) {
            (true, _) => LabelDecision::Held,
            (false, true) => LabelDecision::Void,
            (false, false) => LabelDecision::Counted,
        }
    }

    /// The same with this decided of a label.
    #[must_use]
    pub fn with(self, label: Label, decision: LabelDecision) -> Self {
        let others = !label.bit();
        let (held, void) = (self.held & others, self.void & others);
        match decision {
            _ if label == Label::CLEAN => self,
            LabelDecision::Counted => Self { held, void },
            LabelDecision::Held => Self { held: held | label.bit(), void },
            LabelDecision::Void => Self { held, void: void | label.bit() },
        }
    }

    /// Whether all ballots count.
    pub fn count_all(&self) -> bool {
        self.uncounted() == LabelSet::default()
    }

    /// Whether ballots with this label count.
    pub fn count(self, label: Label) -> bool {
        self.of(label) == LabelDecision::Counted
    }

    /// The labels whose ballots don't count: all that a store needs to know of the decisions.
    pub fn uncounted(self) -> LabelSet {
        LabelSet(self.held | self.void)
    }
}

/// A set of labels. [`Label::CLEAN`] is in none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LabelSet(u32);

impl LabelSet {
    /// The set of these bits, the lowest for label 0.
    pub fn from_bits(bits: u32) -> Self {
        Self(bits & !Label::CLEAN.bit())
    }

    pub fn bits(self) -> u32 {
        self.0
    }

    /// Whether a label is in it.
    pub fn has(self, label: Label) -> bool {
        self.0 & label.bit() != 0
    }

    /// Of two labels the one that a ballot keeps when it is changed, if these don't count: one of these, or else the
    /// worse. So nobody gets rid of a label by voting again, or out of a hold by a worse label that counts. `cast.lua`
    /// does the same.
    #[must_use]
    pub fn kept_of(self, one: Label, other: Label) -> Label {
        match (self.has(one), self.has(other)) {
            (true, false) => one,
            (false, true) => other,
            (true, true) | (false, false) => one.worse(other),
        }
    }

    /// Its labels, in their order.
    pub fn labels(self) -> impl Iterator<Item = Label> + Clone {
        Label::all().filter(move |label| self.has(*label))
    }

    /// The labels that are in one of two sets and not in the other.
    #[must_use]
    pub fn differences(self, other: Self) -> Self {
        Self(self.0 ^ other.0)
    }
}

/// A voter's ballot, as it is on record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordedBallot {
    /// What there is to say against it.
    pub label: Label,
    /// What it adds to.
    pub counters: Counters,
}

impl RecordedBallot {
    /// The number kept of a ballot by [`Codec::Index`] and [`Codec::Bits`]: the label comes above the 32 bits of the
    /// counters, so that a clean ballot is kept as it always was.
    pub fn number(self) -> Option<u64> {
        self.counters.number().map(|number| u64::from(self.label.0) << 32 | u64::from(number))
    }

    /// The ballot kept as this number; `None` if it is invalid.
    pub fn from_number(codec: Codec, kept: u64) -> Option<Self> {
        let label = u8::try_from(kept >> 32).ok().and_then(Label::from_number)?;
        let number = u32::try_from(kept & u64::from(u32::MAX)).ok()?;
        Some(Self { label, counters: Counters::from_number(codec, number)? })
    }

    /// The bytes kept by [`Codec::Bytes`]: a ballot with a label has 0xFE and the label before what is kept of a clean
    /// one.
    pub fn bytes(self) -> Option<SmallVec<[u8; 3 + MOST_INDEXES]>> {
        let counters = self.counters.bytes()?;
        let label = (self.label != Label::CLEAN).then_some([LABELLED, self.label.0]);
        Some(label.into_iter().flatten().chain(counters).collect())
    }

    /// The ballot kept as these bytes; `None` if they are invalid.
    pub fn from_bytes(kept: &[u8]) -> Option<Self> {
        let (label, counters) = match kept {
            [LABELLED, label, counters @ ..] => (Label::from_number(*label)?, counters),
            counters => (Label::CLEAN, counters),
        };
        Some(Self { label, counters: Counters::from_bytes(counters)? })
    }
}

/// The ballots on record in one partition, by their labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionLabels {
    /// The poll's revision in the partition: it says which labels count.
    pub revision: Revision,
    /// The clean ballots, and then each other label that some ballot has or had, in their order.
    pub labels: Vec<LabelTally>,
}

/// What the ballots with one label add up to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelTally {
    pub label: Label,
    /// The ballots with it.
    pub ballots: u64,
    /// Their votes by counter, as many as the poll has.
    pub votes: Votes,
}

impl LabelTally {
    /// Adds what another has.
    pub fn add(&mut self, other: &Self) {
        self.ballots += other.ballots;
        self.votes.resize(self.votes.len().max(other.votes.len()), 0);
        self.votes.iter_mut().zip(&other.votes).for_each(|(votes, other)| *votes += other);
    }

    /// The votes of the option with this index.
    pub fn votes_for(&self, index: u8) -> u64 {
        self.votes.get(usize::from(index)).copied().unwrap_or_default()
    }

    /// Takes out what another adds; `None` if that is more.
    #[must_use]
    pub fn take_out(&mut self, other: &Self) -> Option<()> {
        self.ballots = self.ballots.checked_sub(other.ballots)?;
        for (votes, other) in self.votes.iter_mut().zip(&other.votes) {
            *votes = votes.checked_sub(*other)?;
        }
        Some(())
    }
}

impl PartitionLabels {
    /// All ballots on record, whether they count or not.
    pub fn ballots(&self) -> u64 {
        self.labels.iter().map(|tally| tally.ballots).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poll::Indexes;

    #[test]
    fn a_ballot_and_its_label_survive_how_they_are_kept() {
        for label in (0..LABELS).filter_map(Label::from_number) {
            for (codec, counters) in [
                (Codec::Index, Counters::Index(239)),
                (Codec::Bits, Counters::Bits(u32::MAX)),
                (Codec::Bits, Counters::Bits(1)),
            ] {
                let ballot = RecordedBallot { label, counters };
                assert_eq!(RecordedBallot::from_number(codec, ballot.number().unwrap()), Some(ballot));
            }
            let ballot = RecordedBallot { label, counters: Counters::Bytes(Indexes::of(&[239, 0, 44]).unwrap()) };
            assert_eq!(RecordedBallot::from_bytes(&ballot.bytes().unwrap()), Some(ballot));
        }
        let clean = RecordedBallot { label: Label::CLEAN, counters: Counters::Index(7) };
        assert_eq!(clean.number(), Some(7), "as it was before there were labels");
        for bytes in [&[][..], &[254], &[254, 1], &[254, 32, 255, 1], &[254, 1, 254, 1, 255, 1]] {
            assert_eq!(RecordedBallot::from_bytes(bytes), None, "{bytes:?}");
        }
        for number in [32 << 32, 1 << 40, u64::MAX, 240] {
            assert_eq!(RecordedBallot::from_number(Codec::Index, number), None, "{number}");
        }
    }

    #[test]
    fn every_label_has_a_name_of_its_own() {
        for number in 0..LABELS {
            let label = Label::from_number(number).unwrap();
            assert_eq!(label.name().parse(), Ok(label));
        }
        let named = |number| Label::from_number(number).unwrap().name();
        assert_eq!([named(8), named(30), named(31)], ["incident-8", "incident-30", "other-incidents"]);
        assert!("incident-31".parse::<Label>().is_err());
    }

    #[test]
    fn a_label_is_counted_held_or_void_and_a_clean_ballot_counts_whatever_is_decided() {
        let [held, void] = [3, 31].map(|number| Label::from_number(number).unwrap());
        let decided = Decisions::default().with(held, LabelDecision::Held).with(void, LabelDecision::Void);
        assert_eq!((decided.of(held), decided.of(void)), (LabelDecision::Held, LabelDecision::Void));
        assert_eq!(decided.uncounted().bits(), 1 << 3 | 1 << 31);
        assert_eq!(decided.uncounted().labels().collect::<Vec<_>>(), [held, void]);
        let turned = decided.with(held, LabelDecision::Void).with(void, LabelDecision::Counted);
        assert_eq!((turned.of(held), turned.of(void)), (LabelDecision::Void, LabelDecision::Counted));
        for decision in LabelDecision::ALL {
            assert!(Decisions::default().with(Label::CLEAN, decision).count_all());
        }
    }
}
