//! The contract, served by the service that keeps it: as it is written, and as JSON for programs that read no YAML.

use std::sync::LazyLock;

use actix_web::{
    HttpRequest, HttpResponse,
    web::{self, Bytes},
};

use super::{coding, problem::Problem};
use crate::embed::coding::{Effort, Encoded};

/// One way to write the contract. It changes with the program alone.
struct Document {
    media_type: &'static str,
    hash: String,
    body: Encoded,
}

impl Document {
    fn of(media_type: &'static str, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let hash = blake3::hash(&body).to_hex().to_string();
        Self { media_type, hash, body: Encoded::new(body, Effort::Little) }
    }
}

const CONTRACT: &str = include_str!("../../openapi.yaml");

static YAML: LazyLock<Document> = LazyLock::new(|| Document::of("application/yaml", CONTRACT));

static JSON: LazyLock<Result<Document, serde_norway::Error>> = LazyLock::new(|| {
    let contract: serde_json::Value = serde_norway::from_str(CONTRACT)?;
    Ok(Document::of("application/json", contract.to_string()))
});

/// `GET /openapi.yaml`.
pub(super) async fn read(req: HttpRequest) -> HttpResponse {
    answer(&req, &YAML)
}

/// `GET /openapi.json`.
pub(super) async fn read_json(req: HttpRequest) -> Result<HttpResponse, Problem> {
    // It is made once, and that takes long enough to hold others up.
    let document = web::block(|| JSON.as_ref()).await.map_err(Problem::internal)?;
    document.map(|document| answer(&req, document)).map_err(|error| Problem::internal(error.to_string()))
}

fn answer(req: &HttpRequest, document: &Document) -> HttpResponse {
    coding::send_file(req, document.media_type, &document.hash, &document.body, "public, max-age=300")
}
