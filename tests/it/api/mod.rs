//! The API, resource by resource: each rule once, on every store.

mod admission;
mod announced;
mod answers;
mod articles;
mod card;
mod decided;
pub(crate) mod embed;
mod events;
mod exports;
mod first_vote;
mod form;
mod headers;
mod held;
pub(crate) mod integrity;
mod keys;
mod kinds;
pub(crate) mod labels;
mod lists;
mod oembed;
mod opening;
mod operators;
mod pages;
mod places;
mod polls;
mod quiz;
mod ranked;
mod requests;
mod results;
mod shown;
mod sites;
mod templates;
mod transparency;
mod views;
mod voters;
mod votes;
mod webhooks;
mod work;

use crate::registry::Rule;

/// Every rule of the API.
pub(crate) fn rules() -> Vec<Rule> {
    [
        voters::rules(),
        polls::rules(),
        opening::rules(),
        lists::rules(),
        quiz::rules(),
        decided::rules(),
        votes::rules(),
        kinds::rules(),
        answers::rules(),
        ranked::rules(),
        first_vote::rules(),
        results::rules(),
        shown::rules(),
        exports::rules(),
        sites::rules(),
        articles::rules(),
        admission::rules(),
        templates::rules(),
        views::rules(),
        announced::rules(),
        places::rules(),
        webhooks::rules(),
        events::rules(),
        integrity::rules(),
        labels::rules(),
        work::rules(),
        held::rules(),
        transparency::rules(),
        keys::rules(),
        pages::rules(),
        embed::rules(),
        form::rules(),
        oembed::rules(),
        card::rules(),
        requests::rules(),
        headers::rules(),
        operators::rules(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
