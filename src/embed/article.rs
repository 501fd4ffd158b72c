//! Where an article's poll is found by its article.

use percent_encoding::utf8_percent_encode;

use super::page::QUERY_VALUE;
use crate::{
    article::{ArticleKey, BY_ADDRESS},
    poll::{Poll, PollArticle},
};

/// The address of an article's poll by its article, below the service's own.
pub(super) fn article_path(poll: &Poll) -> Option<String> {
    let PollArticle { template, key } = poll.article.as_ref()?;
    let articles = format!("/v1/sites/{}/articles", poll.site);
    Some(match key.parse().ok()? {
        ArticleKey::Id(id) => format!("{articles}/{id}/{template}"),
        ArticleKey::Address(address) => {
            format!("{articles}/{BY_ADDRESS}/{template}?url={}", utf8_percent_encode(address.as_str(), QUERY_VALUE))
        }
    })
}
