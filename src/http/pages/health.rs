//! Whether this replica lives, and whether requests should come here. Neither asks the store: a probe that did would
//! restart every replica when the store is away, and help nobody.

use actix_web::{HttpResponse, http::header, web};
use serde::Serialize;

use crate::http::{
    ReplicaPhase, Worker,
    message::problem::{Code, Problem},
};

#[derive(Serialize)]
struct Status {
    status: &'static str,
}

fn answer(status: &'static str) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(Status { status })
}

/// `GET /livez`: this process answers.
pub(in crate::http) async fn live() -> HttpResponse {
    answer("live")
}

/// `GET /readyz`: the store was reached, nothing was found wrong with it that does not pass by itself, and the replica
/// is not about to end.
pub(in crate::http) async fn ready(worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    match worker.shared.readiness.phase() {
        ReplicaPhase::Ready if worker.voting.needs_mending() => {
            Err(Problem::new(Code::StoreUnavailable, "the store must be mended: the log says what is wrong with it"))
        }
        ReplicaPhase::Ready => Ok(answer("ready")),
        ReplicaPhase::Starting => {
            Err(Problem::new(Code::StoreUnavailable, "starting: the store has not been reached yet"))
        }
        ReplicaPhase::Stopping => {
            Err(Problem::new(Code::StoreUnavailable, "stopping: send requests to another replica"))
        }
    }
}
