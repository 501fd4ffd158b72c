//! Polls and tallies as everyone gets them: their JSON and their entity tags, each written in one place.

mod poll;
mod position_keys;
mod tally;

pub use poll::{PollJson, poll_etag, poll_json};
#[cfg(test)]
pub(crate) use position_keys::tests::keys;
pub use position_keys::{PositionKeys, Seen, SignedPosition};
pub use tally::{results_json, tally_etag, tally_json};
