//! Voting, without HTTP.
//!
//! - [`ballot_batcher`]: group commit in front of a store, which is what makes a vote cheap.

pub mod ballot_batcher;
