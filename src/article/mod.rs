//! Articles, pure: what names one, and the poll that one article has by one template.
//!
//! A publisher names an article by an [`ArticleId`] of its own, or, where it has none at hand, by the address of its
//! page, which is brought into one form first: an [`ArticleAddress`]. Two forms of one address would be two articles,
//! each with half of the votes; two articles under one form would count together. Where it is not certain that two
//! addresses are one page, they stay apart.

mod address;
mod announced;
mod key;
mod rules;
mod template;
mod tracking;

pub use address::{AddressFault, ArticleAddress};
pub use announced::{Announced, ArticleCursor, MOST_ANNOUNCED, SECTION, TITLE};
pub use key::{ArticleId, ArticleKey, ArticleName, BY_ADDRESS, article_poll_id};
pub use rules::{AddressRules, MOST_RULES};
pub use template::{
    Admission, HONEST_CLIENTS, MOST_ARTICLES, MOST_TEMPLATES, NewArticlePoll, OPEN_FOR_DAYS, Template, TemplateId,
};
