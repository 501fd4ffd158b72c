//! The rules, by what they are about.

mod ballots;
mod closing;
mod growth;
mod polls;
mod quotas;
mod races;
mod sites;
mod timeline;

use crate::registry::Rule;

/// All of them.
pub(super) fn rules() -> Vec<Rule> {
    [
        sites::rules(),
        polls::rules(),
        ballots::rules(),
        closing::rules(),
        races::rules(),
        growth::rules(),
        quotas::rules(),
        timeline::rules(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
