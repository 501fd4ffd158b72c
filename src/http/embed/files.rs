//! The widget's files: compressed beforehand, and kept by browsers for as long as they like, since an address is of
//! these bytes and no others. The loader and the manifest alone stay where they are, so they are asked for again after
//! some minutes.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderMap},
    web,
};

use super::super::{
    Worker, conditional, limits,
    problem::{Code, Problem},
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
    answer(&req, &assets::all().manifest, FOR_MINUTES)
}

fn answer(req: &HttpRequest, asset: &'static Asset, caching: &'static str) -> HttpResponse {
    let is_compressed = takes_gzip(req.headers());
    // Two tags for two bodies.
    let etag = format!("\"{}{}\"", asset.hash(), if is_compressed { "-gzip" } else { "" });
    let is_current = conditional::is_current(req.headers(), &etag);
    let mut response = if is_current { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response
        .insert_header((header::CACHE_CONTROL, caching))
        .insert_header((header::ETAG, etag))
        .insert_header((header::VARY, "Accept-Encoding"));
    if is_current {
        return response.finish();
    }
    response.content_type(asset.media_type);
    if is_compressed {
        return response.insert_header((header::CONTENT_ENCODING, "gzip")).body(asset.gzip.clone());
    }
    response.body(asset.bytes.clone())
}

/// Whether a body compressed by gzip can be read (RFC 9110, section 12.5.3).
fn takes_gzip(headers: &HeaderMap) -> bool {
    let codings = headers.get_all(header::ACCEPT_ENCODING).filter_map(|value| value.to_str().ok());
    codings.flat_map(|value| value.split(',')).any(|item| {
        let (coding, weight) = item.split_once(';').unwrap_or((item, ""));
        let is_refused = weight.trim().strip_prefix("q=").is_some_and(|weight| weight.parse() == Ok(0.0_f32));
        coding.trim().eq_ignore_ascii_case("gzip") && !is_refused
    })
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    #[test]
    fn gzip_is_sent_to_those_who_take_it() {
        for (sent, takes) in [
            ("gzip", true),
            ("gzip, deflate, br, zstd", true),
            ("br;q=1.0, GZIP;q=0.5", true),
            ("", false),
            ("br", false),
            ("gzip;q=0", false),
            ("gzip;q=0.000, br", false),
            ("identity", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(sent));
            assert_eq!(takes_gzip(&headers), takes, "{sent:?}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }
}
