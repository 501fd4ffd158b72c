//! Detectors: what in the flow of a poll's ballots is not readers making up their minds.
//!
//! Each detector is a few numbers that every ballot changes a little. None does any I/O or reads a clock, so an evening
//! can be played to them in a second, and is (`tests/bench`, part `attack`). What they remember is bounded: for each poll
//! at most [`MOST_NETWORKS`](network) networks, and of all else so much as there are options and days.
//!
//! - [`network`]: a network votes more than its past and the poll's other readers explain.
//! - [`gaps`]: ballots come at gaps too even for many readers.
//! - [`rhythm`]: among many readers, some ballots keep the beat of a clock.
//! - [`swing`]: the shares of the options have moved.
//! - [`views`]: there are more votes than views.
//! - [`new_voters`]: more voters than before come for the first time.
//!
//! Where one network explains what is seen, its ballots are no news for the other detectors: they would only see the same
//! again, and blame everybody for it.

mod gaps;
mod growth;
mod minutes;
mod network;
mod new_voters;
mod poll_watch;
mod rhythm;
mod swing;
#[cfg(test)]
pub(super) mod tests;
mod views;

pub use poll_watch::PollWatch;
