//! The contract, served by the service that keeps it: as it is written, and as JSON for programs that read no YAML.

use std::sync::LazyLock;

use actix_web::{HttpRequest, HttpResponse, web};

use super::{coding, problem::Problem};
use crate::wire::{StaticFile, coding::Effort};

const CACHING: &str = "public, max-age=300";

const CONTRACT: &str = include_str!("../../openapi.yaml");

static YAML: LazyLock<StaticFile> = LazyLock::new(|| StaticFile::new("application/yaml", CONTRACT, Effort::Little));

static JSON: LazyLock<Result<StaticFile, serde_norway::Error>> = LazyLock::new(|| {
    let contract: serde_json::Value = serde_norway::from_str(CONTRACT)?;
    Ok(StaticFile::new("application/json", contract.to_string(), Effort::Little))
});

/// `GET /openapi.yaml`.
pub(super) async fn read(req: HttpRequest) -> HttpResponse {
    coding::send_file(&req, &YAML, CACHING)
}

/// `GET /openapi.json`.
pub(super) async fn read_json(req: HttpRequest) -> Result<HttpResponse, Problem> {
    // It is made once, and that takes long enough to hold others up.
    let document = web::block(|| JSON.as_ref()).await.map_err(Problem::internal)?;
    document
        .map(|document| coding::send_file(&req, document, CACHING))
        .map_err(|error| Problem::internal(error.to_string()))
}
