//! What was seen: a poll, or an article of a site.

use std::sync::Arc;

use crate::{
    article::{ArticleKey, ArticleName},
    live::PollWithSite,
    poll::{PollId, SiteId},
    site::Site,
};

/// What a reader says they see.
#[derive(Debug, PartialEq, Eq)]
pub enum ViewTarget {
    Poll(PollId),
    /// An article of a site.
    Article(SiteId, ArticleName),
}

/// What was seen, found.
pub enum Viewed {
    /// A poll, with its site.
    Poll(Arc<PollWithSite>),
    /// An article, by the name under which it ranks, if it does.
    Article(Arc<Site>, Option<ArticleKey>),
}

impl Viewed {
    /// The site it is of.
    pub fn site(&self) -> &Site {
        match self {
            Self::Poll(known) => &known.site,
            Self::Article(site, _) => site,
        }
    }
}
