//! What a poll is, and what a publisher asks for to make one.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    Addendum, AfterVote, Codec, Decisions, DigestKey, Disclosure, Emoji, Incident, Kind, Language, NewAfterVote,
    NewDisclosure, NewImage, NewScale, OptionId, OptionImage, Partitions, Phase, PollId, QUESTION, Quiz, Resolution,
    ResultsPolicy, Revision, Rewording, Runoff, Sampling, Scale, Schedule, SiteId, State, TallyDisplay, Text,
    Timestamp, WebAddress,
    check::{Check, Violation},
    open_answer,
};

/// One answer of a poll.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PollOption {
    /// Stable and short.
    pub id: OptionId,
    /// What readers see of a reaction, where it is not the label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emoji: Option<Emoji>,
    /// What readers see, and what is read out for an emoji.
    pub label: Text,
    /// What is said below the label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Text>,
    /// The picture beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<OptionImage>,
    /// Its own number, below [`MAX_OPTIONS`](super::MAX_OPTIONS), from which its counters follow. Fixed while the poll
    /// has ballots, whatever order the options are shown in. Records say `slot`, as they did from the beginning:
    /// replicas of two versions read each other's.
    #[serde(rename = "slot")]
    pub index: u8,
}

/// One question with its options, schedule and rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poll {
    pub id: PollId,
    /// The site that owns it.
    pub site: SiteId,
    pub question: Text,
    /// The language of question and labels.
    pub language: Language,
    /// How it is answered.
    pub kind: Kind,
    /// The scale of a rating, and of no other kind.
    pub scale: Option<Scale>,
    /// The fewest options a ballot names; 1 except in a multiple.
    pub min_choices: u8,
    /// The most options a ballot names; 1 except in a multiple.
    pub max_choices: u8,
    /// 2 to [`MAX_OPTIONS`](super::MAX_OPTIONS) answers, in the order readers see them.
    pub options: Vec<PollOption>,
    /// Whether one of them is [`OTHER`](super::OTHER), to which a reader may say what; fixed at creation.
    pub open_answer: bool,
    /// Who sees the tally.
    pub results: ResultsPolicy,
    /// Before so many ballots readers are shown no tally, whether the poll is open or closed.
    pub minimum_ballots: u16,
    /// How exact readers see the tally while the poll is open.
    pub display: TallyDisplay,
    /// Whether a ballot may be changed and withdrawn while the poll is open.
    pub changeable: bool,
    /// Whether each reader chooses among the options in an order of their own. Results are in the poll's order.
    pub shuffle: bool,
    /// When votes are taken.
    pub schedule: Schedule,
    /// The article it belongs to, for those who meet it elsewhere.
    pub article_url: Option<WebAddress>,
    /// Which article's poll it is, if it was made for one by a template. Such polls are in no list.
    pub article: Option<PollArticle>,
    /// Which option is right, if the poll is a question of a quiz.
    pub quiz: Option<Quiz>,
    /// Which option came true, if the poll is a prediction that is resolved.
    pub resolution: Option<Resolution>,
    /// Who stands behind it, if that is told wherever its results are.
    pub disclosure: Option<Disclosure>,
    /// What a reader is shown once they have voted.
    pub after_vote: Option<AfterVote>,
    /// How its wording was changed once it had ballots; the latest comes last.
    pub rewordings: Vec<Rewording>,
    /// Which ballots count, by their labels. Once it is closed that stays.
    pub decisions: Decisions,
    /// How the snapshots are numbered that readers are shown while some labels don't count, or an incident goes on.
    pub sampling: Option<Sampling>,
    /// What was decided of its labels after it closed.
    pub addendum: Option<Addendum>,
    /// Its run-off, if its ballots were forgotten since it was counted.
    pub runoff: Option<Arc<Runoff>>,
    /// What goes on in it, or went on, that is not readers making up their minds; the latest comes last.
    pub incidents: Vec<Incident>,
    /// Which version of the definition this is.
    pub revision: Revision,
    /// When it was created, by the store's clock.
    pub created_at: Timestamp,
    /// When this revision was made, by the store's clock.
    pub updated_at: Timestamp,
    /// How stores keep its ballots; fixed at creation.
    pub codec: Codec,
    /// How many independent slices its voters fall into; fixed at creation.
    pub partitions: Partitions,
    /// What its voters' digests are keyed with; fixed at creation.
    pub digest_key: DigestKey,
}

impl Poll {
    /// The state at a moment.
    pub fn state_at(&self, now: Timestamp) -> State {
        self.schedule.state_at(now)
    }

    /// Whether a store has it. An article's poll has revision 0 until its first ballot makes it.
    pub fn is_made(&self) -> bool {
        self.revision > Revision(0)
    }

    /// Its place in its site's list.
    pub fn list_cursor(&self) -> ListCursor {
        ListCursor { created_at: self.created_at, id: self.id }
    }

    /// The option with this id.
    pub fn option(&self, id: &str) -> Option<&PollOption> {
        self.options.iter().find(|option| option.id.as_str() == id)
    }

    /// The ids of its options, as messages list them.
    pub fn option_ids(&self) -> String {
        self.options.iter().map(|option| option.id.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// The fewest and the most options a ballot names.
    pub fn bounds(&self) -> (u8, u8) {
        (self.min_choices, self.max_choices)
    }

    /// Whether votes are counted by the same counters as in another revision of this poll.
    pub fn counts_like(&self, other: &Self) -> bool {
        same_indexes(&self.options, &other.options)
    }
}

/// Which article's poll a poll is, and by which template of its site it was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PollArticle {
    /// The template's id.
    pub template: String,
    /// The article, as its key is written.
    pub key: String,
}

/// A poll's place in its site's list, which is ordered by age: of two polls the greater is the younger. The time of
/// creation comes first, so ids need not be in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ListCursor {
    /// When it was created.
    pub created_at: Timestamp,
    /// The poll's id, for polls that were created at the same time.
    pub id: PollId,
}

/// Where a page of a site's polls begins, as a request names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageStart {
    /// After this poll.
    After(ListCursor),
    /// After the poll of this id, or, if it is gone, after the time in the id: earlier versions gave ids as cursors.
    Poll(PollId, Timestamp),
}

/// A poll as a publisher asks for it.
#[derive(Debug, Clone, Default)]
pub struct NewPoll {
    /// Default `single`. It never changes.
    pub kind: Option<Kind>,
    /// Stays a draft, which readers don't see, until it is opened.
    pub draft: bool,
    /// Has one option more, "something else", to which a reader may say what. It never changes.
    pub open_answer: bool,
    /// All else.
    pub fields: PollFields,
}

/// What a publisher says of a poll. `None` means the default in a new poll, and in an [edit](Self::apply) as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PollFields {
    /// The question: at most 500 characters. A new poll has no default.
    pub question: Option<String>,
    /// Default `ar`.
    pub language: Option<String>,
    /// Default 1 to 5 in a rating. No other kind has one.
    pub scale: Option<NewScale>,
    /// Default 1.
    pub min_choices: Option<u64>,
    /// Default as many as there are options in a multiple, else 1.
    pub max_choices: Option<u64>,
    /// 2 to 32 answers, in the order to show them. `None` in a rating, whose options follow from its scale.
    pub options: Option<Vec<NewOption>>,
    /// Default `always`.
    pub results: Option<ResultsPolicy>,
    /// Default `false`, except in a reaction.
    pub changeable: Option<bool>,
    /// Default `Some(None)`: opens when it is published.
    pub opens_at: Option<Option<Timestamp>>,
    /// Default `Some(None)`: closes when somebody closes it.
    pub closes_at: Option<Option<Timestamp>>,
    /// Default `Some(None)`: the poll belongs to no article. At most 2048 characters.
    pub article_url: Option<Option<String>>,
    /// Default `Some(None)`: no option is right or wrong. The id of one of the options, in a poll of kind `single`.
    pub correct: Option<Option<String>>,
    /// Default `Some(None)`. At most 1000 characters; told beside `correct`.
    pub explanation: Option<Option<String>>,
    /// Default 0, at most [`MOST_MINIMUM`].
    pub minimum_ballots: Option<u64>,
    /// Default `exact`.
    pub display: Option<TallyDisplay>,
    /// Default `false`.
    pub shuffle: Option<bool>,
    /// Default the site's.
    pub disclosure: Option<Option<NewDisclosure>>,
    /// Default `Some(None)`.
    pub after_vote: Option<Option<NewAfterVote>>,
    /// Why an edit changes the wording, in a poll with ballots. At most 300 characters.
    pub reason: Option<String>,
    /// Whether such an edit only corrects the spelling. Default `false`.
    pub correction: Option<bool>,
}

/// The most ballots that a poll may have to have before readers are shown its tally.
pub const MOST_MINIMUM: u16 = 10_000;

impl PollFields {
    /// Adds the option "something else" to the options, if there are any and none of them is it.
    pub(super) fn name_other(&mut self, label: &str) {
        let Some(options) = &mut self.options else { return };
        if options.iter().all(|option| option.id.as_deref() != Some(open_answer::OTHER)) {
            let (id, label) = (Some(open_answer::OTHER.to_owned()), label.to_owned());
            options.push(NewOption { id, label, ..NewOption::default() });
        }
    }
}

impl From<PollFields> for NewPoll {
    fn from(fields: PollFields) -> Self {
        Self { fields, ..Self::default() }
    }
}

/// One answer as a publisher asks for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewOption {
    /// Default: its place, counted from 1.
    pub id: Option<String>,
    /// Default: none. One emoji, in a reaction.
    pub emoji: Option<String>,
    /// At most 200 characters.
    pub label: String,
    /// Default: none. At most 200 characters.
    pub note: Option<String>,
    /// Default: none.
    pub image: Option<NewImage>,
}

impl NewPoll {
    /// Checks everything and makes the poll.
    ///
    /// # Errors
    /// Every violation found, not only the first.
    pub fn build(
        self,
        id: PollId,
        site: SiteId,
        partitions: Partitions,
        digest_key: DigestKey,
        now: Timestamp,
    ) -> Result<Poll, Vec<Violation>> {
        let Self { kind, draft, open_answer, mut fields } = self;
        let mut check = Check::default();
        let kind = kind.unwrap_or(Kind::Single);
        let question = check.text("question", fields.question.as_deref().unwrap_or_default(), QUESTION);
        let language = check.language(fields.language.as_deref());
        if open_answer {
            check.open_answer(kind, fields.correct.as_ref().is_some_and(Option::is_some));
            fields.name_other(open_answer::label(&language.clone().unwrap_or_default()));
        }
        let scale = kind.rules().scale(&mut check, fields.scale.as_ref());
        let asked = fields.options.as_ref().map_or(0, Vec::len);
        let options = kind.rules().options(&mut check, fields.options.as_deref(), scale.as_ref());
        let (min_choices, max_choices) = check.choices(kind, fields.min_choices, fields.max_choices, asked);
        let phase = if draft { Phase::Draft } else { Phase::Live };
        let (opens_at, closes_at) = (fields.opens_at.flatten(), fields.closes_at.flatten());
        let schedule = Schedule { phase, opens_at, closes_at };
        check.schedule(&schedule, now);
        let article_url = check.address("article_url", fields.article_url.flatten().as_deref());
        let changeable = kind.rules().changeable(&mut check, fields.changeable);
        let (correct, explanation) = (fields.correct.flatten(), fields.explanation.flatten());
        let quiz = check.quiz(kind, changeable, &options, correct.as_deref(), explanation.as_deref());
        let minimum_ballots = check.minimum(fields.minimum_ballots);
        let display = check.display(kind, fields.display);
        let shuffle = check.shuffle(kind, fields.shuffle);
        let disclosure = fields.disclosure.flatten().map(|disclosure| check.disclosure(&disclosure));
        let after_vote = fields.after_vote.flatten().and_then(|after| check.after_vote(id, &after));
        check.finish(|| {
            Some(Poll {
                id,
                site,
                question: question?,
                language: language?,
                kind,
                scale,
                min_choices,
                max_choices,
                options,
                open_answer,
                results: fields.results.unwrap_or(ResultsPolicy::Always),
                minimum_ballots,
                display,
                changeable,
                shuffle,
                schedule,
                article_url,
                quiz,
                resolution: None,
                disclosure: disclosure.filter(|disclosure| !disclosure.is_empty()),
                after_vote,
                rewordings: Vec::new(),
                article: None,
                decisions: Decisions::default(),
                sampling: None,
                addendum: None,
                runoff: None,
                incidents: Vec::new(),
                revision: Revision::FIRST,
                created_at: now,
                updated_at: now,
                codec: kind.codec(),
                // All its texts are counted in one place, so that there are at most so many.
                partitions: if open_answer { Partitions::unplaced(1) } else { partitions },
                digest_key,
            })
        })
    }
}

/// Whether options have the same indexes, in any order.
pub(super) fn same_indexes(one: &[PollOption], other: &[PollOption]) -> bool {
    one.len() == other.len()
        && one.iter().all(|option| other.iter().any(|old| (&old.id, old.index) == (&option.id, option.index)))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::poll::EditError;

    pub(in crate::poll) fn poll_with(kind: Kind, min: u64, max: u64, options: &[&str]) -> Poll {
        new_poll(kind, min, max, options).unwrap()
    }

    pub(in crate::poll) fn new_poll(kind: Kind, min: u64, max: u64, options: &[&str]) -> Result<Poll, Vec<Violation>> {
        let option = |id: &&str| NewOption {
            id: Some((*id).to_owned()),
            label: format!("label of {id}"),
            ..NewOption::default()
        };
        let fields = PollFields {
            question: Some("هل تتوقع حل مجلس الأمة ؟".to_owned()),
            min_choices: Some(min),
            max_choices: Some(max),
            options: Some(options.iter().map(option).collect()),
            ..PollFields::default()
        };
        built(NewPoll { kind: Some(kind), ..fields.into() })
    }

    pub(in crate::poll) fn built(new: impl Into<NewPoll>) -> Result<Poll, Vec<Violation>> {
        let (id, key) = (PollId::generate(), DigestKey::from_bytes([0; 32]));
        new.into().build(id, SiteId::default(), Partitions::unplaced(1), key, NOW)
    }

    pub(in crate::poll) const NOW: Timestamp = Timestamp::LATEST;

    fn fields(violations: Vec<Violation>) -> Vec<String> {
        violations.into_iter().map(|violation| violation.field).collect()
    }

    pub(in crate::poll) fn earlier(millis: i64) -> Timestamp {
        Timestamp::from_millis(NOW.as_millis() - millis)
    }

    #[test]
    fn every_violation_is_named_at_once() {
        let violations = built(PollFields {
            question: Some(" ".to_owned()),
            language: Some("Arabic!".to_owned()),
            max_choices: Some(2),
            options: Some(vec![
                NewOption { id: Some("Yes".to_owned()), label: "نعم".to_owned(), ..NewOption::default() },
                NewOption { id: None, label: "\u{202E}لا".to_owned(), ..NewOption::default() },
            ]),
            opens_at: Some(Some(earlier(5))),
            closes_at: Some(Some(earlier(5))),
            ..PollFields::default()
        })
        .unwrap_err();
        assert_eq!(
            fields(violations),
            ["question", "language", "options[0].id", "options[1].label", "max_choices", "closes_at", "closes_at"]
        );
    }

    #[test]
    fn option_ids_default_to_their_place() {
        let label = |label: &str| NewOption { id: None, label: label.to_owned(), ..NewOption::default() };
        let (question, options) = (Some("?".to_owned()), Some(vec![label("a"), label("b")]));
        let poll = built(PollFields { question, options, ..PollFields::default() }).unwrap();
        let ids: Vec<&str> = poll.options.iter().map(|option| option.id.as_str()).collect();
        assert_eq!(ids, ["1", "2"]);
    }

    #[test]
    fn a_poll_has_2_to_32_distinct_options() {
        let names: Vec<String> = (0..33).map(|nth| format!("o{nth}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert!(new_poll(Kind::Single, 1, 1, &names[..32]).is_ok());
        assert_eq!(fields(new_poll(Kind::Single, 1, 1, &names).unwrap_err()), ["options"]);
        assert_eq!(fields(new_poll(Kind::Single, 1, 1, &["a"]).unwrap_err()), ["options"]);
        assert_eq!(fields(new_poll(Kind::Single, 1, 1, &["a", "a"]).unwrap_err()), ["options[1].id"]);
    }

    #[test]
    fn options_that_readers_can_not_tell_apart_are_refused_and_both_are_named() {
        let build_with = |labels: &[&str]| {
            let option = |label: &&str| NewOption { id: None, label: (*label).to_owned(), ..NewOption::default() };
            let options = Some(labels.iter().map(option).collect());
            built(PollFields { question: Some("?".to_owned()), options, ..PollFields::default() })
        };
        let refused = build_with(&["لا", "نعم", "نعم\u{200F}"]).unwrap_err();
        assert!(refused[0].detail.contains("options[1].label"), "{refused:?}");
        assert_eq!(fields(refused), ["options[2].label"]);
        assert_eq!(fields(build_with(&["نعم", "نعـم", "نعم"]).unwrap_err()), ["options[1].label", "options[2].label"]);
        assert_eq!(fields(build_with(&["نعم", "\u{200F}\u{FEFF}"]).unwrap_err()), ["options[1].label"]);
        assert!(build_with(&["نعم", "نَعم", "Yes", "yes"]).is_ok());
        let poll = build_with(&["نعم", "لا"]).unwrap();
        let options =
            ["نعم", "نعم\u{200B}"].map(|label| NewOption { id: None, label: label.to_owned(), ..NewOption::default() });
        let edit = PollFields { options: Some(options.into()), ..PollFields::default() };
        assert!(
            matches!(edit.apply(&poll, earlier(9)), Err(EditError::Invalid(violations)) if fields(violations.clone()) == ["options[1].label"])
        );
    }

    #[test]
    fn choices_stay_within_the_options() {
        assert!(new_poll(Kind::Multiple, 2, 3, &["a", "b", "c"]).is_ok());
        assert_eq!(fields(new_poll(Kind::Multiple, 0, 3, &["a", "b", "c"]).unwrap_err()), ["min_choices"]);
        assert_eq!(fields(new_poll(Kind::Multiple, 1, 4, &["a", "b", "c"]).unwrap_err()), ["max_choices"]);
        assert_eq!(fields(new_poll(Kind::Multiple, 3, 2, &["a", "b", "c"]).unwrap_err()), ["min_choices"]);
        assert_eq!(fields(new_poll(Kind::Single, 1, 2, &["a", "b"]).unwrap_err()), ["max_choices"]);
    }
}
