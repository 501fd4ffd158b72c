//! The transparency logs of sites, as static files: c2sp.org/tlog-tiles says what is where.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use serde::Serialize;

use crate::{
    http::{
        Worker,
        message::{
            caching,
            path::id_in_path,
            problem::{Code, Problem},
            refusals::no_site,
        },
    },
    poll::{SiteId, Timestamp},
    proof::{LogHead, LogKey, OpenedLeaf, ProofError, SiteTransparencyLogs},
    tlog::TileName,
};

/// What goes on with the log.
const FOR_SECONDS: &str = "public, max-age=2, s-maxage=5, stale-while-revalidate=30, stale-if-error=300";

/// `GET /v1/sites/{site}/log`: which logs there are, and the keys that sign them.
pub(in crate::http) async fn read(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let site: SiteId = id_in_path(&req, "site", no_site)?;
    let SiteTransparencyLogs { head, before } = worker.transparency.logs_of(&site).await?;
    let base = worker.shared.base_path();
    let json = |head: &LogHead| LogJson {
        log: head.log,
        prefix: format!("{base}/v1/sites/{site}/log/{}", head.log),
        origin: head.origin.clone(),
        size: head.size,
        began_at: head.began_at,
        keys: head.keys.clone(),
    };
    let before = before.iter().map(json).collect();
    Ok(kept_for(FOR_SECONDS).json(LogsJson { current: json(&head), before }))
}

/// `GET /v1/sites/{site}/log/{log}/checkpoint`.
pub(in crate::http) async fn checkpoint(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let (site, log) = log_in_path(&req)?;
    let checkpoint = worker.transparency.checkpoint(&site, log).await?;
    Ok(kept_for(FOR_SECONDS).content_type("text/plain; charset=utf-8").body(checkpoint))
}

/// `GET /v1/sites/{site}/log/{log}/tile/{level}/{tile}`: hashes of the tree, or its entries.
pub(in crate::http) async fn tile(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let (site, log) = log_in_path(&req)?;
    let part = |name| req.match_info().get(name).unwrap_or_default();
    let name: Result<TileName, ()> = format!("{}/{}", part("level"), part("tile")).parse();
    let name = name.map_err(|()| ProofError::NotThere)?;
    let tile = worker.transparency.tile(&site, log, name).await?;
    Ok(kept_for(caching::FOR_EVER).content_type("application/octet-stream").body(tile))
}

/// `GET /v1/sites/{site}/log/{log}/openings/{bundle}`: what the entries of a bundle say, where everybody may know.
pub(in crate::http) async fn openings(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let (site, log) = log_in_path(&req)?;
    let bundle = id_in_path(&req, "bundle", not_there)?;
    let openings = worker.transparency.openings(&site, log, bundle).await?;
    Ok(kept_for(FOR_SECONDS).json(OpeningsJson { openings }))
}

fn log_in_path(req: &HttpRequest) -> Result<(SiteId, u32), Problem> {
    Ok((id_in_path(req, "site", no_site)?, id_in_path(req, "log", not_there)?))
}

fn not_there() -> Problem {
    Problem::new(Code::NotFound, "the site has no such log, or it has no such part")
}

fn kept_for(caching: &'static str) -> actix_web::HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CACHE_CONTROL, caching));
    response
}

#[derive(Serialize)]
struct LogsJson {
    #[serde(flatten)]
    current: LogJson,
    before: Vec<LogJson>,
}

#[derive(Serialize)]
struct LogJson {
    log: u32,
    prefix: String,
    origin: String,
    size: u64,
    began_at: Timestamp,
    keys: Vec<LogKey>,
}

#[derive(Serialize)]
struct OpeningsJson {
    openings: Vec<OpenedLeaf>,
}
