//! Every rule of the service, on every store, against the real binary over TCP.
//!
//! This is one test binary with a `main` of its own: it starts each store under test once (SQLite, Redis, Valkey, a
//! three-master Redis Cluster), starts sawt on it, hands both to every trial, and stops everything at the end. A trial
//! is one rule in one `async fn` whose name is a sentence; it never knows which store it runs on. A trial that would
//! disturb the others (kills, freezes, odd settings) starts processes of its own.
//!
//! Every answer any trial gets is checked against `openapi.yaml` (see [`contract`]). After a whole run two closing
//! trials look back: was every documented answer seen, and did any log hold what logs must never hold?
//!
//! Run one trial: `cargo test --test it -- redis::votes::a_second`. A trial that is written but not listed is a
//! dead-code warning, and warnings fail the lint.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that meets the unexpected should stop right there"
)]

mod api;
mod attack;
mod backends;
mod caches;
mod client;
mod closing;
mod contract;
mod crash;
mod crowd;
mod cut_short;
mod events;
mod file;
mod hostile;
mod integrity;
mod live;
mod long_timelines;
mod mounted;
mod newsroom;
mod outage;
mod overload;
mod privacy;
mod proxy;
mod quota;
mod receiver;
mod redis_wire;
mod refusals;
mod registry;
mod regressions;
mod script_cache;
#[path = "../sentinel.rs"]
mod sentinel;
mod server;
mod service;
mod start;
mod stop;
mod store;
mod topology;
mod transparency;
mod verifiers;
mod webhooks;
mod wire;

use std::process::ExitCode;

fn main() -> ExitCode {
    registry::run()
}
