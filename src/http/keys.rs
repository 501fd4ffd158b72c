//! API keys: made, listed, revoked. The text of a key is in the answer that made it and nowhere else.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use serde::{Deserialize, Serialize};

use super::{
    Worker, auth, body, caching,
    path::id_in_path,
    problem::{Code, Problem},
    query::{self, Query},
};
use crate::{
    poll::{SiteId, Text, Timestamp},
    site::{ApiKey, KeyId, NAME, NewKey, Scope, Scopes},
};

/// `POST /v1/keys`. A site's key makes keys for its own site only, and gives them no scope it lacks.
pub(super) async fn create(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    let publisher = auth::publisher_with(&req, &worker, Scope::KeysWrite).await?;
    let bytes = body::read(&req, payload, body::PUBLISHER_LIMIT).await?;
    let KeyBody { site, scopes, name } = body::parse(&bytes)?;
    let site = site.map(|site| parse_site(&site).map_err(|rule| query::refused("site", rule))).transpose()?;
    if scopes.is_empty() {
        let all = Scope::ALL.map(Scope::as_str).join(", ");
        return Err(query::refused("scopes", format!("must name what the key may do, one or more of {all}")));
    }
    let name = name.map(|name| Text::parse(&name, NAME).map_err(|rule| query::refused("name", rule))).transpose()?;
    let scopes: Vec<Scope> = scopes.into_iter().map(|body::Word(scope)| scope).collect();
    let (site, scopes) = (publisher.site(site)?, Scopes::from(scopes));
    if let Some(scope) = scopes.missing_from(&publisher.scopes()) {
        let detail = format!("a key can't give a scope it lacks: {}", scope.as_str());
        return Err(Problem::new(Code::ScopeMissing, detail));
    }
    require_site(&worker, &site).await?;
    let now = worker.store.now().await?;
    let NewKey { key, text } = NewKey::generate(site, scopes, name.map(|name| name.to_string()), now);
    worker.store.add_key(&key).await?;
    Ok(HttpResponse::Created()
        .insert_header((header::CACHE_CONTROL, caching::PRIVATE))
        .insert_header((header::LOCATION, format!("/v1/keys/{}", key.id)))
        .json(KeyJson::of(&key, Some(&text))))
}

/// `GET /v1/keys?site=`: a site's keys, oldest first, without their texts.
pub(super) async fn list(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let publisher = auth::publisher_with(&req, &worker, Scope::KeysWrite).await?;
    let site = Query::strict(req.query_string(), &["site"])?.take_parsed("site", parse_site)?;
    let site = publisher.site(site)?;
    require_site(&worker, &site).await?;
    let keys = worker.store.keys(&site).await?;
    let items = keys.iter().map(|key| KeyJson::of(key, None)).collect();
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, caching::PRIVATE))
        .json(Keys { items, next_cursor: None }))
}

/// `DELETE /v1/keys/{key}`: the key is refused from now on. Another site's key is none to a site's key.
pub(super) async fn revoke(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let publisher = auth::publisher_with(&req, &worker, Scope::KeysWrite).await?;
    let missing = || Problem::new(Code::NotFound, "no key has this id");
    let id: KeyId = id_in_path(&req, "key", missing)?;
    let key = worker.store.key(&id).await?.filter(|key| publisher.acts_for(&key.site)).ok_or_else(missing)?;
    if !worker.store.revoke_key(&key.id).await? {
        return Err(missing());
    }
    Ok(HttpResponse::NoContent().insert_header((header::CACHE_CONTROL, caching::PRIVATE)).finish())
}

/// The id of a site in a body or a query.
pub(super) fn parse_site(text: &str) -> Result<SiteId, String> {
    text.parse().map_err(|rule: crate::poll::InvalidId| rule.to_string())
}

/// Makes sure that there is such a site.
///
/// # Errors
/// `not-found`. Only the admin key can hear this: a site's key has a site.
pub(super) async fn require_site(worker: &Worker, site: &SiteId) -> Result<(), Problem> {
    match worker.store.site(site).await? {
        Some(_) => Ok(()),
        None => Err(Problem::new(Code::NotFound, "no site has this id; PUT /v1/sites/{site} makes one")),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyBody {
    #[serde(default, deserialize_with = "body::given")]
    site: Option<String>,
    #[serde(default)]
    scopes: Vec<body::Word<Scope>>,
    #[serde(default)]
    name: Option<String>,
}

#[derive(Serialize)]
struct Keys<'a> {
    items: Vec<KeyJson<'a>>,
    next_cursor: Option<String>,
}

#[derive(Serialize)]
struct KeyJson<'a> {
    id: &'a str,
    prefix: String,
    site: &'a SiteId,
    scopes: &'a Scopes,
    name: Option<&'a str>,
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
}

impl<'a> KeyJson<'a> {
    fn of(key: &'a ApiKey, text: Option<&'a str>) -> Self {
        Self {
            id: key.id.as_str(),
            prefix: key.prefix(),
            site: &key.site,
            scopes: &key.scopes,
            name: key.name.as_deref(),
            created_at: key.created_at,
            key: text,
        }
    }
}
