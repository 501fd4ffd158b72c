//! Ballot stubs: by these readers without script see the results after they have voted.
//!
//! A vote by plain form is answered by a redirect, and the page it leads to knows nothing of the reader. Their token
//! can't be in its address, which ends up in histories and logs. So the address carries a stub, like that of a paper
//! ballot: signed like a token, valid for ten minutes, and only good for looking. It says that a ballot with these
//! choices was cast in this poll, but not by whom; and the tally's position, so that no replica shows an older one.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::TokenKeys;
use crate::poll::{Choices, Counters, Poll, Position, Timestamp};

/// How long a stub is valid.
const LIFETIME_SECS: i64 = 10 * 60;

/// The byte where a token has its version: so a stub is never a token, nor a token a stub.
const KIND: u8 = 128;
const SIGNED: usize = 34;
const WHOLE: usize = 50;

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
        let mut stub = Vec::with_capacity(WHOLE);
        stub.extend([KIND, self.current.id]);
        stub.extend(u32::try_from(expires_secs).unwrap_or(u32::MAX).to_be_bytes());
        stub.extend(poll.id.as_bytes());
        // No kind so far keeps a ballot as bytes; a stub of such a ballot would say nothing.
        stub.extend(poll.counters_of(choices).number().unwrap_or_default().to_be_bytes());
        stub.extend(pack(position).to_be_bytes());
        let tag = self.current.tag(&stub);
        stub.extend(tag);
        URL_SAFE_NO_PAD.encode(stub)
    }

    /// Reads a stub of this poll; `None` if it is not ours, not of this poll, or too old.
    pub fn stubbed(&self, stub: &str, poll: &Poll, now: Timestamp) -> Option<Stub> {
        let mut bytes = [0; WHOLE];
        if URL_SAFE_NO_PAD.decode_slice(stub, &mut bytes) != Ok(WHOLE) {
            return None;
        }
        let (signed, tag) = bytes.split_at_checked(SIGNED)?;
        let ([kind, key_id, t0, t1, t2, t3], rest) = signed.split_first_chunk()?;
        let (id, rest) = rest.split_first_chunk::<16>()?;
        let (code, position) = rest.split_first_chunk::<4>()?;
        let expires_secs = i64::from(u32::from_be_bytes([*t0, *t1, *t2, *t3]));
        let is_good = *kind == KIND
            && self.is_ours(*key_id, signed, tag)
            && id == poll.id.as_bytes()
            && now.as_millis().div_euclid(1000) < expires_secs;
        let counters = Counters::from_number(poll.codec, u32::from_be_bytes(*code)).filter(|_| is_good)?;
        let choices = poll.choices_of(counters);
        Some(Stub { choices, position: unpack(u64::from_be_bytes(position.try_into().ok()?)) })
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
        poll::{DigestKey, NewOption, NewPoll, Partitions, PollFields, PollId, SiteId},
        secret::Secret,
    };

    fn keys(secret: &str) -> TokenKeys {
        TokenKeys::new(&Secret::new(secret.to_owned()), None)
    }

    fn poll() -> Poll {
        let option = |label: &str| NewOption { id: None, emoji: None, label: label.to_owned() };
        let new = PollFields {
            question: Some("؟".to_owned()),
            options: Some(vec![option("نعم"), option("لا")]),
            ..PollFields::default()
        };
        NewPoll::from(new)
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
