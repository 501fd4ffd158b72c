//! Polls as publishers ask for them. [`wire`](crate::wire) has polls as they are sent.

use serde::{Deserialize, Deserializer, de::IgnoredAny};

use crate::{
    article::Admission,
    http::message::{
        body::{LooksLike, Object, Word, given, parse, whole},
        problem::{Code, FieldError, Problem},
    },
    poll::{
        Kind, NewAfterVote, NewDisclosure, NewImage, NewOption, NewPoll, NewScale, PollFields, ResultsPolicy, Revision,
        State, TallyDisplay, Timestamp, Violation,
    },
    publishing::NewTemplate,
};

/// What may be said of a poll: all of it when it is made, some of it when it is edited.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::option_option, reason = "what may be missing may be left as it is, set, or cleared by null")]
struct PollBody {
    #[serde(default, deserialize_with = "revision")]
    revision: Option<Revision>,
    #[serde(default, deserialize_with = "given")]
    site: Option<String>,
    #[serde(default, deserialize_with = "given")]
    kind: Option<Word<Kind>>,
    #[serde(default, deserialize_with = "given")]
    state: Option<Word<State>>,
    #[serde(default, deserialize_with = "given")]
    open_answer: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    question: Option<String>,
    #[serde(default, deserialize_with = "given")]
    language: Option<String>,
    #[serde(default, deserialize_with = "given")]
    scale: Option<Object<ScaleBody>>,
    #[serde(default, deserialize_with = "whole")]
    min_choices: Option<u64>,
    #[serde(default, deserialize_with = "whole")]
    max_choices: Option<u64>,
    #[serde(default, deserialize_with = "given")]
    options: Option<Vec<Object<OptionBody>>>,
    #[serde(default, deserialize_with = "given")]
    results: Option<Word<ResultsPolicy>>,
    #[serde(default, deserialize_with = "given")]
    changeable: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    opens_at: Option<Option<Timestamp>>,
    #[serde(default, deserialize_with = "given")]
    closes_at: Option<Option<Timestamp>>,
    #[serde(default, deserialize_with = "given")]
    article_url: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    correct: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    explanation: Option<Option<String>>,
    #[serde(default, deserialize_with = "whole")]
    minimum_ballots: Option<u64>,
    #[serde(default, deserialize_with = "given")]
    display: Option<Word<TallyDisplay>>,
    #[serde(default, deserialize_with = "given")]
    shuffle: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    disclosure: Option<Option<Object<DisclosureBody>>>,
    #[serde(default, deserialize_with = "given")]
    after_vote: Option<Option<Object<AfterVoteBody>>>,
    #[serde(default, deserialize_with = "given")]
    reason: Option<String>,
    #[serde(default, deserialize_with = "given")]
    correction: Option<bool>,
}

impl PollBody {
    /// What an edit alone says.
    fn of_rewording(&self) -> Option<&'static str> {
        let named = [("reason", self.reason.is_some()), ("correction", self.correction.is_some())];
        named.into_iter().find(|(_, is_there)| *is_there).map(|(field, _)| field)
    }

    fn into_fields(self) -> PollFields {
        PollFields {
            question: self.question,
            language: self.language,
            scale: self.scale.map(ScaleBody::into_new_scale),
            min_choices: self.min_choices,
            max_choices: self.max_choices,
            options: self.options.map(into_new_options),
            results: self.results.map(|Word(results)| results),
            changeable: self.changeable,
            opens_at: self.opens_at,
            closes_at: self.closes_at,
            article_url: self.article_url,
            correct: self.correct,
            explanation: self.explanation,
            minimum_ballots: self.minimum_ballots,
            display: self.display.map(|Word(display)| display),
            shuffle: self.shuffle,
            disclosure: self.disclosure.map(|it| it.map(|Object(it)| it.into_new_disclosure())),
            after_vote: self.after_vote.map(|it| it.map(AfterVoteBody::into_new_after_vote)),
            reason: self.reason,
            correction: self.correction,
        }
    }
}

/// A poll as it is asked for.
pub(super) struct AskedPoll {
    /// The site that it is for.
    pub(super) site: Option<String>,
    /// The poll.
    pub(super) new: NewPoll,
    /// A fault that is known already: the only state a publisher may name is `draft`.
    pub(super) violation: Option<Violation>,
}

/// Reads a poll that is to be made.
///
/// # Errors
/// `invalid-request`.
pub(super) fn read_new_poll(body: &[u8]) -> Result<AskedPoll, Problem> {
    let body: PollBody = parse(body)?;
    let refused = |field, rule| Err(Problem::of_field(Code::InvalidRequest, field, rule));
    if body.revision.is_some() {
        return refused("revision", "is not a field here: a new poll is in its first");
    }
    if let Some(field) = body.of_rewording() {
        return refused(field, "is not a field here: a new poll has no other wording before");
    }
    if body.question.is_none() {
        return refused("question", "must be given");
    }
    let state = body.state.as_ref().map(|Word(state)| *state);
    let violation = match state {
        None | Some(State::Draft) => None,
        Some(State::Scheduled | State::Open | State::Closed) => Some(Violation::new(
            "state",
            "must be draft, or left out: the schedule decides whether the poll is scheduled or open",
        )),
    };
    let (site, kind) = (body.site.clone(), body.kind.as_ref().map(|Word(kind)| *kind));
    let open_answer = body.open_answer.unwrap_or_default();
    let new = NewPoll { kind, draft: state == Some(State::Draft), open_answer, fields: body.into_fields() };
    Ok(AskedPoll { site, new, violation })
}

impl LooksLike for PollBody {
    const EXAMPLE: &str = "{\"question\": …}";
}

/// A template as it is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TemplateBody {
    poll: Object<PollBody>,
    #[serde(default, deserialize_with = "given")]
    articles: Option<Word<Admission>>,
    #[serde(default, deserialize_with = "whole")]
    open_for_days: Option<u64>,
    #[serde(default, deserialize_with = "whole")]
    most_articles: Option<u64>,
}

/// Reads a template.
///
/// # Errors
/// `invalid-request`.
pub(in crate::http) fn read_template(body: &[u8]) -> Result<NewTemplate, Problem> {
    let TemplateBody { poll: Object(poll), articles, open_for_days, most_articles } = parse(body)?;
    let of_one = [
        ("revision", poll.revision.is_some()),
        ("site", poll.site.is_some()),
        ("state", poll.state.is_some()),
        ("open_answer", poll.open_answer.is_some()),
        ("reason", poll.reason.is_some()),
        ("correction", poll.correction.is_some()),
    ];
    if let Some((field, _)) = of_one.into_iter().find(|(_, is_there)| *is_there) {
        return Err(Problem::of_field(Code::InvalidRequest, format!("poll.{field}"), "is not a field here"));
    }
    if poll.question.is_none() {
        return Err(Problem::of_field(Code::InvalidRequest, "poll.question", "must be given"));
    }
    let kind = poll.kind.as_ref().map(|Word(kind)| *kind);
    let poll = NewPoll { kind, draft: false, open_answer: false, fields: poll.into_fields() };
    let admits = articles.map(|Word(articles)| articles);
    Ok(NewTemplate { poll, admits, open_for_days, most_articles })
}

/// What an edit can't change, whatever stands there.
#[derive(Deserialize)]
struct FixedMembers {
    #[serde(default, deserialize_with = "given")]
    id: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "given")]
    site: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "given")]
    kind: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "given")]
    state: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "given")]
    open_answer: Option<IgnoredAny>,
}

/// Reads an edit: the revision it is of, if it names one, and the changes.
///
/// # Errors
/// `invalid-poll` names fields that can't change; `invalid-request` if nothing is to change.
pub(super) fn read_edit(body: &[u8]) -> Result<(Option<Revision>, PollFields), Problem> {
    let named: FixedMembers = parse(body)?;
    let fixed = [
        ("id", named.id, "can't change"),
        ("site", named.site, "can't change"),
        ("kind", named.kind, "can't change"),
        ("state", named.state, "can't be edited: open and close the poll by their own requests"),
        ("open_answer", named.open_answer, "can't change: make a poll with it"),
    ];
    let errors: Vec<FieldError> = fixed
        .into_iter()
        .filter(|(_, named, _)| named.is_some())
        .map(|(field, _, rule)| FieldError { field: field.to_owned(), detail: rule.to_owned() })
        .collect();
    if let Some(FieldError { field, detail }) = errors.first() {
        return Err(Problem::new(Code::InvalidPoll, format!("{field} {detail}")).with_errors(errors));
    }
    let body: PollBody = parse(body)?;
    let (revision, fields) = (body.revision, body.into_fields());
    // A new revision without a change would only disturb others who edit the poll. A reason alone changes nothing.
    if (PollFields { reason: None, correction: None, ..fields.clone() }) == PollFields::default() {
        return Err(Problem::new(Code::InvalidRequest, "the body must name something to change"));
    }
    Ok((revision, fields))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OptionBody {
    #[serde(default, deserialize_with = "given")]
    id: Option<String>,
    #[serde(default, deserialize_with = "given")]
    emoji: Option<String>,
    label: String,
    #[serde(default, deserialize_with = "given")]
    note: Option<String>,
    #[serde(default, deserialize_with = "given")]
    image: Option<Object<ImageBody>>,
}

impl LooksLike for OptionBody {
    const EXAMPLE: &str = "{\"label\": …}";
}

impl OptionBody {
    fn into_new_option(Object(option): Object<Self>) -> NewOption {
        let image = option.image.map(|Object(ImageBody { url, alt })| NewImage { url, alt });
        NewOption { id: option.id, emoji: option.emoji, label: option.label, note: option.note, image }
    }
}

fn into_new_options(options: Vec<Object<OptionBody>>) -> Vec<NewOption> {
    options.into_iter().map(OptionBody::into_new_option).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ImageBody {
    url: String,
    alt: String,
}

impl LooksLike for ImageBody {
    const EXAMPLE: &str = "{\"url\": …, \"alt\": …}";
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(in crate::http) struct DisclosureBody {
    asked_by: Option<String>,
    paid_by: Option<String>,
    licence: Option<String>,
    note: Option<String>,
}

impl LooksLike for DisclosureBody {
    const EXAMPLE: &str = "{\"asked_by\": …}";
}

impl DisclosureBody {
    pub(in crate::http) fn into_new_disclosure(self) -> NewDisclosure {
        let Self { asked_by, paid_by, licence, note } = self;
        NewDisclosure { asked_by, paid_by, licence, note }
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct AfterVoteBody {
    thanks: Option<String>,
    link: Option<Object<LinkBody>>,
    next: Option<String>,
}

impl LooksLike for AfterVoteBody {
    const EXAMPLE: &str = "{\"thanks\": …}";
}

impl AfterVoteBody {
    fn into_new_after_vote(Object(Self { thanks, link, next }): Object<Self>) -> NewAfterVote {
        let link = link.map(|Object(LinkBody { url, label })| (url, label));
        NewAfterVote { thanks, link, next }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LinkBody {
    url: String,
    label: String,
}

impl LooksLike for LinkBody {
    const EXAMPLE: &str = "{\"url\": …, \"label\": …}";
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScaleBody {
    #[serde(deserialize_with = "required_whole")]
    low: u64,
    #[serde(deserialize_with = "required_whole")]
    high: u64,
    #[serde(default)]
    low_label: Option<String>,
    #[serde(default)]
    high_label: Option<String>,
}

impl LooksLike for ScaleBody {
    const EXAMPLE: &str = "{\"low\": …, \"high\": …}";
}

impl ScaleBody {
    fn into_new_scale(Object(scale): Object<Self>) -> NewScale {
        let Self { low, high, low_label, high_label } = scale;
        NewScale { low, high, low_label, high_label }
    }
}

fn required_whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    whole(deserializer).map(Option::unwrap_or_default)
}

fn revision<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Revision>, D::Error> {
    whole(deserializer).map(|number| number.map(Revision))
}

/// Which option came true, as it is told.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ResolveBody {
    pub(super) option: String,
    #[serde(default, deserialize_with = "given")]
    pub(super) reason: Option<String>,
}

#[cfg(test)]
mod tests;
