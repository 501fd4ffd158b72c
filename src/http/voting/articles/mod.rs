//! The polls that articles come to have by their site's templates.
//!
//! A path names an article by its publisher's id. In place of an id it may have [`BY_ADDRESS`]: then the query's `url`
//! is the article's address. Proxies decode and merge what stands in a path, so an address does not go there.

mod polls;
mod teasers;

pub(in crate::http) use polls::{
    cast, make_challenge, read_form, read_live, read_mine, read_page, read_poll, take_form, withdraw,
};
pub(in crate::http) use teasers::list;

use actix_web::HttpRequest;

use crate::{
    article::{ArticleName, BY_ADDRESS, TemplateId},
    http::message::{
        path::id_in_path,
        problem::Problem,
        query::{self, Query},
        refusals::{no_site, no_template, not_announced},
    },
    poll::SiteId,
    voting::AskedArticle,
};

/// Whether a request's path names an article's poll.
pub(in crate::http) fn is_named(req: &HttpRequest) -> bool {
    req.match_info().get("template").is_some()
}

/// The article's poll that a request names by its path, and perhaps its query.
pub(in crate::http) fn asked(req: &HttpRequest) -> Result<AskedArticle, Problem> {
    let site: SiteId = id_in_path(req, "site", no_site)?;
    let template: TemplateId = id_in_path(req, "template", no_template)?;
    let named = req.match_info().get("article").unwrap_or_default();
    let mut query = Query::lenient(req.query_string())?;
    let article = if named.eq_ignore_ascii_case("%40url") || named == BY_ADDRESS {
        let url = query.take("url")?;
        ArticleName::Address(url.ok_or_else(|| query::refused("url", "must be given: the article's address"))?)
    } else {
        ArticleName::Id(named.parse().map_err(|_| not_announced())?)
    };
    Ok(AskedArticle { site, article, template })
}
