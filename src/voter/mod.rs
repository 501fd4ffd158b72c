//! Voters: anonymous readers, each known by a signed token.
//!
//! A token is `2 | key id | issued | voter id | day | site | tag`, 48 bytes in unpadded base64url (64 characters). The
//! tag is the first 16 bytes of a BLAKE3 hash of all before it, keyed with a key derived from `SAWT_SECRET`. It says
//! who the voter is and that this service said so, and on which day and for which site it first did; it grants nothing
//! else, and no store keeps it. Tokens of version 1 had neither day nor site, and are taken until they expire.
//!
//! A voter may also be known by a [`Nonce`], before they have a token. [`WorkKeys`] ask new ones to prove work.

mod nonce;
mod origin;
mod proof_of_work;
mod stub;
mod token;

pub use nonce::Nonce;
pub use origin::{FirstMade, SiteDigest};
pub use proof_of_work::WorkKeys;
pub use stub::Stub;
pub use token::{InvalidToken, LIFETIME_SECS, TokenKeys, Voter};
