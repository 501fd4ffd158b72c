//! What publishers do with what is theirs, by key: make it, change it, list it. One file for each resource.

pub(super) mod announced;
pub(super) mod answers;
pub(super) mod events;
pub(super) mod keys;
pub(super) mod places;
pub(super) mod polls;
pub(super) mod qr;
pub(super) mod sessions;
pub(super) mod sites;
pub(super) mod templates;
pub(super) mod waiting;
pub(super) mod webhooks;
