//! What a replica knows: polls as last read, and the newest tally of each.
//!
//! Readers outnumber voters by far, so all workers of a replica read a tally from memory, without asking the store and
//! without writing its JSON again: see [`Hub`]. What keeps that memory correct:
//!
//! - this replica's own batches: each reports its partition's new tally;
//! - messages from other replicas about theirs ([`replicas`]), and about polls that were edited;
//! - the [`refresher`], which reads every poll again that somebody reads here, and notices when a poll opens or closes
//!   by the clock.
//!
//! Readers who want live updates open a [`Stream`]. [`Streams`] are a worker's, the [`StreamLimiter`] is the replica's.
//!
//! Messages may come in any order: per partition the latest position wins, so a replica's tally never goes back. A
//! store that has less than was sent to readers has lost votes: its epoch is raised, and its tally counts from there
//! on. While the store is away, readers get the last tally, and `as_of` tells its age.

mod chunk;
mod entry;
mod hub;
mod known_articles;
mod known_tally;
mod partitions;
mod place_cache;
mod poll_cache;
mod poll_index;
mod publish_queue;
mod reading;
pub mod refresher;
pub mod replicas;
mod single_flight_cache;
mod site_cache;
mod site_lists;
mod stale_if_error_cache;
pub(crate) mod stream;
mod stream_limiter;
mod streams;
mod subscription;
mod vote_traces;
mod watch;

pub use hub::{Hub, KEPT_FOR, LIVE_FOR, MOST_KNOWN, Newest};
pub use known_articles::{KnownArticles, NameRefusal, NamedArticle};
pub use known_tally::{KnownTally, ShownTally};
pub use place_cache::PlaceCache;
pub use poll_cache::{PollCache, PollWithSite};
pub use poll_index::{IndexedPoll, IndexedPolls, MOST_OF_SITE, PollIndex};
pub use single_flight_cache::SingleFlightCache;
pub use site_cache::SiteCache;
pub use site_lists::{List, Listed, SiteLists};
pub use stale_if_error_cache::StaleIfErrorCache;
pub use stream::{Stream, StreamReader};
pub use stream_limiter::{StreamLimiter, StreamPermit, StreamRefusal};
pub use streams::{GAP, HEARTBEAT, Streams};
pub use vote_traces::VoteTraces;
pub use watch::{BallotLookup, RequestedPoll};
