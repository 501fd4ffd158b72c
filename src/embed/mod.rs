//! What a reader sees: the poll as a page, and the widget that stands beside an article.
//!
//! There is one markup, and the server writes it. The page at `/embed/{poll}` holds it for a frame or a tab of its
//! own; with JavaScript off, the same page with a voter token in it is a plain form; and the widget fetches that page
//! and moves the poll out of it into the publisher's page. So the script builds nothing: it changes texts, widths and
//! one attribute, `data-state`, by which the style sheet shows a part of the markup and hides the rest. Form and
//! results lie in the same place, one above the other, and take the room of the taller one, so nothing around them
//! moves when one turns into the other.
//!
//! What both sides must say alike (numbers, plurals, shares) comes from one file per language in `languages/`, which
//! the server reads here, and of which it gives the script what that needs.
//!
//! - [`language`]: those files, with [`texts`], [`digits`] and plural forms; [`direction`]: which way a text runs.
//! - [`shown_poll`]: a poll as one reader is to be shown it; [`page`]: the page that shows it, as its [`look`] says, with what belongs to [`rating`]s alone and the [`verdict`] on a
//!   ballot; [`refusal`]: the pages that show no poll. The templates escape whatever is put into them.
//! - [`disclosure`]: who stands behind a poll, as a sentence.
//! - [`card`]: what the picture of a poll says, which [`crate::card`] draws.
//! - [`snapshot`]: a figure that was taken to be cited, as a page and as a picture.
//! - [`markup`]: their text in markup that is no template's.
//! - [`snippets`]: what a publisher puts into a page to have a poll there.
//! - [`assets`]: script and style sheet as they are served: compressed, and named by what is in them.
//!
//! Nothing here knows HTTP.

pub mod article;
pub mod assets;
pub mod card;
mod decided;
pub mod digits;
pub mod direction;
pub mod disclosure;
pub mod language;
pub mod look;
pub mod markup;
pub mod page;
mod plural;
mod rating;
pub mod refusal;
mod rule;
pub mod shown_poll;
pub mod snapshot;
pub mod snippets;
pub mod texts;
mod time;
mod verdict;
