//! Reading requests and writing answers: what HTTP itself says, whatever the resource.
//!
//! - Requests: [`path`] and [`query`] read the address, [`header_text`] headers and cookies, [`body`] the body;
//!   [`conditional`] and [`coding`] know the headers that ask for less of an answer, [`paging`] and [`cursor`] those
//!   lists that come page by page.
//! - Answers: [`caching`] says who may keep one, [`page_cache`] keeps compressed pages.
//! - Refusals: [`problem`] is the table of all of them; [`refusals`] translates what the use cases refuse.

pub(super) mod body;
pub(super) mod caching;
pub(super) mod coding;
pub(super) mod conditional;
pub(super) mod cursor;
pub(super) mod header_text;
pub(super) mod page_cache;
pub(super) mod paging;
pub(super) mod path;
pub mod problem;
pub(super) mod query;
pub(super) mod refusals;
