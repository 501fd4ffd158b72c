//! Tallies as they move: what a replica tells from memory, and how it stays true.

mod hidden;
mod limits;
mod reads;
mod replicas;
mod streams;

use crate::registry::Rule;

pub(crate) fn rules() -> Vec<Rule> {
    [reads::rules(), reads::outages::rules(), streams::rules(), hidden::rules(), limits::rules(), replicas::rules()]
        .into_iter()
        .flatten()
        .collect()
}
