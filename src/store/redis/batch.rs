//! A batch of ballots as `cast.lua` reads it, and its reply for each.

use rustc_hash::FxHashMap;

use super::{buckets::bucket_of, keys};
use crate::{
    poll::{Action, AnswerId, Ballot, Codec, Counters, Label, MOST_ANSWERS, Outcome, Poll, RecordedBallot},
    store::StoreError,
};

/// Stands where a ballot that is cast has its label.
const WITHDRAW: u8 = u8::MAX;

/// A label is kept as a character so far above it.
const LETTERS: u8 = 64;

/// A batch as `cast.lua` reads it.
pub(super) struct Packed {
    pub(super) buckets: Vec<u32>,
    pub(super) ballots: Vec<u8>,
}

impl Packed {
    pub(super) fn pack(codec: Codec, ballots: &[Ballot], known_buckets: u32) -> Self {
        let mut packed = Self { buckets: Vec::with_capacity(ballots.len()), ballots: Vec::new() };
        packed.ballots.reserve_exact(ballots.len() * 15);
        let mut places: FxHashMap<u32, u16> = FxHashMap::default();
        for ballot in ballots {
            let bucket = bucket_of(ballot.voter.field, known_buckets);
            let nth = *places.entry(bucket).or_insert_with(|| {
                packed.buckets.push(bucket);
                // The keys of buckets come after the tally and the minutes, and Lua counts from 1. A batch is far
                // smaller than the 65,533 buckets that fit.
                u16::try_from(packed.buckets.len() + 2).unwrap_or(u16::MAX)
            });
            let (label, counters) = match ballot.action {
                Action::Cast(label, counters) => (label.number(), Some(counters)),
                Action::Withdraw => (WITHDRAW, None),
            };
            packed.ballots.push(label);
            packed.ballots.extend(nth.to_le_bytes());
            packed.ballots.extend(ballot.voter.field);
            match codec {
                Codec::Index | Codec::Bits => {
                    let number = counters.and_then(Counters::number).unwrap_or_default();
                    packed.ballots.extend(number.to_le_bytes());
                }
                Codec::Bytes => {
                    let bytes = counters.and_then(Counters::bytes).unwrap_or_default();
                    packed.ballots.push(u8::try_from(bytes.len()).unwrap_or_default());
                    packed.ballots.extend(bytes);
                }
            }
        }
        packed
    }
}

/// What the ballots of a batch say in their voters' own words, in a poll with open answers.
pub(super) struct PackedAnswers {
    /// Where they are kept.
    pub(super) key: String,
    /// The most that are.
    pub(super) most: String,
    /// What each ballot says: the text's id, and the text.
    pub(super) said: Vec<Vec<u8>>,
}

impl PackedAnswers {
    pub(super) fn of(poll: &Poll, partition: u16, ballots: &[Ballot]) -> Self {
        let said = |ballot: &Ballot| {
            let said =
                ballot.answer.as_ref().map(|answer| [answer.id.as_bytes(), answer.text.as_str().as_bytes()].concat());
            said.unwrap_or_default()
        };
        Self {
            key: keys::answers(poll, partition),
            most: MOST_ANSWERS.to_string(),
            said: ballots.iter().map(said).collect(),
        }
    }
}

/// The places of ballots whose text was not kept.
pub(super) fn places_left_out(letters: &[u8]) -> Vec<usize> {
    letters.iter().enumerate().filter(|(_, letter)| letter.is_ascii_uppercase()).map(|(nth, _)| nth).collect()
}

/// Reads outcomes, one letter each.
pub(super) fn read_outcomes(codec: Codec, letters: &[u8], recorded: &[u8]) -> Result<Vec<Outcome>, StoreError> {
    let corrupt = || StoreError::Corrupt("the outcomes of a cast".to_owned());
    let mut recorded = recorded;
    let mut outcome = |letter: &u8| {
        Ok(match letter.to_ascii_lowercase() {
            b'c' => Outcome::Counted,
            b'r' => Outcome::Repeated,
            b'h' => Outcome::Changed,
            b'w' => Outcome::Withdrawn,
            b'n' => Outcome::NoBallot,
            b'x' => Outcome::NotOpen,
            b'u' => Outcome::Undecided,
            b'a' => {
                let (length, rest) = recorded.split_first().ok_or_else(corrupt)?;
                let (kept, rest) = rest.split_at_checked(usize::from(*length)).ok_or_else(corrupt)?;
                recorded = rest;
                Outcome::AlreadyVoted(read_ballot(codec, kept)?.counters)
            }
            _ => return Err(corrupt()),
        })
    };
    letters.iter().map(&mut outcome).collect()
}

/// Which text is on record with a voter's ballot. Ballots that are kept as bytes have none.
pub(super) fn read_answer(kept: &[u8]) -> Option<AnswerId> {
    let colon = kept.iter().position(|byte| *byte == b':')?;
    Some(AnswerId::from_bytes(kept.get(colon + 1..)?.try_into().ok()?))
}

/// Reads what is on record of a voter: a number in digits, with the label's character if it has one, or bytes.
pub(super) fn read_ballot(codec: Codec, kept: &[u8]) -> Result<RecordedBallot, StoreError> {
    let ballot = match codec {
        Codec::Index | Codec::Bits => {
            // A ballot's text follows a colon.
            let number = kept.split(|byte| *byte == b':').next().unwrap_or_default();
            let (digits, label) = match number.split_last() {
                Some((letter, digits)) if !letter.is_ascii_digit() => {
                    (digits, letter.checked_sub(LETTERS).and_then(Label::from_number))
                }
                Some(_) | None => (number, Some(Label::CLEAN)),
            };
            let number = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
            let counters = number.and_then(|number| Counters::from_number(codec, number));
            counters.zip(label).map(|(counters, label)| RecordedBallot { label, counters })
        }
        Codec::Bytes => RecordedBallot::from_bytes(kept),
    };
    ballot.ok_or_else(|| StoreError::Corrupt(format!("a ballot that says {:?}", String::from_utf8_lossy(kept))))
}
