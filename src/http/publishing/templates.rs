//! Templates, which say once what all articles of a site are given to answer.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use serde::Serialize;

use super::polls;
use crate::{
    article::{Admission, Template, TemplateId},
    http::{
        Worker, auth,
        message::{
            body, caching,
            path::id_in_path,
            problem::{Code, Problem},
            refusals::{no_site, no_template},
        },
    },
    poll::{SiteId, Timestamp},
    site::{Publisher, Scope},
    wire::PatternJson,
};

/// `PUT /v1/sites/{site}/templates/{template}`.
pub(in crate::http) async fn put(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    let (publisher, site) = publisher(&req, &worker, Scope::PollsWrite).await?;
    let id = req.match_info().get("template").unwrap_or_default().parse::<TemplateId>();
    let id = id.map_err(|rule| Problem::of_field(Code::InvalidRequest, "template", rule.to_string()))?;
    let bytes = body::read(&req, payload, body::PUBLISHER_LIMIT).await?;
    let new = polls::read_template(&bytes)?;
    let (template, is_new) = worker.publishing.put_template(&publisher, &site, id, new).await?;
    let mut response = if is_new { HttpResponse::Created() } else { HttpResponse::Ok() };
    Ok(response.insert_header((header::CACHE_CONTROL, caching::PRIVATE)).json(TemplateJson::of(&template)))
}

/// `GET /v1/sites/{site}/templates/{template}`.
pub(in crate::http) async fn read(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let (publisher, site) = publisher(&req, &worker, Scope::PollsRead).await?;
    let id: TemplateId = id_in_path(&req, "template", no_template)?;
    let template = worker.publishing.template(&publisher, &site, &id).await?;
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, caching::PRIVATE)).json(TemplateJson::of(&template)))
}

/// `GET /v1/sites/{site}/templates`: all of them, since a site has few.
pub(in crate::http) async fn list(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let (publisher, site) = publisher(&req, &worker, Scope::PollsRead).await?;
    let templates = worker.publishing.templates(&publisher, &site).await?;
    let items = templates.iter().map(TemplateJson::of).collect();
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, caching::PRIVATE)).json(TemplateList { items }))
}

/// `DELETE /v1/sites/{site}/templates/{template}`: with the polls of all articles.
pub(in crate::http) async fn delete(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let (publisher, site) = publisher(&req, &worker, Scope::PollsWrite).await?;
    let id: TemplateId = id_in_path(&req, "template", no_template)?;
    worker.publishing.delete_template(&publisher, &site, &id).await?;
    Ok(HttpResponse::NoContent().insert_header((header::CACHE_CONTROL, caching::PRIVATE)).finish())
}

/// The publisher who asks, and the site that the path names.
async fn publisher(req: &HttpRequest, worker: &Worker, scope: Scope) -> Result<(Publisher, SiteId), Problem> {
    let publisher = auth::publisher_with(req, worker, scope).await?;
    Ok((publisher, id_in_path(req, "site", no_site)?))
}

#[derive(Serialize)]
struct TemplateList<'a> {
    items: Vec<TemplateJson<'a>>,
}

#[derive(Serialize)]
struct TemplateJson<'a> {
    id: &'a TemplateId,
    site: &'a SiteId,
    poll: PatternJson<'a>,
    articles: Admission,
    open_for_days: u32,
    most_articles: u32,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl<'a> TemplateJson<'a> {
    fn of(template: &'a Template) -> Self {
        let Template { id, pattern, admits, open_for_days, most_articles } = template;
        Self {
            id,
            site: &pattern.site,
            poll: PatternJson::of(pattern),
            articles: *admits,
            open_for_days: *open_for_days,
            most_articles: *most_articles,
            created_at: pattern.created_at,
            updated_at: pattern.updated_at,
        }
    }
}
