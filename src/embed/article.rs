//! Addresses of articles' polls that name the article.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{
    article::{ArticleKey, BY_ADDRESS},
    poll::{Poll, PollArticle},
};

/// What is encoded in the value of a query's parameter: all but RFC 3986's unreserved characters.
pub(super) const QUERY_VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The address of an article's poll in the API, below the service's own address.
pub(super) fn article_path(poll: &Poll) -> Option<String> {
    let (path, query) = path_and_query(poll)?;
    Some(format!("/v1{path}{query}"))
}

/// The address of a poll's plain form. `query` begins with `?` or is empty. Those who came by the article's address get
/// a form by it too, which is still there when the poll goes and comes again.
pub fn form_address(poll: &Poll, base_path: &str, is_by_article: bool, query: &str) -> String {
    let by_article = is_by_article.then(|| path_and_query(poll)).flatten();
    match by_article {
        None => format!("{base_path}/embed/{}/form{query}", poll.id),
        Some((path, named)) if named.is_empty() => format!("{base_path}/embed{path}/form{query}"),
        Some((path, named)) => format!("{base_path}/embed{path}/form{named}{}", query.replacen('?', "&", 1)),
    }
}

/// The path that names the article and the template, and a query, which may be empty.
fn path_and_query(poll: &Poll) -> Option<(String, String)> {
    let PollArticle { template, key } = poll.article.as_ref()?;
    let articles = format!("/sites/{}/articles", poll.site);
    Some(match key.parse().ok()? {
        ArticleKey::Id(id) => (format!("{articles}/{id}/{template}"), String::new()),
        ArticleKey::Address(address) => (
            format!("{articles}/{BY_ADDRESS}/{template}"),
            format!("?url={}", utf8_percent_encode(address.as_str(), QUERY_VALUE)),
        ),
    })
}
