//! What everyone is sent: the JSON of polls and tallies with their entity tags, each written in one place; files that
//! change only with the program; and compression.

pub mod coding;
mod mark;
mod poll;
mod position_keys;
mod runoff;
mod static_file;
mod tally;

pub use mark::Mark;
pub use poll::{Audience, PatternJson, PollJson, VerdictJson, poll_etag, poll_json};
#[cfg(test)]
pub(crate) use position_keys::tests::keys;
pub use position_keys::{PositionKeys, ReaderPosition, SignedPosition};
pub use runoff::runoff_json;
pub use static_file::StaticFile;
pub use tally::{results_json, tally_etag, tally_json};
