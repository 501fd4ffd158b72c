//! Records as JSON, the same in both stores, so their dumps can be compared. What a store searches or decides by also
//! has its own column or field.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::StoreError;
use crate::{
    article::{Admission, Template, TemplateId},
    poll::{
        Addendum, AfterVote, Codec, Decisions, DigestKey, Disclosure, Incident, Kind, Language, Partitions, Poll,
        PollArticle, PollId, PollOption, Quiz, Resolution, ResultsPolicy, Revision, Rewording, Runoff, Sampling, Scale,
        Schedule, SiteId, TallyDisplay, Text, Timestamp, WebAddress,
    },
    secret::KeyHash,
    site::{ApiKey, Event, EventId, KeyId, NewEvent, Scopes},
};

#[derive(Serialize, Deserialize)]
struct PollRecord {
    id: PollId,
    site: SiteId,
    question: Text,
    language: Language,
    kind: Kind,
    // Only records of some kinds have one, and none of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scale: Option<Scale>,
    min_choices: u8,
    max_choices: u8,
    options: Vec<PollOption>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    open_answer: bool,
    results: ResultsPolicy,
    // From here on `default`: what most polls are written without, and those of earlier versions.
    #[serde(default, skip_serializing_if = "is_zero")]
    minimum_ballots: u16,
    #[serde(default, skip_serializing_if = "TallyDisplay::is_exact")]
    display: TallyDisplay,
    changeable: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    shuffle: bool,
    #[serde(flatten)]
    schedule: Schedule,
    // Records of earlier versions have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    article_url: Option<WebAddress>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    quiz: Option<Quiz>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resolution: Option<Resolution>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    disclosure: Option<Disclosure>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after_vote: Option<AfterVote>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    rewordings: Vec<Rewording>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    article: Option<PollArticle>,
    #[serde(default, skip_serializing_if = "Decisions::count_all")]
    decisions: Decisions,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sampling: Option<Sampling>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    addendum: Option<Addendum>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    runoff: Option<Runoff>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    incidents: Vec<Incident>,
    revision: Revision,
    created_at: Timestamp,
    updated_at: Timestamp,
    /// Earlier versions write none: then it is the kind's.
    #[serde(default)]
    codec: Option<Codec>,
    partitions: PartitionsRecord,
    digest_key: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u16) -> bool {
    *number == 0
}

/// An earlier version does not know suffixes, and would look for the partitions under other names. So it finds no
/// number here, and refuses to read the poll.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum PartitionsRecord {
    Number(u16),
    Placed { suffixes: Vec<u16> },
}

/// A poll as JSON.
pub(super) fn write_poll(poll: &Poll) -> Result<String, StoreError> {
    write(&PollRecord::of(poll))
}

/// Reads such a poll.
pub(super) fn read_poll(json: &[u8]) -> Result<Poll, StoreError> {
    read::<PollRecord>("a poll", json)?.into_poll()
}

/// A poll before and after a change.
#[derive(Serialize, Deserialize)]
struct ReshapeRecord {
    before: PollRecord,
    after: PollRecord,
    // Records of earlier versions have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    events: Vec<NewEvent>,
}

/// A change under way as JSON: the poll before it and after it, and what is told once it is made.
pub(super) fn write_reshape(before: &Poll, after: &Poll, events: &[NewEvent]) -> Result<String, StoreError> {
    write(&ReshapeRecord { before: PollRecord::of(before), after: PollRecord::of(after), events: events.to_vec() })
}

/// Reads such a change.
pub(super) fn read_reshape(json: &[u8]) -> Result<(Poll, Poll, Vec<NewEvent>), StoreError> {
    let ReshapeRecord { before, after, events } = read("a change of a poll", json)?;
    Ok((before.into_poll()?, after.into_poll()?, events))
}

/// An event, but for its site and its place in the log, which stand beside it.
#[derive(Serialize, Deserialize)]
struct EventRecord<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    poll: Option<PollId>,
    #[serde(flatten)]
    told: std::borrow::Cow<'a, NewEvent>,
}

/// An event as JSON.
pub(super) fn write_event(poll: Option<PollId>, event: &NewEvent) -> Result<String, StoreError> {
    write(&EventRecord { poll, told: std::borrow::Cow::Borrowed(event) })
}

/// Reads such an event.
pub(super) fn read_event(site: &SiteId, id: EventId, json: &[u8]) -> Result<Event, StoreError> {
    let EventRecord { poll, told } = read("an event", json)?;
    let NewEvent { at, kind, actor, data } = told.into_owned();
    Ok(Event { id, at, site: site.clone(), poll, kind, actor, data })
}

impl PollRecord {
    fn of(poll: &Poll) -> Self {
        Self {
            id: poll.id,
            site: poll.site.clone(),
            question: poll.question.clone(),
            language: poll.language.clone(),
            kind: poll.kind,
            scale: poll.scale.clone(),
            min_choices: poll.min_choices,
            max_choices: poll.max_choices,
            options: poll.options.clone(),
            open_answer: poll.open_answer,
            results: poll.results,
            minimum_ballots: poll.minimum_ballots,
            display: poll.display,
            changeable: poll.changeable,
            shuffle: poll.shuffle,
            schedule: poll.schedule,
            article_url: poll.article_url.clone(),
            quiz: poll.quiz.clone(),
            resolution: poll.resolution.clone(),
            disclosure: poll.disclosure.clone(),
            after_vote: poll.after_vote.clone(),
            rewordings: poll.rewordings.clone(),
            article: poll.article.clone(),
            decisions: poll.decisions,
            sampling: poll.sampling,
            addendum: poll.addendum.clone(),
            runoff: poll.runoff.as_deref().cloned(),
            incidents: poll.incidents.clone(),
            revision: poll.revision,
            created_at: poll.created_at,
            updated_at: poll.updated_at,
            codec: Some(poll.codec),
            partitions: match poll.partitions.suffixes() {
                None => PartitionsRecord::Number(poll.partitions.count()),
                Some(suffixes) => PartitionsRecord::Placed { suffixes: suffixes.to_vec() },
            },
            digest_key: KeyHash::from(*poll.digest_key.as_bytes()).to_hex(),
        }
    }

    fn into_poll(self) -> Result<Poll, StoreError> {
        let digest_key = KeyHash::from_hex(&self.digest_key)
            .ok_or_else(|| StoreError::Corrupt(format!("the digest key of poll {}", self.id)))?;
        let partitions = match self.partitions {
            PartitionsRecord::Number(number) => Partitions::unplaced(number),
            PartitionsRecord::Placed { suffixes } => Partitions::placed(suffixes)
                .ok_or_else(|| StoreError::Corrupt(format!("the partitions of poll {}", self.id)))?,
        };
        Ok(Poll {
            id: self.id,
            site: self.site,
            question: self.question,
            language: self.language,
            kind: self.kind,
            scale: self.scale,
            min_choices: self.min_choices,
            max_choices: self.max_choices,
            options: self.options,
            open_answer: self.open_answer,
            results: self.results,
            minimum_ballots: self.minimum_ballots,
            display: self.display,
            changeable: self.changeable,
            shuffle: self.shuffle,
            schedule: self.schedule,
            article_url: self.article_url,
            quiz: self.quiz,
            resolution: self.resolution,
            disclosure: self.disclosure,
            after_vote: self.after_vote,
            rewordings: self.rewordings,
            article: self.article,
            decisions: self.decisions,
            sampling: self.sampling,
            addendum: self.addendum,
            runoff: self.runoff.map(Arc::new),
            incidents: self.incidents,
            revision: self.revision,
            created_at: self.created_at,
            updated_at: self.updated_at,
            codec: self.codec.unwrap_or(self.kind.codec()),
            partitions,
            digest_key: DigestKey::from_bytes(digest_key.into()),
        })
    }
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

/// Reads such a key.
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

#[derive(Serialize, Deserialize)]
struct TemplateRecord {
    id: TemplateId,
    pattern: PollRecord,
    admits: Admission,
    open_for_days: u32,
    most_articles: u32,
}

/// A template as JSON.
pub(super) fn write_template(template: &Template) -> Result<String, StoreError> {
    let Template { id, pattern, admits, open_for_days, most_articles } = template;
    let (pattern, admits) = (PollRecord::of(pattern), *admits);
    let (open_for_days, most_articles) = (*open_for_days, *most_articles);
    write(&TemplateRecord { id: id.clone(), pattern, admits, open_for_days, most_articles })
}

/// Reads such a template.
pub(super) fn read_template(json: &[u8]) -> Result<Template, StoreError> {
    let TemplateRecord { id, pattern, admits, open_for_days, most_articles } = read("a template", json)?;
    Ok(Template { id, pattern: pattern.into_poll()?, admits, open_for_days, most_articles })
}

/// A value as JSON.
pub(super) fn write(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// Reads such a value; `what` names it in the error.
pub(super) fn read<'a, T: Deserialize<'a>>(what: &str, json: &'a [u8]) -> Result<T, StoreError> {
    serde_json::from_slice(json).map_err(|error| StoreError::Corrupt(format!("{what}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_poll_that_was_written_before_polls_had_articles_is_read() {
        let before = r#"{"id":"01932f6e-7c1a-7b60-8d5e-0b8f6a3c9d21","site":"default","question":"هل تتوقع حل مجلس الأمة ؟",
            "language":"ar","kind":"single","min_choices":1,"max_choices":1,"options":[{"id":"yes","label":"نعم","slot":0},
            {"id":"no","label":"لا","slot":1}],"results":"always","changeable":false,"phase":"live","opens_at":null,
            "closes_at":null,"revision":1,"created_at":"2026-11-23T18:00:00.000Z","updated_at":"2026-11-23T18:00:00.000Z",
            "partitions":16,"digest_key":"0000000000000000000000000000000000000000000000000000000000000000"}"#;
        let poll = read_poll(before.as_bytes()).unwrap();
        assert_eq!(poll.article_url, None);
        // And what has none is written as it was then, so that a replica of before reads it.
        assert!(!write_poll(&poll).unwrap().contains("article_url"));
        assert!(write_poll(&poll).unwrap().contains("\"partitions\":16,"));
        let placed = Poll { partitions: Partitions::placed([7, 0, 12]).unwrap(), ..poll.clone() };
        assert_eq!(read_poll(write_poll(&placed).unwrap().as_bytes()).unwrap(), placed);
        // So is what editors decide.
        let plain = write_poll(&poll).unwrap();
        let decided = [
            "minimum_ballots",
            "display",
            "shuffle",
            "disclosure",
            "after_vote",
            "rewordings",
            "image",
            "note",
            "incidents",
        ];
        assert!(decided.iter().all(|name| !plain.contains(name)), "{plain}");
        let article = Poll { article_url: "https://news.example/1".parse().ok(), ..poll };
        assert_eq!(read_poll(write_poll(&article).unwrap().as_bytes()).unwrap(), article);
    }
}
