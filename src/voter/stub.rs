//! Ballot stubs: by these readers without script see the results after they have voted.
//!
//! A vote by plain form is answered by a redirect, and the page it leads to knows nothing of the reader. Their token
//! can't be in its address, which ends up in histories and logs. So the address carries a stub, like that of a paper
//! ballot: signed like a token, valid for ten minutes, and only good for looking. It says that a ballot with these
//! choices was cast in this poll, but not by whom; and the tally's position, so that no replica shows an older one.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::TokenKeys;
use crate::poll::{Choices, Codec, Counters, MOST_INDEXES, Poll, Position, Timestamp};

/// How long a stub is valid.
const LIFETIME_SECS: i64 = 10 * 60;

/// The byte where a token has its version: so a stub is never a token, nor a token a stub.
const KIND: u8 = 128;
/// What is signed, besides the ballot.
const SIGNED: usize = 30;
const TAG: usize = 16;
/// The most bytes of a ballot.
const MOST_BALLOT: usize = 1 + MOST_INDEXES;

/// What a stub says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stub {
    /// What was chosen.
    pub choices: Choices,
    /// A position of the tally that includes it, or an earlier one.
    pub position: Position,
}

impl TokenKeys {
    /// A stub for a ballot that was cast now.
    pub fn stub(&self, poll: &Poll, Stub { choices, position }: Stub, now: Timestamp) -> String {
        let expires_secs = now.as_millis().div_euclid(1000) + LIFETIME_SECS;
        let counters = poll.counters_of(choices);
        let mut stub = Vec::with_capacity(SIGNED + MOST_BALLOT + TAG);
        stub.extend([KIND, self.current.id]);
        stub.extend(u32::try_from(expires_secs).unwrap_or(u32::MAX).to_be_bytes());
        stub.extend(poll.id.as_bytes());
        match (counters.number(), counters.bytes()) {
            (Some(number), _) => stub.extend(number.to_be_bytes()),
            (None, bytes) => stub.extend(bytes.unwrap_or_default()),
        }
        stub.extend(pack(position).to_be_bytes());
        let tag = self.current.tag(&stub);
        stub.extend(tag);
        URL_SAFE_NO_PAD.encode(stub)
    }

    /// Reads a stub of this poll; `None` if it is not ours, not of this poll, or too old.
    pub fn stubbed(&self, stub: &str, poll: &Poll, now: Timestamp) -> Option<Stub> {
        // Decoding takes a buffer of whole blocks.
        let mut bytes = [0; (SIGNED + MOST_BALLOT + TAG).next_multiple_of(3)];
        let length = URL_SAFE_NO_PAD.decode_slice(stub, &mut bytes).ok()?;
        let (signed, tag) = bytes.get(..length)?.split_at_checked(length.checked_sub(TAG)?)?;
        let ([kind, key_id, t0, t1, t2, t3], rest) = signed.split_first_chunk()?;
        let (id, rest) = rest.split_first_chunk::<16>()?;
        let (ballot, position) = rest.split_last_chunk::<8>()?;
        let expires_secs = i64::from(u32::from_be_bytes([*t0, *t1, *t2, *t3]));
        let is_good = *kind == KIND
            && self.is_ours(*key_id, signed, tag)
            && id == poll.id.as_bytes()
            && now.as_millis().div_euclid(1000) < expires_secs;
        let counters = match poll.codec {
            Codec::Index | Codec::Bits => {
                Counters::from_number(poll.codec, u32::from_be_bytes(ballot.try_into().ok()?))
            }
            Codec::Bytes => Counters::from_bytes(ballot),
        };
        let choices = poll.choices_of(counters.filter(|_| is_good)?);
        Some(Stub { choices, position: unpack(u64::from_be_bytes(*position)) })
    }
}

/// A position in eight bytes. Positions of the first epoch are their version: epochs are few, and nobody casts 2^48
/// votes.
fn pack(Position { epoch, version }: Position) -> u64 {
    epoch.min(0xFFFF) << 48 | version.min((1 << 48) - 1)
}

fn unpack(packed: u64) -> Position {
    Position { epoch: packed >> 48, version: packed & ((1 << 48) - 1) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        poll::{DigestKey, Kind, NewOption, NewPoll, Partitions, PollFields, PollId, SiteId},
        secret::Secret,
    };

    fn keys(secret: &str) -> TokenKeys {
        TokenKeys::new(&Secret::new(secret.to_owned()), None)
    }

    fn poll() -> Poll {
        poll_of(Kind::Single, 2)
    }

    fn poll_of(kind: Kind, options: usize) -> Poll {
        let option = |nth: usize| NewOption { id: None, label: format!("خيار {nth}"), ..NewOption::default() };
        let new = PollFields {
            question: Some("؟".to_owned()),
            options: Some((1..=options).map(option).collect()),
            ..PollFields::default()
        };
        NewPoll { kind: Some(kind), ..NewPoll::from(new) }
            .build(
                PollId::generate(),
                SiteId::default(),
                Partitions::unplaced(1),
                DigestKey::from_bytes([0; 32]),
                Timestamp::EARLIEST,
            )
            .unwrap()
    }

    fn later(secs: i64) -> Timestamp {
        Timestamp::from_millis(secs * 1000)
    }

    #[test]
    fn a_stub_tells_for_ten_minutes_what_was_chosen_in_its_poll() {
        let (keys, poll, other) = (keys("one"), poll(), self::poll());
        let cast =
            Stub { choices: Choices::check(&poll, &["2"]).unwrap(), position: Position { epoch: 3, version: 17 } };
        let stub = keys.stub(&poll, cast, later(0));
        assert_eq!(keys.stubbed(&stub, &poll, later(LIFETIME_SECS - 1)), Some(cast));
        assert_eq!(keys.stubbed(&stub, &poll, later(LIFETIME_SECS)), None);
        assert_eq!(keys.stubbed(&stub, &other, later(0)), None);
        assert_eq!(self::keys("two").stubbed(&stub, &poll, later(0)), None);
    }

    #[test]
    fn a_stub_tells_an_order_of_any_length() {
        let keys = keys("one");
        let poll = poll_of(Kind::Ranked, 15);
        let ids: Vec<String> = (1..=15).rev().map(|nth: u8| nth.to_string()).collect();
        for length in 1..=15 {
            let cast = Stub { choices: Choices::check(&poll, &ids[..length]).unwrap(), position: Position::default() };
            let stub = keys.stub(&poll, cast, later(0));
            assert_eq!(keys.stubbed(&stub, &poll, later(1)), Some(cast));
            assert_eq!(keys.stubbed(&format!("{stub}AAAA"), &poll, later(1)), None);
        }
    }

    #[test]
    fn no_bit_of_a_stub_can_be_changed_and_a_stub_is_no_token() {
        let (keys, poll) = (keys("one"), poll());
        let stub = keys.stub(
            &poll,
            Stub { choices: Choices::check(&poll, &["1"]).unwrap(), position: Position::default() },
            later(0),
        );
        let bytes = URL_SAFE_NO_PAD.decode(&stub).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut forged = bytes.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(keys.stubbed(&URL_SAFE_NO_PAD.encode(forged), &poll, later(0)), None, "bit {bit}");
        }
        assert!(keys.verify(&stub, later(0)).is_err());
        let (token, _) = keys.mint(later(0), None);
        for garbage in ["", "x", "نعم", &token, &format!("{stub}A"), &stub[1..]] {
            assert_eq!(keys.stubbed(garbage, &poll, later(0)), None, "{garbage}");
        }
    }
}
