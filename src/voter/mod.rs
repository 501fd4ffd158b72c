//! Voters: readers nobody knows by name, each known by a signed token.
//!
//! A token is `version | key id | issued | voter id | tag`, 38 bytes in unpadded base64url (51 characters). The tag is
//! the first 16 bytes of a BLAKE3 hash of all before it, keyed with a key derived from `SAWT_SECRET`. It says who the
//! voter is and that this service said so; it grants nothing else, and no store keeps it.

mod stub;
mod token;

pub use stub::Stub;
pub use token::{InvalidToken, LIFETIME_SECS, TokenKeys, Voter};
