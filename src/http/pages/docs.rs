//! `/docs`: the contract with a viewer, Swagger UI, which is in the binary. Nothing is fetched from anybody else.
//!
//! The addresses in the page are relative, so they hold wherever the service is mounted.
//!
//! The viewer is an archive of 1.8 MB. Its two files are taken out when they are first asked for, and kept.

use std::{
    io::{Cursor, Read as _},
    sync::LazyLock,
};

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::ZipArchive;

use super::embed;
use crate::{
    http::message::{
        coding,
        problem::{Code, Problem},
    },
    wire::{StaticFile, coding::Effort},
};

/// What the page may load: this service's own files. The viewer writes styles into its elements, and shows images that
/// are in its style sheet; what is tried there asks this service alone.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; \
                      img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The files change with the program alone.
const CACHING: &str = "public, max-age=300, stale-while-revalidate=86400";

/// The files of the viewer, by name.
static FILES: LazyLock<Vec<(&str, StaticFile)>> = LazyLock::new(|| {
    let start = StaticFile::new("text/javascript; charset=utf-8", include_str!("docs.js"), Effort::Little);
    let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED)).ok();
    let mut take = |name: &'static str, media_type| {
        let archive = archive.as_mut()?;
        let end = format!("/dist/{name}");
        let path = archive.file_names().filter_map(Result::ok).find(|path| path.ends_with(&end))?.into_owned();
        let mut bytes = Vec::new();
        archive.by_name(&path).ok()?.read_to_end(&mut bytes).ok()?;
        Some((name, StaticFile::new(media_type, bytes, Effort::Little)))
    };
    let style = take("swagger-ui.css", "text/css; charset=utf-8");
    let script = take("swagger-ui-bundle.js", "text/javascript; charset=utf-8");
    [Some(("start.js", start)), style, script].into_iter().flatten().collect()
});

/// `GET /docs`.
pub(in crate::http) async fn page() -> HttpResponse {
    HttpResponse::Ok()
        .content_type(embed::HTML)
        .insert_header((header::CACHE_CONTROL, CACHING))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .body(include_str!("docs.html"))
}

/// `GET /docs/{file}`.
pub(in crate::http) async fn file(req: HttpRequest) -> Result<HttpResponse, Problem> {
    let name = req.match_info().get("file").unwrap_or_default().to_owned();
    // Taking the files out takes a while, once; the worker goes on meanwhile.
    let found = web::block(move || FILES.iter().find(|(is, _)| *is == name)).await.map_err(Problem::internal)?;
    let (_, file) = found.ok_or_else(|| Problem::new(Code::NotFound, "the documentation has no such file"))?;
    Ok(coding::send_file(&req, file, CACHING))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_viewer_is_in_the_binary() {
        let names: Vec<_> = FILES.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["start.js", "swagger-ui.css", "swagger-ui-bundle.js"]);
        assert!(FILES.iter().all(|(_, file)| file.as_it_is().len() > 100));
    }
}
