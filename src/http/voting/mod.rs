//! What readers do: vote, see what others voted, and tell what they read.
//!
//! [`tallies`] finds the tally that a request may see; [`results`], [`several`], [`runoff`], [`exports`] and [`live`]
//! answer with it in their forms. [`articles`] has the same for polls that are named by an article.

pub(super) mod articles;
pub(super) mod disclosure;
pub(super) mod exports;
pub(super) mod live;
pub(super) mod results;
pub(super) mod runoff;
pub(super) mod several;
pub(super) mod tallies;
pub(super) mod trending;
pub(super) mod views;
pub(super) mod voters;
pub(super) mod votes;
