//! What makes a figure trustworthy: what a vote's request gives away, which ballots are suspect, and what anyone can
//! check or cite afterwards.

pub(super) mod challenges;
pub(super) mod evidence;
pub(super) mod integrity;
pub(super) mod snapshots;
pub(super) mod transparency;
