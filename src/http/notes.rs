//! What is noted of a request on its way: whose it is, how it stands with its quotas, what became of it.
//!
//! All of it is one extension of the request, since each of them is a box and a place in a map.

use actix_web::{HttpMessage as _, HttpRequest};
use smallvec::SmallVec;

use crate::{
    client::{Client, ClientRule},
    quota::{Name, QuotaState},
};

/// What is noted of one request.
#[derive(Debug, Default)]
struct Notes {
    client: Option<Client>,
    quota_states: SmallVec<[QuotaState; 4]>,
    outcome: Option<&'static str>,
}

/// The client of a request. Its address is looked for once.
pub(super) fn client(req: &HttpRequest, rule: &ClientRule) -> Client {
    if let Some(client) = req.extensions().get::<Notes>().and_then(|notes| notes.client) {
        return client;
    }
    let client = rule.client(req);
    change(req, |notes| notes.client = Some(client));
    client
}

/// Notes how a request stands with a quota it has counted in.
pub(super) fn add_quota_state(req: &HttpRequest, quota_state: QuotaState) {
    change(req, |notes| notes.quota_states.push(quota_state));
}

/// Whether a request has counted in a quota.
pub(super) fn has_counted(req: &HttpRequest, name: Name) -> bool {
    with_quota_states(req, |quota_states| quota_states.iter().any(|quota_state| quota_state.name == name))
}

/// How a request stands with every quota it has counted in.
pub(super) fn with_quota_states<T>(req: &HttpRequest, read: impl FnOnce(&[QuotaState]) -> T) -> T {
    let extensions = req.extensions();
    read(extensions.get::<Notes>().map_or(&[], |notes| &notes.quota_states))
}

/// Notes what became of a request, in a word for its log line: a handler that has more to say than the status does.
pub(super) fn set_outcome(req: &HttpRequest, outcome: &'static str) {
    change(req, |notes| notes.outcome = Some(outcome));
}

/// What a handler noted that became of the request.
pub(super) fn outcome(req: &HttpRequest) -> Option<&'static str> {
    req.extensions().get::<Notes>()?.outcome
}

fn change(req: &HttpRequest, change: impl FnOnce(&mut Notes)) {
    let mut extensions = req.extensions_mut();
    if let Some(notes) = extensions.get_mut::<Notes>() {
        return change(notes);
    }
    let mut notes = Notes::default();
    change(&mut notes);
    extensions.insert(notes);
}
