//! A batch of ballots as `cast.lua` reads it, and what it answers of each.

use rustc_hash::FxHashMap;

use super::buckets::bucket_of;
use crate::{
    poll::{Action, Ballot, Choices, Kind, Outcome},
    store::StoreError,
};

/// A batch as `cast.lua` reads it.
pub(super) struct Packed {
    pub(super) buckets: Vec<u32>,
    pub(super) ballots: Vec<u8>,
}

impl Packed {
    pub(super) fn pack(kind: Kind, ballots: &[Ballot], known_buckets: u32) -> Self {
        let mut packed = Self { buckets: Vec::with_capacity(ballots.len()), ballots: Vec::new() };
        packed.ballots.reserve_exact(ballots.len() * 15);
        let mut places: FxHashMap<u32, u16> = FxHashMap::default();
        for ballot in ballots {
            let bucket = bucket_of(ballot.voter.field, known_buckets);
            let place = *places.entry(bucket).or_insert_with(|| {
                packed.buckets.push(bucket);
                // The buckets stand behind the tally and the minutes, and Lua counts from 1. A batch is far smaller
                // than the 65,533 buckets that fit.
                u16::try_from(packed.buckets.len() + 2).unwrap_or(u16::MAX)
            });
            let (withdraw, code) = match ballot.action {
                Action::Cast(choices) => (0, choices.code(kind)),
                Action::Withdraw => (1, 0),
            };
            packed.ballots.push(withdraw);
            packed.ballots.extend(place.to_le_bytes());
            packed.ballots.extend(ballot.voter.field);
            packed.ballots.extend(code.to_le_bytes());
        }
        packed
    }
}

/// An outcome per letter.
pub(super) fn read_outcomes(kind: Kind, letters: &[u8], recorded: &[u8]) -> Result<Vec<Outcome>, StoreError> {
    let corrupt = || StoreError::Corrupt("the outcomes of a cast".to_owned());
    let mut recorded = std::str::from_utf8(recorded).map_err(|_| corrupt())?.split(',');
    let mut outcome = |letter: &u8| {
        Ok(match letter {
            b'c' => Outcome::Counted,
            b'r' => Outcome::Repeated,
            b'h' => Outcome::Changed,
            b'w' => Outcome::Withdrawn,
            b'n' => Outcome::NoBallot,
            b'x' => Outcome::NotOpen,
            b'u' => Outcome::Undecided,
            b'a' => {
                let code = recorded.next().and_then(|code| code.parse().ok()).ok_or_else(corrupt)?;
                Outcome::AlreadyVoted(choices(kind, code)?)
            }
            _ => return Err(corrupt()),
        })
    };
    letters.iter().map(&mut outcome).collect()
}

pub(super) fn choices(kind: Kind, code: i64) -> Result<Choices, StoreError> {
    let choices = u32::try_from(code).ok().and_then(|code| Choices::from_code(kind, code));
    choices.ok_or_else(|| StoreError::Corrupt(format!("a ballot that says {code}")))
}
