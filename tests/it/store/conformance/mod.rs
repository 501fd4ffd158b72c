//! The rules, by what they are about.

mod answers;
pub(crate) mod article_figures;
pub(crate) mod articles;
mod ballots;
mod epochs;
pub(crate) mod events;
mod growth;
mod labels;
pub(crate) mod one_history;
mod places;
mod polls;
mod quotas;
mod races;
mod schedule;
mod sessions;
mod sites;
pub(crate) mod templates;
mod timeline;
mod transparency_logs;
pub(crate) mod views;
pub(crate) mod webhooks;

use crate::registry::Rule;

/// All of them.
pub(super) fn rules() -> Vec<Rule> {
    [
        templates::rules(),
        sites::rules(),
        sessions::rules(),
        articles::rules(),
        article_figures::rules(),
        places::rules(),
        polls::rules(),
        ballots::rules(),
        answers::rules(),
        schedule::rules(),
        races::rules(),
        growth::rules(),
        labels::rules(),
        one_history::rules(),
        epochs::rules(),
        events::rules(),
        quotas::rules(),
        timeline::rules(),
        transparency_logs::rules(),
        views::rules(),
        webhooks::rules(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
