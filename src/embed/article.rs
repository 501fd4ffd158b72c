//! Where an article's poll is found by its article.

use percent_encoding::utf8_percent_encode;

use super::page::QUERY_VALUE;
use crate::poll::{Poll, PollArticle};

/// The address of an article's poll by its article, below the service's own.
pub(super) fn article_path(poll: &Poll) -> Option<String> {
    let PollArticle { template, key } = poll.article.as_ref()?;
    let site = &poll.site;
    Some(match key.split_once(':')? {
        ("id", id) => format!("/v1/sites/{site}/articles/{id}/{template}"),
        (_, address) => {
            format!("/v1/sites/{site}/articles/@url/{template}?url={}", utf8_percent_encode(address, QUERY_VALUE))
        }
    })
}
