//! What a stream writes next, and how long a reader waits before they come back.

use bytes::{Bytes, BytesMut};

use crate::secret::random_bytes;

/// Tells a reader how long to wait before they reconnect: a random time from this to three times this. So readers who
/// were disconnected together do not reconnect together.
///
/// It is the first line of the next event, or the last line of the stream. A blank line after it would end a block
/// without an event, and some clients (`httpx-sse`) make an empty event of every block.
pub(super) fn retry(least_millis: u32) -> Bytes {
    let random = u16::from_le_bytes(random_bytes());
    let millis = least_millis + (least_millis * 2 / 256) * u32::from(random) / 256;
    format!("retry: {millis}\n").into()
}

/// The bytes to write next: mostly one piece that all streams share.
#[derive(Default)]
pub(super) struct Chunk {
    one: Option<Bytes>,
    more: BytesMut,
}

impl Chunk {
    pub(super) fn add(&mut self, piece: &Bytes) {
        match self.one.take() {
            None if self.more.is_empty() => self.one = Some(piece.clone()),
            before => {
                self.more.extend_from_slice(before.as_deref().unwrap_or_default());
                self.more.extend_from_slice(piece);
            }
        }
    }

    pub(super) fn finish(self) -> Option<Bytes> {
        self.one.or_else(|| (!self.more.is_empty()).then(|| self.more.freeze()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_are_sent_away_for_different_times_within_bounds() {
        let pauses: std::collections::BTreeSet<Bytes> = (0..64).map(|_| retry(1_000)).collect();
        assert!(pauses.len() > 8);
        for pause in pauses {
            let text = String::from_utf8(pause.to_vec()).unwrap();
            let millis: u32 = text.strip_prefix("retry: ").unwrap().trim().parse().unwrap();
            assert!((1_000..3_000).contains(&millis), "{millis}");
        }
    }
}
