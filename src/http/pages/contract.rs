//! The contract, served by the service that keeps it: as it is written, and as JSON for programs that read no YAML.

use std::sync::{Arc, OnceLock};

use actix_web::{HttpRequest, HttpResponse, web};

use crate::{
    http::{
        VoterCookie, Worker,
        message::{coding, problem::Problem},
    },
    site::BaseAddress,
    wire::{StaticFile, coding::Effort},
};

const CACHING: &str = "public, max-age=300";

const CONTRACT: &str = include_str!("../../../openapi.yaml");

/// Where the service is, from where the contract is.
const SERVER: &str = "\nservers:\n  - url: /\n";

/// The name of the voter's cookie, among what a request may be made with.
const COOKIE: &str = "\n      name: __Host-sawt_voter\n";

/// The contract as a replica serves it. It is written when it is first asked for.
#[derive(Debug)]
pub struct Contract {
    base_path: String,
    voter_cookie: String,
    yaml: OnceLock<StaticFile>,
    json: OnceLock<Result<StaticFile, serde_norway::Error>>,
}

impl Contract {
    /// That of a service that readers reach there.
    pub fn of(public_url: Option<&BaseAddress>) -> Self {
        let base_path = public_url.map_or("", BaseAddress::path).to_owned();
        let voter_cookie = VoterCookie::of(public_url).name().to_owned();
        Self { base_path, voter_cookie, yaml: OnceLock::new(), json: OnceLock::new() }
    }

    fn text(&self) -> String {
        let path = if self.base_path.is_empty() { "/" } else { &self.base_path };
        CONTRACT.replacen(SERVER, &format!("\nservers:\n  - url: {path}\n"), 1).replacen(
            COOKIE,
            &format!("\n      name: {}\n", self.voter_cookie),
            1,
        )
    }

    fn yaml(&self) -> &StaticFile {
        self.yaml.get_or_init(|| StaticFile::new("application/yaml", self.text(), Effort::Little))
    }

    fn json(&self) -> Result<&StaticFile, &serde_norway::Error> {
        let write = || {
            let contract: serde_json::Value = serde_norway::from_str(&self.text())?;
            Ok(StaticFile::new("application/json", contract.to_string(), Effort::Little))
        };
        self.json.get_or_init(write).as_ref()
    }
}

/// `GET /openapi.yaml`.
pub(in crate::http) async fn read(req: HttpRequest, worker: web::Data<Worker>) -> HttpResponse {
    coding::send_file(&req, worker.shared.contract.yaml(), CACHING)
}

/// `GET /openapi.json`.
pub(in crate::http) async fn read_json(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    // It is made once, and that takes long enough to hold others up.
    let shared = Arc::clone(&worker.shared);
    web::block(move || _ = shared.contract.json()).await.map_err(Problem::internal)?;
    let document = worker.shared.contract.json();
    document
        .map(|document| coding::send_file(&req, document, CACHING))
        .map_err(|error| Problem::internal(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_programs_requests_go_to_where_the_service_is_mounted() {
        assert_eq!(CONTRACT.matches(SERVER).count(), 1);
        assert_eq!(CONTRACT.matches(COOKIE).count(), 1);
        for (public_url, server, cookie) in [
            (None, "/", "__Host-sawt_voter"),
            (Some("https://votes.example"), "/", "__Host-sawt_voter"),
            (Some("https://news.example/polls"), "/polls", "__Secure-sawt_voter+polls"),
        ] {
            let base = public_url.map(|url| url.parse().unwrap());
            let contract = Contract::of(base.as_ref());
            let json: serde_json::Value = serde_json::from_slice(&contract.json().unwrap().as_it_is()).unwrap();
            assert_eq!(json["servers"][0]["url"], server);
            assert_eq!(json["components"]["securitySchemes"]["voterCookie"]["name"], cookie);
            assert_eq!(json["servers"].as_array().unwrap().len(), 1);
            let yaml = contract.yaml().as_it_is();
            assert!(str::from_utf8(&yaml).unwrap().contains(&format!("  - url: {server}\n")));
        }
    }
}
