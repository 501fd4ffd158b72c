//! Which content coding a reader gets (RFC 9110, section 12.5.3).

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::header::{self, HeaderMap, HeaderValue},
    web::Bytes,
};

use super::conditional;
use crate::{
    http::CompressedPages,
    wire::{
        StaticFile,
        coding::{Coding, Effort},
    },
};

const VARY: HeaderValue = HeaderValue::from_static("Accept-Encoding");

/// The coding a reader likes best of those there are; of those liked alike, the smallest. `None`: as it is.
///
/// Not actix-web's `AcceptEncoding::negotiate`: of codings liked alike it takes the one that is named first, which is
/// gzip in most browsers, and it takes `*` for no coding.
pub(in crate::http) fn preferred(headers: &HeaderMap) -> Option<Coding> {
    let (mut brotli, mut gzip, mut identity, mut others) = (None, None, None, None);
    let values = headers.get_all(header::ACCEPT_ENCODING).filter_map(|value| value.to_str().ok());
    for item in values.flat_map(|value| value.split(',')).take(32) {
        let (name, weight) = item.split_once(';').unwrap_or((item, "q=1"));
        let Some(weight) = weight_of(weight) else { continue };
        let is = |known: &str| name.trim().eq_ignore_ascii_case(known);
        if is("br") {
            brotli = Some(weight);
        } else if is("gzip") || is("x-gzip") {
            gzip = Some(weight);
        } else if is("identity") {
            identity = Some(weight);
        } else if is("*") {
            others = Some(weight);
        }
    }
    // What is not named is as good as what stands for all others; as it is, a body may be sent to everybody who does
    // not say otherwise, but nobody asks for that.
    let identity = identity.unwrap_or(0);
    let wanted = |named: Option<u16>| named.or(others).filter(|weight| *weight > 0 && *weight >= identity);
    match (wanted(brotli), wanted(gzip)) {
        (Some(brotli), Some(gzip)) => Some(if brotli >= gzip { Coding::Brotli } else { Coding::Gzip }),
        (Some(_), None) => Some(Coding::Brotli),
        (None, Some(_)) => Some(Coding::Gzip),
        (None, None) => None,
    }
}

/// A weight in thousandths: `q=0.5` is 500. `None` for what is no weight; whoever wrote that wanted something else.
fn weight_of(text: &str) -> Option<u16> {
    let text = text.trim();
    let number = text.strip_prefix("q=").or_else(|| text.strip_prefix("Q="))?;
    let (whole, decimals) = number.split_once('.').unwrap_or((number, ""));
    let are_digits = decimals.len() <= 3 && decimals.bytes().all(|byte| byte.is_ascii_digit());
    let thousandths: u16 = format!("{decimals:0<3}").parse().ok().filter(|_| are_digits)?;
    match (whole, thousandths) {
        ("0", thousandths) => Some(thousandths),
        ("1", 0) => Some(1_000),
        _ => None,
    }
}

/// The tag of a body in this coding: each is a body of its own.
pub(in crate::http) fn tag(hash: &str, coding: Option<Coding>) -> String {
    match coding {
        Some(coding) => format!("\"{hash}-{}\"", coding.as_str()),
        None => format!("\"{hash}\""),
    }
}

/// Says that what is sent depends on what the reader takes; also where nothing is sent.
pub(in crate::http) fn vary(response: &mut HttpResponseBuilder) -> &mut HttpResponseBuilder {
    response.insert_header((header::VARY, VARY))
}

/// Ends an answer with a page that was written for it alone, in this coding.
pub(in crate::http) fn send(response: HttpResponseBuilder, page: String, coding: Option<Coding>) -> HttpResponse {
    send_by(response, page, coding, |page, coding| coding.compress(page.as_bytes(), Effort::Little))
}

/// The same with a page that others get too. The hash is the page's.
pub(in crate::http) fn send_shared(
    response: HttpResponseBuilder,
    pages: &CompressedPages,
    page: String,
    hash: blake3::Hash,
    coding: Option<Coding>,
) -> HttpResponse {
    send_by(response, page, coding, |page, coding| pages.get_or_compress(page, hash, coding))
}

fn send_by(
    mut response: HttpResponseBuilder,
    page: String,
    coding: Option<Coding>,
    compress: impl FnOnce(&str, Coding) -> Bytes,
) -> HttpResponse {
    let Some(coding) = coding else { return response.body(page) };
    response.insert_header((header::CONTENT_ENCODING, coding.as_str())).body(compress(&page, coding))
}

/// Answers with a file that changes with the program alone.
pub(in crate::http) fn send_file(req: &HttpRequest, file: &StaticFile, caching: &'static str) -> HttpResponse {
    let coding = preferred(req.headers());
    let etag = tag(file.hash(), coding);
    let is_current = conditional::is_current(req.headers(), &etag);
    let mut response = if is_current { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((header::CACHE_CONTROL, caching)).insert_header((header::ETAG, etag));
    vary(&mut response);
    if is_current {
        return response.finish();
    }
    response.content_type(file.media_type());
    match coding {
        Some(coding) => response.insert_header((header::CONTENT_ENCODING, coding.as_str())).body(file.by(coding)),
        None => response.body(file.as_it_is()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_gets_the_best_coding_they_take() {
        let (brotli, gzip) = (Some(Coding::Brotli), Some(Coding::Gzip));
        for (sent, best) in [
            ("gzip", gzip),
            ("x-gzip", gzip),
            ("br", brotli),
            ("gzip, deflate, br, zstd", brotli),
            ("gzip, deflate", gzip),
            ("BR;q=0.5, GZIP ; Q=0.5", brotli),
            ("br;q=0.4, gzip;q=0.5", gzip),
            ("br;q=0.41, gzip;q=0.409", brotli),
            ("br;q=0, gzip", gzip),
            ("br;q=0.000, *", gzip),
            ("*", brotli),
            ("gzip;q=0.5, *;q=0.1", gzip),
            ("*;q=0", None),
            ("gzip, *;q=0", gzip),
            ("identity", None),
            ("identity, gzip;q=0.5", None),
            ("identity;q=0.5, gzip", gzip),
            ("identity;q=0", None),
            ("gzip;q=0", None),
            ("deflate, zstd", None),
            // Whatever this was meant to say, it is no weight.
            ("gzip;q=2", None),
            ("gzip;q=0.0001", None),
            ("gzip;q=-1", None),
            ("gzip;q=0.+5", None),
            ("gzip;level=9", None),
            ("gzipped, bro", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(sent));
            assert_eq!(preferred(&headers), best, "{sent:?}");
        }
        assert_eq!(preferred(&HeaderMap::new()), None);
        let mut two = HeaderMap::new();
        two.append(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        two.append(header::ACCEPT_ENCODING, HeaderValue::from_static("br"));
        assert_eq!(preferred(&two), brotli);
    }
}
