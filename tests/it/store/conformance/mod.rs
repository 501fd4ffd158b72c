//! The rules, by what they are about.

mod ballots;
mod closing;
mod growth;
mod polls;
mod races;
mod sites;

use super::Rule;

pub(super) const RULES: [&[Rule]; 6] =
    [sites::RULES, polls::RULES, ballots::RULES, closing::RULES, races::RULES, growth::RULES];
