//! Cursors: where a page of a site's polls begins, as text.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::paging::CURSOR_RULE;
use crate::{
    poll::{ListCursor, PageStart, PollId, Timestamp},
    publishing::{PollsOrder, PollsStart, SortedCursor},
};

/// A `next_cursor`: the time and the id of a page's last poll.
pub(in crate::http) fn write(last: ListCursor) -> String {
    let mut bytes = [0; 24];
    let (time, id) = bytes.split_at_mut(8);
    time.copy_from_slice(&last.created_at.as_millis().to_be_bytes());
    id.copy_from_slice(last.id.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A `next_cursor` of a list that is sorted by something else than age: by what, then the poll's rank, time and id.
pub(in crate::http) fn write_sorted(last: SortedCursor) -> String {
    let order = match last.order {
        PollsOrder::Newest => return write(last.poll),
        PollsOrder::Votes => 1,
        PollsOrder::Closing => 2,
    };
    let mut bytes = vec![order];
    bytes.extend(last.rank.to_be_bytes());
    bytes.extend(last.poll.created_at.as_millis().to_be_bytes());
    bytes.extend(last.poll.id.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A `cursor` of a query that asks for polls in this order.
pub(in crate::http) fn parse_sorted(text: &str, order: PollsOrder) -> Result<PollsStart, String> {
    let code = match order {
        PollsOrder::Newest => return parse(text).map(PollsStart::ByAge),
        PollsOrder::Votes => 1,
        PollsOrder::Closing => 2,
    };
    let mut bytes = [0; 33];
    let is_whole = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).is_ok_and(|length| length == bytes.len());
    let cursor = bytes.split_first().filter(|(first, _)| is_whole && **first == code).and_then(|(_, rest)| {
        let (rank, rest) = rest.split_first_chunk::<8>()?;
        let (time, id) = rest.split_first_chunk::<8>()?;
        let created_at = Timestamp::from_millis(i64::from_be_bytes(*time));
        let poll = ListCursor { created_at, id: PollId::from_bytes(id.try_into().ok()?) };
        Some(SortedCursor { order, rank: i64::from_be_bytes(*rank), poll })
    });
    cursor.map(PollsStart::Sorted).ok_or_else(|| CURSOR_RULE.to_owned())
}

/// A `cursor` of a query.
pub(in crate::http) fn parse(text: &str) -> Result<PageStart, String> {
    let mut bytes = [0; 24];
    let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok();
    let start = length.and_then(|length| bytes.get(..length)).and_then(|bytes| {
        if let Ok(id) = <[u8; 16]>::try_from(bytes) {
            let id = PollId::from_bytes(id);
            return Some(PageStart::Poll(id, id.made_at()?));
        }
        let (time, id) = bytes.split_first_chunk::<8>()?;
        let created_at = Timestamp::from_millis(i64::from_be_bytes(*time));
        Some(PageStart::After(ListCursor { created_at, id: PollId::from_bytes(id.try_into().ok()?) }))
    });
    start.ok_or_else(|| CURSOR_RULE.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_the_poll_that_it_was_made_of() {
        let poll =
            ListCursor { created_at: Timestamp::from_millis(1_795_899_306_264), id: PollId::from_bytes([7; 16]) };
        assert_eq!(parse(&write(poll)), Ok(PageStart::After(poll)));
        // An id that says no time was never a cursor.
        let no_time = URL_SAFE_NO_PAD.encode([7; 16]);
        for bad in ["", "x", "نعم", &"A".repeat(21), &"A".repeat(23), &"A".repeat(33), &no_time, &poll.id.to_string()]
        {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_cursor_is_good_for_the_order_it_was_made_in() {
        let poll =
            ListCursor { created_at: Timestamp::from_millis(1_795_899_306_264), id: PollId::from_bytes([7; 16]) };
        for order in PollsOrder::ALL {
            let last = SortedCursor { order, rank: if order == PollsOrder::Newest { 0 } else { -7 }, poll };
            let cursor = write_sorted(last);
            for other in PollsOrder::ALL {
                let start = match order {
                    PollsOrder::Newest => PollsStart::ByAge(PageStart::After(poll)),
                    PollsOrder::Votes | PollsOrder::Closing => PollsStart::Sorted(last),
                };
                assert_eq!(parse_sorted(&cursor, other).ok(), (order == other).then_some(start), "{order:?} {other:?}");
            }
        }
    }

    #[test]
    fn a_cursor_that_is_an_id_says_when_that_was_made() {
        let id: PollId = "01932f6e-7c1a-7b60-8d5e-0b8f6a3c9d21".parse().unwrap();
        let made_at = Timestamp::from_millis(0x0193_2f6e_7c1a);
        assert_eq!(parse("AZMvbnwae2CNXguPajydIQ"), Ok(PageStart::Poll(id, made_at)));
    }
}
