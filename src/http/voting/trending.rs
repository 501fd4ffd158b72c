//! What of a site is seen, voted in or reacted to most.

use std::{collections::BTreeMap, sync::Arc};

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use serde::Serialize;

use crate::{
    article::ArticleKey,
    http::{
        Worker,
        message::{
            caching::{self, Caching},
            conditional,
            paging::parse_limit,
            path::id_in_path,
            problem::Problem,
            query::Query,
            refusals::no_site,
        },
    },
    poll::{PollId, SiteId, Text, Timestamp, WebAddress},
    secret::hex,
    site::{Colour, Density, SiteLook},
    views::{MOST_LISTED, Measure, RankedItem, TrendingEntry, TrendingList, TrendingQuery, TrendingWindow},
};

/// How many items there are unless the request says.
const DEFAULT_LIMIT: usize = 10;
/// The most characters of a section's name, marks that a reader does not count among them.
const MOST_SECTION_CHARACTERS: usize = 500;

/// `GET /v1/sites/{site}/trending?by=&window=&section=&limit=`, for everyone.
pub(in crate::http) async fn read(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let site: SiteId = id_in_path(&req, "site", no_site)?;
    let mut query = Query::strict(req.query_string(), &["by", "window", "section", "limit"])?;
    let by = query.take_parsed("by", |text| text.parse().map_err(str::to_owned))?.unwrap_or(Measure::Views);
    let window =
        query.take_parsed("window", |text| text.parse().map_err(str::to_owned))?.unwrap_or(TrendingWindow::Day);
    let limit = query.take_parsed("limit", |text| parse_limit(text, MOST_LISTED))?.unwrap_or(DEFAULT_LIMIT);
    let section = query.take_parsed("section", parse_section)?;
    let asked = TrendingQuery { site: site.clone(), measure: by, window, section };
    let list = worker.viewing.trending(asked).await?;
    answer(&req, &site, by, window, &list, limit)
}

/// The name of a section. No longer one can be announced.
fn parse_section(text: &str) -> Result<String, String> {
    if (1..=MOST_SECTION_CHARACTERS).contains(&text.chars().count()) {
        return Ok(text.to_owned());
    }
    Err(format!("must be 1 to {MOST_SECTION_CHARACTERS} characters"))
}

fn answer(
    req: &HttpRequest,
    site: &SiteId,
    by: Measure,
    window: TrendingWindow,
    list: &Arc<TrendingList>,
    limit: usize,
) -> Result<HttpResponse, Problem> {
    let items: Vec<_> = list.entries.iter().take(limit).map(TrendingItemJson::of).collect();
    let internal = |_| Problem::internal("a ranking could not be written");
    let look = (list.look != SiteLook::default()).then(|| LookJson {
        accent: list.look.accent,
        accent_dark: list.look.dark_accent(),
        density: list.look.density,
        words: list
            .look
            .words
            .iter()
            .filter_map(|(tag, said)| {
                Some((tag.as_str(), HeadingJson { most_read: said.most_read.as_ref()?.as_str() }))
            })
            .collect(),
    });
    let said = serde_json::to_vec(&(site, by.as_str(), window.as_str(), &items, &look)).map_err(internal)?;
    let tag = blake3::hash(&said);
    let [b0, b1, b2, b3, b4, b5, b6, b7, ..] = *tag.as_bytes();
    let etag = format!("\"{}\"", hex(&[b0, b1, b2, b3, b4, b5, b6, b7]));
    let is_current = conditional::is_current(req.headers(), &etag);
    let mut response = if is_current { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((header::CACHE_CONTROL, Caching::LIVE.header())).insert_header((header::ETAG, etag));
    caching::name_site(&mut response, site, []);
    if is_current {
        return Ok(response.finish());
    }
    let (by, window) = (by.as_str(), window.as_str());
    Ok(response.json(TrendingJson { site, by, window, as_of: list.as_of, items, look }))
}

#[derive(Serialize)]
struct TrendingJson<'a> {
    site: &'a SiteId,
    by: &'static str,
    window: &'static str,
    as_of: Timestamp,
    items: Vec<TrendingItemJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    look: Option<LookJson<'a>>,
}

/// How `<sawt-most-read>` is to look.
#[derive(Serialize)]
struct LookJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    accent: Option<Colour>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accent_dark: Option<Colour>,
    density: Density,
    /// By language.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    words: BTreeMap<&'a str, HeadingJson<'a>>,
}

/// The site's own words above the list.
#[derive(Serialize)]
struct HeadingJson<'a> {
    most_read: &'a str,
}

/// An article or a poll.
#[derive(Serialize)]
struct TrendingItemJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    article: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    poll: Option<PollId>,
    title: Option<&'a str>,
    url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    section: Option<&'a str>,
    /// To a tenth, so that a list whose scores only decay a little keeps its tag.
    score: f64,
}

impl<'a> TrendingItemJson<'a> {
    fn of(entry: &'a TrendingEntry) -> Self {
        let score = (entry.score * 10.0).round() / 10.0;
        let article = entry.article.as_deref();
        let (title, section) = match (&entry.poll, article) {
            (Some(poll), _) => (Some(poll.question.as_str()), None),
            (None, Some(article)) => (Some(article.title.as_str()), article.section.as_ref().map(Text::as_str)),
            (None, None) => (None, None),
        };
        let announced = article.map(|article| article.url.as_str());
        match &entry.item {
            RankedItem::Poll(id) => {
                let url = entry.poll.as_ref().and_then(|poll| poll.article_url.as_ref()).map(WebAddress::as_str);
                Self { article: None, poll: Some(*id), title, url, section, score }
            }
            RankedItem::Article(ArticleKey::Id(id)) => {
                Self { article: Some(id.as_str()), poll: None, title, url: announced, section, score }
            }
            RankedItem::Article(ArticleKey::Address(address)) => {
                Self { article: None, poll: None, title, url: announced.or(Some(address.as_str())), section, score }
            }
        }
    }
}
