//! What a replica knows: polls as last read, and the newest tally of each.
//!
//! Readers outnumber voters by far, so a tally is read from memory, by all workers of a replica, without asking the
//! store and without writing its JSON again: see [`Hub`]. What keeps that memory true:
//!
//! - this replica's own batches, each of which brings its partition's new tally;
//! - what other replicas tell of theirs ([`replicas`]), which also say when a poll was edited;
//! - a slow re-read of every poll somebody reads here, by the [`refresher`], which also notices at once when a poll opens
//!   or closes by the clock.
//!
//! Readers who want to see it move open a [`Stream`]: [`Streams`] are a worker's, the [`StreamLimiter`] is the replica's.
//!
//! Whatever comes, and in whatever order: per partition the latest position wins, so what a replica tells never goes
//! back. A store that is found to have less than was told has lost votes: its epoch is raised, and what it has is told
//! from there on. While the store is away, readers get the last tally, and `as_of` says from when it is.

mod chunk;
mod entry;
mod hub;
mod partitions;
mod poll_cache;
mod publish_queue;
mod reading;
pub mod refresher;
pub mod replicas;
mod site_lists;
mod snapshot;
pub(crate) mod stream;
mod stream_limiter;
mod streams;
mod subscription;
mod watch;

pub use hub::{Hub, KEPT_FOR, LIVE_FOR, MOST_KNOWN, Newest};
pub use poll_cache::{PollCache, PollWithSite};
pub use site_lists::{List, Listed, SiteLists};
pub use snapshot::Snapshot;
pub use stream::{BallotLookup, RequestedPoll, Stream, StreamReader};
pub use stream_limiter::{StreamLimiter, StreamPermit, StreamRefusal};
pub use streams::{GAP, HEARTBEAT, Streams};
