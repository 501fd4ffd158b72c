//! Articles that publishers announce.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::{
    article::{Announced, ArticleCursor, ArticleId, SECTION, TITLE},
    http::{
        Worker, auth,
        message::{
            body, caching,
            paging::{CURSOR_RULE, DEFAULT_LIMIT, MAX_LIMIT, link_to_next, parse_limit},
            path::id_in_path,
            problem::Problem,
            query::{self, Query},
            refusals::{no_article, no_site},
        },
    },
    poll::{InvalidId, SiteId, Text, Timestamp, WebAddress},
    publishing::NewArticle,
    site::Scope,
};

/// `PUT /v1/sites/{site}/articles/{article}`: announces an article, or what has changed of it.
pub(in crate::http) async fn put(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    let publisher = auth::publisher_with(&req, &worker, Scope::PollsWrite).await?;
    let site: SiteId = id_in_path(&req, "site", no_site)?;
    let id = req.match_info().get("article").unwrap_or_default().parse();
    let id: ArticleId = id.map_err(|rule: InvalidId| query::refused("article", rule.to_string()))?;
    let bytes = body::read(&req, payload, body::PUBLISHER_LIMIT).await?;
    let new = body::parse::<ArticleBody>(&bytes)?.into_article()?;
    let (article, is_new) = worker.publishing.announce(&publisher, &site, id, new).await?;
    let mut response = if is_new { HttpResponse::Created() } else { HttpResponse::Ok() };
    Ok(response.insert_header((header::CACHE_CONTROL, caching::PRIVATE)).json(ArticleJson::of(&article)))
}

/// `GET /v1/sites/{site}/articles/{article}`: an article as it was announced.
pub(in crate::http) async fn read(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let publisher = auth::publisher_with(&req, &worker, Scope::PollsRead).await?;
    let (site, id) = article_in_path(&req)?;
    let article = worker.publishing.article(&publisher, &site, id).await?;
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, caching::PRIVATE)).json(ArticleJson::of(&article)))
}

/// `DELETE /v1/sites/{site}/articles/{article}`: takes an announcement back.
pub(in crate::http) async fn delete(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let publisher = auth::publisher_with(&req, &worker, Scope::PollsWrite).await?;
    let (site, id) = article_in_path(&req)?;
    worker.publishing.delete_article(&publisher, &site, id).await?;
    Ok(HttpResponse::NoContent().insert_header((header::CACHE_CONTROL, caching::PRIVATE)).finish())
}

/// `GET /v1/sites/{site}/announced?cursor=&limit=`: a site's articles, those published last first, page by page. A page
/// ends at an article, so those announced meanwhile neither shift nor repeat the rest.
pub(in crate::http) async fn list(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let publisher = auth::publisher_with(&req, &worker, Scope::PollsRead).await?;
    let site: SiteId = id_in_path(&req, "site", no_site)?;
    let mut query = Query::strict(req.query_string(), &["cursor", "limit"])?;
    let before = query.take_parsed("cursor", parse_cursor)?;
    let limit = query.take_parsed("limit", |text| parse_limit(text, MAX_LIMIT))?.unwrap_or(DEFAULT_LIMIT);
    // One more than the page holds shows whether there is another page.
    let mut articles = worker.publishing.articles(&publisher, &site, before.as_ref(), limit + 1).await?;
    let is_last = articles.len() <= limit;
    articles.truncate(limit);
    let next_cursor = articles.last().filter(|_| !is_last).map(|article| write_cursor(&article.cursor()));
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CACHE_CONTROL, caching::PRIVATE));
    if let Some(cursor) = &next_cursor {
        let path = format!("/v1/sites/{site}/announced");
        response.insert_header((header::LINK, link_to_next(worker.shared.base_path(), &path, &[], limit, cursor)));
    }
    Ok(response.json(ArticleList { items: articles.iter().map(ArticleJson::of).collect(), next_cursor }))
}

fn article_in_path(req: &HttpRequest) -> Result<(SiteId, ArticleId), Problem> {
    Ok((id_in_path(req, "site", no_site)?, id_in_path(req, "article", no_article)?))
}

/// A `next_cursor`: the time and the id of a page's last article.
fn write_cursor(last: &ArticleCursor) -> String {
    let time = last.published_at.as_millis().to_be_bytes();
    URL_SAFE_NO_PAD.encode([&time, last.id.as_str().as_bytes()].concat())
}

fn parse_cursor(text: &str) -> Result<ArticleCursor, String> {
    let cursor = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| {
        let (time, id) = bytes.split_first_chunk::<8>()?;
        let published_at = Timestamp::from_millis(i64::from_be_bytes(*time));
        Some(ArticleCursor { published_at, id: std::str::from_utf8(id).ok()?.parse().ok()? })
    });
    cursor.ok_or_else(|| CURSOR_RULE.to_owned())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ArticleBody {
    title: String,
    url: String,
    section: Option<String>,
    published_at: Timestamp,
}

impl ArticleBody {
    fn into_article(self) -> Result<NewArticle, Problem> {
        let title = Text::parse(&self.title, TITLE).map_err(|rule| query::refused("title", rule))?;
        let url = self.url.parse().map_err(|rule: String| query::refused("url", rule))?;
        let section = self.section.map(|section| Text::parse(&section, SECTION)).transpose();
        let section = section.map_err(|rule| query::refused("section", rule))?;
        Ok(NewArticle { title, url, section, published_at: self.published_at })
    }
}

#[derive(Serialize)]
struct ArticleList<'a> {
    items: Vec<ArticleJson<'a>>,
    next_cursor: Option<String>,
}

#[derive(Serialize)]
struct ArticleJson<'a> {
    id: &'a ArticleId,
    title: &'a Text,
    url: &'a WebAddress,
    canonical_url: &'a str,
    section: Option<&'a Text>,
    published_at: Timestamp,
    announced_at: Timestamp,
}

impl<'a> ArticleJson<'a> {
    fn of(article: &'a Announced) -> Self {
        let Announced { id, title, url, address, section, published_at, announced_at, first_address: _ } = article;
        Self {
            id,
            title,
            url,
            canonical_url: address.as_str(),
            section: section.as_ref(),
            published_at: *published_at,
            announced_at: *announced_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_the_place_it_was_made_of() {
        let last = ArticleCursor {
            published_at: Timestamp::from_millis(1_795_899_306_264),
            id: "Kuna-3214567.~_".parse().unwrap(),
        };
        assert_eq!(parse_cursor(&write_cursor(&last)), Ok(last));
        for bad in ["", "x", "نعم", &"A".repeat(11), &"A".repeat(300)] {
            assert!(parse_cursor(bad).is_err(), "{bad}");
        }
    }
}
