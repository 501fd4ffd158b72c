//! What the stores promise, checked on each of them.
//!
//! A rule is a sentence and a function that is given a store. It makes a site of its own, so rules may run at the same
//! time and on a store that others have used. The store must have been contacted.

#![expect(clippy::as_conversions, clippy::wildcard_enum_match_arm, reason = "a test stops at the first surprise")]

mod before;
mod clocks;
pub(crate) mod conformance;
mod histories;
mod model;
mod redis;
mod sqlite;
pub(crate) mod stage;

use crate::registry::Rule;

/// Every rule that every store keeps, and what single stores promise beyond them.
pub(crate) fn rules() -> Vec<Rule> {
    [conformance::rules(), histories::rules(), sqlite::rules(), redis::rules(), clocks::rules(), before::rules()]
        .into_iter()
        .flatten()
        .collect()
}
