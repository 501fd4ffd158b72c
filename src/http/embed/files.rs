//! The widget's files: compressed once, and kept by browsers for as long as they like, since an address is of
//! these bytes and no others. The loader and the manifest alone stay where they are, so they are asked for again after
//! some minutes.

use actix_web::{HttpRequest, HttpResponse, http::header, web};

use super::{
    super::{
        Worker, conditional, limits,
        problem::{Code, Problem},
    },
    coding,
};
use crate::{
    embed::assets::{self, Asset},
    quota::Name,
};

const FOR_EVER: &str = "public, max-age=31536000, immutable";
const FOR_MINUTES: &str = "public, max-age=300, stale-while-revalidate=86400, stale-if-error=86400";

/// `GET /embed.js`.
pub(in crate::http) async fn loader(req: HttpRequest) -> HttpResponse {
    answer(&req, &assets::all().loader, FOR_MINUTES)
}

/// `GET /embed/assets/{file}`.
pub(in crate::http) async fn file(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let Some(asset) = assets::all().at(req.path()) else {
        // The files that are there are asked for by every page; what is not, by nobody who means well.
        limits::count_client(&req, &worker, Name::Read)?;
        return Err(Problem::new(Code::NotFound, "no file has this name, or has it any more"));
    };
    Ok(answer(&req, asset, FOR_EVER))
}

/// `GET /embed/manifest.json`.
pub(in crate::http) async fn manifest(req: HttpRequest) -> HttpResponse {
    answer(&req, assets::manifest(), FOR_MINUTES)
}

fn answer(req: &HttpRequest, asset: &'static Asset, caching: &'static str) -> HttpResponse {
    let coding = coding::preferred(req.headers());
    let etag = coding::tag(asset.hash(), coding);
    let is_current = conditional::is_current(req.headers(), &etag);
    let mut response = if is_current { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((header::CACHE_CONTROL, caching)).insert_header((header::ETAG, etag));
    coding::vary(&mut response);
    if is_current {
        return response.finish();
    }
    response.content_type(asset.media_type);
    match coding {
        Some(coding) => {
            response.insert_header((header::CONTENT_ENCODING, coding.as_str())).body(asset.compressed(coding))
        }
        None => response.body(asset.bytes.clone()),
    }
}
