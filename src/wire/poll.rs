//! A poll as it is sent.

use serde::{Serialize, Serializer};

use crate::poll::{
    AfterVote, Choices, Disclosure, Emoji, Kind, OptionImage, Poll, PollId, PollOption, Quiz, Resolution,
    ResultsPolicy, Revision, Rewording, Scale, SiteId, State, TallyDisplay, Text, Timestamp, WebAddress, WorkPolicy,
};

/// The audience that a poll is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// All readers: without the answer of a quiz.
    Readers,
    /// For a publisher who may read its definition.
    Publisher,
}

/// A poll as it is sent.
#[derive(Serialize)]
pub struct PollJson<'a> {
    id: PollId,
    site: &'a SiteId,
    question: &'a str,
    language: &'a str,
    kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    scale: Option<ScaleJson<'a>>,
    min_choices: u8,
    max_choices: u8,
    #[serde(serialize_with = "write_options")]
    options: &'a [PollOption],
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    open_answer: bool,
    results: ResultsPolicy,
    changeable: bool,
    #[serde(skip_serializing_if = "is_zero")]
    minimum_ballots: u16,
    #[serde(skip_serializing_if = "TallyDisplay::is_exact")]
    display: TallyDisplay,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    shuffle: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    disclosure: Option<&'a Disclosure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after_vote: Option<&'a AfterVote>,
    /// Only true, or nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    proof_of_work: Option<bool>,
    opens_at: Option<Timestamp>,
    closes_at: Option<Timestamp>,
    article_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correct: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolution: Option<ResolutionJson<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    rewordings: &'a [Rewording],
    state: State,
    revision: Revision,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// A scale as it is sent.
#[derive(Serialize)]
struct ScaleJson<'a> {
    low: u8,
    high: u8,
    low_label: Option<&'a str>,
    high_label: Option<&'a str>,
}

impl<'a> ScaleJson<'a> {
    fn of(Scale { steps, low_label, high_label }: &'a Scale) -> Self {
        let [low_label, high_label] = [low_label, high_label].map(|label| label.as_ref().map(Text::as_str));
        Self { low: steps.low(), high: steps.high(), low_label, high_label }
    }
}

impl<'a> PollJson<'a> {
    /// A poll in the state it has now.
    pub fn of(poll: &'a Poll, state: State, audience: Audience) -> Self {
        let quiz = poll.quiz.as_ref().filter(|_| audience == Audience::Publisher);
        Self {
            id: poll.id,
            site: &poll.site,
            question: poll.question.as_str(),
            language: poll.language.as_str(),
            kind: poll.kind,
            scale: poll.scale.as_ref().map(ScaleJson::of),
            min_choices: poll.min_choices,
            max_choices: poll.max_choices,
            options: &poll.options,
            open_answer: poll.open_answer,
            results: poll.results,
            changeable: poll.changeable,
            minimum_ballots: poll.minimum_ballots,
            // Editors see what they have chosen.
            display: match audience {
                Audience::Readers if poll.is_sampled_in(state) => poll.shown_display(),
                Audience::Readers | Audience::Publisher => poll.display,
            },
            shuffle: poll.shuffle,
            disclosure: poll.disclosure.as_ref(),
            after_vote: poll.after_vote.as_ref(),
            proof_of_work: (state == State::Open && poll.asks_for_work(WorkPolicy::Incidents)).then_some(true),
            opens_at: poll.schedule.opens_at,
            closes_at: poll.schedule.closes_at,
            article_url: poll.article_url.as_ref().map(WebAddress::as_str),
            correct: quiz.map(|quiz| quiz.correct.as_str()),
            explanation: quiz.and_then(Quiz::explanation),
            resolution: poll.resolution.as_ref().map(ResolutionJson::of),
            rewordings: &poll.rewordings,
            state,
            revision: poll.revision,
            created_at: poll.created_at,
            updated_at: poll.updated_at,
        }
    }
}

/// What all polls of a template say, as it is sent: what a publisher puts, with all that it left out.
#[derive(Serialize)]
pub struct PatternJson<'a> {
    question: &'a str,
    language: &'a str,
    kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    scale: Option<ScaleJson<'a>>,
    min_choices: u8,
    max_choices: u8,
    #[serde(serialize_with = "write_options")]
    options: &'a [PollOption],
    results: ResultsPolicy,
    changeable: bool,
    #[serde(skip_serializing_if = "is_zero")]
    minimum_ballots: u16,
    #[serde(skip_serializing_if = "TallyDisplay::is_exact")]
    display: TallyDisplay,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    shuffle: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    disclosure: Option<&'a Disclosure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after_vote: Option<&'a AfterVote>,
}

impl<'a> PatternJson<'a> {
    /// Of a template's pattern.
    pub fn of(poll: &'a Poll) -> Self {
        Self {
            question: poll.question.as_str(),
            language: poll.language.as_str(),
            kind: poll.kind,
            scale: poll.scale.as_ref().map(ScaleJson::of),
            min_choices: poll.min_choices,
            max_choices: poll.max_choices,
            options: &poll.options,
            results: poll.results,
            changeable: poll.changeable,
            minimum_ballots: poll.minimum_ballots,
            display: poll.display,
            shuffle: poll.shuffle,
            disclosure: poll.disclosure.as_ref(),
            after_vote: poll.after_vote.as_ref(),
        }
    }
}

/// The resolution of a prediction, as it is sent.
#[derive(Serialize)]
struct ResolutionJson<'a> {
    option: &'a str,
    resolved_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

impl<'a> ResolutionJson<'a> {
    fn of(resolution: &'a Resolution) -> Self {
        Self {
            option: resolution.option.as_str(),
            resolved_at: resolution.at,
            reason: resolution.reason.as_ref().map(Text::as_str),
        }
    }
}

/// A poll's JSON for readers, in the state it has now.
pub fn poll_json(poll: &Poll, state: State) -> String {
    // A poll consists of texts and numbers, which can always be written.
    serde_json::to_string(&PollJson::of(poll, state, Audience::Readers)).unwrap_or_default()
}

/// A poll's entity tag, with its quotes. It includes the state, which the clock alone changes, and the audience if a
/// publisher is sent more than readers.
pub fn poll_etag(poll: &Poll, state: State, audience: Audience) -> String {
    let more = if poll.quiz.is_some() && audience == Audience::Publisher { "-quiz" } else { "" };
    format!("\"{}-{}{more}\"", poll.revision, state.as_str())
}

/// What a voter is sent about a quiz: which option is right, whether theirs is, and why.
#[derive(Serialize)]
pub struct VerdictJson<'a> {
    correct: &'a str,
    is_correct: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<&'a str>,
}

impl<'a> VerdictJson<'a> {
    /// The same for a ballot with these choices; `None` if the poll is no quiz.
    pub fn of(poll: &'a Poll, choices: Choices) -> Option<Self> {
        let (quiz, is_correct) = poll.verdict(choices)?;
        Some(Self { correct: quiz.correct.as_str(), is_correct, explanation: quiz.explanation() })
    }
}

/// Options without their indexes, which only stores need.
fn write_options<S: Serializer>(options: &&[PollOption], serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct OptionJson<'a> {
        id: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        emoji: Option<&'a str>,
        label: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        note: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        image: Option<&'a OptionImage>,
    }

    serializer.collect_seq(options.iter().map(|option| OptionJson {
        id: option.id.as_str(),
        emoji: option.emoji.as_ref().map(Emoji::as_str),
        label: option.label.as_str(),
        note: option.note.as_ref().map(Text::as_str),
        image: option.image.as_ref(),
    }))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u16) -> bool {
    *number == 0
}
