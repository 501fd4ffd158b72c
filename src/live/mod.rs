//! Tallies as they are now.

mod hub;
mod known_polls;

pub use hub::{Hub, Snapshot};
pub use known_polls::{Known, KnownPolls};
