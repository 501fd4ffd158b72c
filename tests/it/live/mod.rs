//! Tallies as they move: what a replica tells from memory, and how it stays true.

mod reads;

use crate::registry::Rule;

pub(crate) fn rules() -> Vec<Rule> {
    [reads::rules(), reads::outages::rules()].into_iter().flatten().collect()
}
