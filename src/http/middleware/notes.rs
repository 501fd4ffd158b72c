//! What layers and handlers record about a request: its client, the state of its quotas, its outcome.
//!
//! One extension of the request holds all of it, since each extension is an allocation and a map entry.

use actix_web::{HttpMessage as _, HttpRequest};
use smallvec::SmallVec;

use crate::{
    client::{Client, ClientRule},
    quota::{QuotaName, QuotaState},
};

/// What is noted of one request.
#[derive(Debug, Default)]
struct Notes {
    client: Option<Client>,
    quota_states: SmallVec<[QuotaState; 4]>,
    /// The quotas that [`begin_count`] was told of, by the bits of their indices.
    counted: u16,
    outcome: Option<&'static str>,
}

/// The client of a request. Its address is looked up once.
pub(in crate::http) fn client(req: &HttpRequest, rule: &ClientRule) -> Client {
    if let Some(client) = req.extensions().get::<Notes>().and_then(|notes| notes.client) {
        return client;
    }
    let client = rule.client(req);
    change(req, |notes| notes.client = Some(client));
    client
}

/// Records the state of a quota that the request was counted in, instead of what was recorded of it before.
pub(in crate::http) fn add_quota_state(req: &HttpRequest, quota_state: QuotaState) {
    change(req, |notes| match notes.quota_states.iter_mut().find(|before| before.name == quota_state.name) {
        Some(before) => *before = quota_state,
        None => notes.quota_states.push(quota_state),
    });
}

/// Records that a request counts in a quota. Returns whether that is the first time.
pub(super) fn begin_count(req: &HttpRequest, name: QuotaName) -> bool {
    const { assert!(QuotaName::COUNT <= 16) }
    let bit = 1_u16 << name.index();
    change(req, |notes| {
        let is_first = notes.counted & bit == 0;
        notes.counted |= bit;
        is_first
    })
}

/// The states of all quotas that the request was counted in.
pub(super) fn with_quota_states<T>(req: &HttpRequest, read: impl FnOnce(&[QuotaState]) -> T) -> T {
    let extensions = req.extensions();
    read(extensions.get::<Notes>().map_or(&[], |notes| &notes.quota_states))
}

/// Records the outcome in a word for the log line, for a handler that has more to say than the status does.
pub(in crate::http) fn note_outcome(req: &HttpRequest, outcome: &'static str) {
    change(req, |notes| notes.outcome = Some(outcome));
}

/// The outcome that a handler has recorded.
pub(in crate::http) fn outcome(req: &HttpRequest) -> Option<&'static str> {
    req.extensions().get::<Notes>()?.outcome
}

fn change<T>(req: &HttpRequest, change: impl FnOnce(&mut Notes) -> T) -> T {
    let mut extensions = req.extensions_mut();
    if let Some(notes) = extensions.get_mut::<Notes>() {
        return change(notes);
    }
    let mut notes = Notes::default();
    let changed = change(&mut notes);
    extensions.insert(notes);
    changed
}
