//! How stores write what has structure: JSON, the same in both, so a dump of one can be read beside a dump of the
//! other. What a store must search or decide by has its own column or field besides.

use serde::{Deserialize, Serialize};

use super::StoreError;
use crate::{
    poll::{
        DigestKey, Kind, Language, Poll, PollId, PollOption, ResultsPolicy, Revision, Schedule, SiteId, Text, Timestamp,
    },
    secret::KeyHash,
    site::{ApiKey, KeyId, Scopes},
};

#[derive(Serialize, Deserialize)]
struct PollRecord {
    id: PollId,
    site: SiteId,
    question: Text,
    language: Language,
    kind: Kind,
    min_choices: u8,
    max_choices: u8,
    options: Vec<PollOption>,
    results: ResultsPolicy,
    changeable: bool,
    #[serde(flatten)]
    schedule: Schedule,
    revision: Revision,
    created_at: Timestamp,
    updated_at: Timestamp,
    partitions: u16,
    digest_key: String,
}

/// A poll as JSON.
pub(super) fn write_poll(poll: &Poll) -> Result<String, StoreError> {
    write(&PollRecord {
        id: poll.id,
        site: poll.site.clone(),
        question: poll.question.clone(),
        language: poll.language.clone(),
        kind: poll.kind,
        min_choices: poll.min_choices,
        max_choices: poll.max_choices,
        options: poll.options.clone(),
        results: poll.results,
        changeable: poll.changeable,
        schedule: poll.schedule,
        revision: poll.revision,
        created_at: poll.created_at,
        updated_at: poll.updated_at,
        partitions: poll.partitions,
        digest_key: KeyHash::from(*poll.digest_key.as_bytes()).to_hex(),
    })
}

/// The poll written so.
pub(super) fn read_poll(json: &[u8]) -> Result<Poll, StoreError> {
    let record: PollRecord = read("a poll", json)?;
    let digest_key = KeyHash::from_hex(&record.digest_key)
        .ok_or_else(|| StoreError::Corrupt(format!("the digest key of poll {}", record.id)))?;
    Ok(Poll {
        id: record.id,
        site: record.site,
        question: record.question,
        language: record.language,
        kind: record.kind,
        min_choices: record.min_choices,
        max_choices: record.max_choices,
        options: record.options,
        results: record.results,
        changeable: record.changeable,
        schedule: record.schedule,
        revision: record.revision,
        created_at: record.created_at,
        updated_at: record.updated_at,
        partitions: record.partitions,
        digest_key: DigestKey::from_bytes(digest_key.into()),
    })
}

#[derive(Serialize, Deserialize)]
struct KeyRecord {
    id: KeyId,
    site: SiteId,
    scopes: Scopes,
    name: Option<String>,
    hash: String,
    created_at: Timestamp,
}

/// An API key as JSON.
pub(super) fn write_key(key: &ApiKey) -> Result<String, StoreError> {
    write(&KeyRecord {
        id: key.id.clone(),
        site: key.site.clone(),
        scopes: key.scopes.clone(),
        name: key.name.clone(),
        hash: key.hash.to_hex(),
        created_at: key.created_at,
    })
}

/// The API key written so.
pub(super) fn read_key(json: &[u8]) -> Result<ApiKey, StoreError> {
    let record: KeyRecord = read("an API key", json)?;
    let hash = KeyHash::from_hex(&record.hash)
        .ok_or_else(|| StoreError::Corrupt(format!("the hash of API key {}", record.id)))?;
    Ok(ApiKey {
        id: record.id,
        site: record.site,
        scopes: record.scopes,
        name: record.name,
        hash,
        created_at: record.created_at,
    })
}

/// Anything that serialises as it is.
pub(super) fn write(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// What was written so; `what` names it in the error.
pub(super) fn read<'a, T: Deserialize<'a>>(what: &str, json: &'a [u8]) -> Result<T, StoreError> {
    serde_json::from_slice(json).map_err(|error| StoreError::Corrupt(format!("{what}: {error}")))
}
