//! The page of a place that shows no poll.

use askama::Template;

use crate::embed::{
    assets::{self, Asset},
    shown_poll::FollowedPlace,
};

/// The page of a place in which nothing stands, or that is not there (yet). It says nothing, so it is in no language.
///
/// # Errors
/// The template can't be written, which is a defect.
pub fn empty_place(place: &FollowedPlace, is_there: bool, base_path: &str) -> Result<String, askama::Error> {
    let (state, all) = (if is_there { "empty" } else { "gone" }, assets::all());
    EmptyPlacePage { place, state, base_path, style: &all.style, follower: &all.place }.render()
}

#[derive(Template)]
#[template(path = "place.html", config = "src/embed/askama.toml")]
struct EmptyPlacePage<'a> {
    place: &'a FollowedPlace,
    state: &'static str,
    base_path: &'a str,
    style: &'static Asset,
    follower: &'static Asset,
}
