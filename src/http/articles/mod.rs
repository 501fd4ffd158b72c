//! Templates for articles, and the polls that articles come to have by them.
//!
//! A path names an article by its publisher's id. In place of an id it may have [`BY_ADDRESS`]: then the query's `url` is
//! the article's address. Proxies decode and merge what stands in a path, so an address does not go there.

mod polls;
mod teasers;
mod templates;

pub(super) use polls::{
    cast, make_challenge, read_form, read_live, read_mine, read_page, read_poll, take_form, withdraw,
};
pub(super) use teasers::list;
pub(super) use templates::{
    delete as delete_template, list as list_templates, put as put_template, read as read_template,
};

use actix_web::HttpRequest;

use super::{
    Worker, auth,
    path::id_in_path,
    problem::Problem,
    query::{self, Query},
    refusals::{no_site, no_template, not_announced},
};
use crate::{
    article::{ArticleName, BY_ADDRESS, TemplateId},
    poll::SiteId,
    site::{Publisher, Scope},
    voting::AskedArticle,
};

/// Whether a request's path names an article's poll.
pub(super) fn is_named(req: &HttpRequest) -> bool {
    req.match_info().get("template").is_some()
}

/// The article's poll that a request names by its path, and perhaps its query.
pub(super) fn asked(req: &HttpRequest) -> Result<AskedArticle, Problem> {
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

/// The publisher who asks, and the site that the path names.
async fn publisher(req: &HttpRequest, worker: &Worker, scope: Scope) -> Result<(Publisher, SiteId), Problem> {
    let publisher = auth::publisher_with(req, worker, scope).await?;
    Ok((publisher, id_in_path(req, "site", no_site)?))
}
