//! API keys: made, listed, revoked. A key's text is only in the answer that made it.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use serde::{Deserialize, Serialize};

use crate::{
    http::{
        Worker, auth,
        message::{
            body, caching,
            path::id_in_path,
            problem::Problem,
            query::{self, Query, parse_site},
            refusals::no_key,
        },
    },
    poll::{SiteId, Text, Timestamp},
    site::{ApiKey, KeyId, NAME, NewKey, Scope, Scopes},
};

/// `POST /v1/keys`. A site's key makes keys for its own site only, and gives them no scope it lacks.
pub(in crate::http) async fn create(
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
    let NewKey { key, text } = worker.publishing.create_key(&publisher, site, scopes.into(), name).await?;
    Ok(HttpResponse::Created()
        .insert_header((header::CACHE_CONTROL, caching::PRIVATE))
        .insert_header((header::LOCATION, format!("{}/v1/keys/{}", worker.shared.base_path(), key.id)))
        .json(KeyJson::of(&key, Some(&text))))
}

/// `GET /v1/keys?site=`: a site's keys, oldest first, without their texts.
pub(in crate::http) async fn list(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let publisher = auth::publisher_with(&req, &worker, Scope::KeysWrite).await?;
    let site = Query::strict(req.query_string(), &["site"])?.take_parsed("site", parse_site)?;
    let keys = worker.publishing.keys(&publisher, site).await?;
    let items = keys.iter().map(|key| KeyJson::of(key, None)).collect();
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, caching::PRIVATE))
        .json(KeyList { items, next_cursor: None }))
}

/// `DELETE /v1/keys/{key}`: the key is refused from now on. For a site's key, another site's key does not exist.
pub(in crate::http) async fn revoke(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let publisher = auth::publisher_with(&req, &worker, Scope::KeysWrite).await?;
    let id: KeyId = id_in_path(&req, "key", no_key)?;
    worker.publishing.revoke_key(&publisher, &id).await?;
    Ok(HttpResponse::NoContent().insert_header((header::CACHE_CONTROL, caching::PRIVATE)).finish())
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
struct KeyList<'a> {
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
