//! A poll as it is sent.

use serde::{Serialize, Serializer};

use crate::poll::{Kind, Poll, PollId, PollOption, ResultsPolicy, Revision, SiteId, State, Timestamp, WebAddress};

/// A poll as it is sent.
#[derive(Serialize)]
pub struct PollJson<'a> {
    id: PollId,
    site: &'a SiteId,
    question: &'a str,
    language: &'a str,
    kind: Kind,
    min_choices: u8,
    max_choices: u8,
    #[serde(serialize_with = "write_options")]
    options: &'a [PollOption],
    results: ResultsPolicy,
    changeable: bool,
    opens_at: Option<Timestamp>,
    closes_at: Option<Timestamp>,
    article_url: Option<&'a str>,
    state: State,
    revision: Revision,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl<'a> PollJson<'a> {
    /// A poll in the state it has now.
    pub fn of(poll: &'a Poll, state: State) -> Self {
        Self {
            id: poll.id,
            site: &poll.site,
            question: poll.question.as_str(),
            language: poll.language.as_str(),
            kind: poll.kind,
            min_choices: poll.min_choices,
            max_choices: poll.max_choices,
            options: &poll.options,
            results: poll.results,
            changeable: poll.changeable,
            opens_at: poll.schedule.opens_at,
            closes_at: poll.schedule.closes_at,
            article_url: poll.article_url.as_ref().map(WebAddress::as_str),
            state,
            revision: poll.revision,
            created_at: poll.created_at,
            updated_at: poll.updated_at,
        }
    }
}

/// A poll's JSON in the state it has now.
pub fn poll_json(poll: &Poll, state: State) -> String {
    // A poll is made of texts and numbers, which can always be written.
    serde_json::to_string(&PollJson::of(poll, state)).unwrap_or_default()
}

/// A poll's entity tag, with its quotes. The state is part of it: it changes by the clock alone.
pub fn poll_etag(poll: &Poll, state: State) -> String {
    format!("\"{}-{}\"", poll.revision, state.as_str())
}

/// Options without their indexes, which are the store's business.
fn write_options<S: Serializer>(options: &&[PollOption], serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct OptionJson<'a> {
        id: &'a str,
        label: &'a str,
    }

    serializer
        .collect_seq(options.iter().map(|option| OptionJson { id: option.id.as_str(), label: option.label.as_str() }))
}
