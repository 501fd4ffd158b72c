//! The widget's files: compressed once, and kept by browsers as long as they like, since an address stands for these
//! bytes only. Only the loader, the modules that publishers' pages name,
//! and the manifest have fixed addresses, so they are fetched again after some minutes.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::{
    embed::assets,
    http::{
        Worker,
        message::{
            caching, coding,
            problem::{Code, Problem},
        },
        middleware::limits,
    },
    quota::QuotaName,
};

const FOR_MINUTES: &str = "public, max-age=300, stale-while-revalidate=86400, stale-if-error=86400";

/// `GET /embed.js`.
pub(in crate::http) async fn loader(req: HttpRequest) -> HttpResponse {
    coding::send_file(&req, &assets::all().loader.file, FOR_MINUTES)
}

/// `GET /embed/view.js`.
pub(in crate::http) async fn view(req: HttpRequest) -> HttpResponse {
    coding::send_file(&req, &assets::all().view.file, FOR_MINUTES)
}

/// `GET /embed/article.js`.
pub(in crate::http) async fn article(req: HttpRequest) -> HttpResponse {
    coding::send_file(&req, &assets::all().article.file, FOR_MINUTES)
}

/// `GET /embed/most-read.js`.
pub(in crate::http) async fn most_read(req: HttpRequest) -> HttpResponse {
    coding::send_file(&req, &assets::all().most_read.file, FOR_MINUTES)
}

/// `GET /embed/assets/{file}`.
pub(in crate::http) async fn file(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let Some(asset) = assets::all().at(req.path()) else {
        // Every page asks for the files that exist; nobody with good intentions asks for others.
        limits::count_client(&req, &worker, QuotaName::Read)?;
        return Err(Problem::new(Code::NotFound, "no file has this name, or has it any more"));
    };
    Ok(coding::send_file(&req, &asset.file, caching::FOR_EVER))
}

/// `GET /embed/manifest.json`.
pub(in crate::http) async fn manifest(req: HttpRequest) -> HttpResponse {
    coding::send_file(&req, assets::manifest(), FOR_MINUTES)
}
