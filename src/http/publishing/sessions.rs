//! Who is signed in to the newsroom at a site, and signing them out.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use serde::Serialize;

use crate::{
    http::{
        Worker, auth,
        message::{
            caching,
            path::id_in_path,
            problem::Problem,
            query::Query,
            refusals::{no_session, no_site},
        },
    },
    poll::{SiteId, Text, Timestamp},
    publishing::ListedSession,
    site::{ApiKey, KeyId, Role, Scope, SessionHolder, SessionId},
};

/// `GET /v1/sites/{site}/sessions`: those who came last first.
pub(in crate::http) async fn list(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let publisher = auth::publisher_with(&req, &worker, Scope::KeysWrite).await?;
    let site: SiteId = id_in_path(&req, "site", no_site)?;
    let listed = worker.publishing.sessions_at(&publisher, &site).await?;
    let items = listed.iter().map(|listed| SessionJson::of(listed, &site)).collect();
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, caching::PRIVATE)).json(SessionList { items }))
}

/// `DELETE /v1/sites/{site}/sessions/{session}?all=`: ends it, or all of whoever holds it, at once and everywhere.
pub(in crate::http) async fn end(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let publisher = auth::publisher_with(&req, &worker, Scope::KeysWrite).await?;
    let site: SiteId = id_in_path(&req, "site", no_site)?;
    let id: SessionId = id_in_path(&req, "session", no_session)?;
    let ends_all = Query::strict(req.query_string(), &["all"])?.take_parsed("all", parse_flag)?.unwrap_or_default();
    worker.publishing.end_session_at(&publisher, &site, &id, ends_all).await?;
    Ok(HttpResponse::NoContent().insert_header((header::CACHE_CONTROL, caching::PRIVATE)).finish())
}

fn parse_flag(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| "must be true or false".to_owned())
}

#[derive(Serialize)]
struct SessionList<'a> {
    items: Vec<SessionJson<'a>>,
}

#[derive(Serialize)]
struct SessionJson<'a> {
    id: String,
    holder: HolderJson<'a>,
    created_at: Timestamp,
    expires_at: Timestamp,
    may_end: bool,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum HolderJson<'a> {
    Operator,
    Key { key: &'a KeyId, prefix: String, name: Option<&'a str> },
    Person { name: &'a Text, role: Option<Role> },
}

impl<'a> SessionJson<'a> {
    fn of(listed: &'a ListedSession, site: &SiteId) -> Self {
        let holder = match (&listed.session.holder, &listed.key) {
            (SessionHolder::Person(person), _) => HolderJson::Person { name: &person.name, role: person.role_at(site) },
            (SessionHolder::Key { key, .. }, held) => HolderJson::Key {
                key,
                prefix: key.prefix(),
                name: held.as_ref().and_then(|ApiKey { name, .. }| name.as_deref()),
            },
            (SessionHolder::Admin { .. } | SessionHolder::Link { .. }, _) => HolderJson::Operator,
        };
        Self {
            id: listed.id.to_string(),
            holder,
            created_at: listed.session.created_at,
            expires_at: listed.session.expires_at,
            may_end: listed.may_end,
        }
    }
}
