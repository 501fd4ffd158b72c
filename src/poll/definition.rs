//! What a publisher writes: a poll, checked when it is made and at every edit.
//!
//! Once a poll has ballots, only what cannot falsify them may change: the wording of the question and the labels, the
//! language, the order in which options are shown, who sees the results, whether ballots may be changed, and when the
//! poll closes. The set of options, how many may be chosen, and the kind (which never changes) are fixed by the first
//! ballot. See [`Edit::reshapes`].

use serde::{Deserialize, Serialize};

use super::{
    DigestKey, LABEL, Language, MAX_OPTIONS, OptionId, Phase, PollId, QUESTION, Revision, Schedule, SiteId, State,
    Text, TextLimit, Timestamp, appearance::appearance,
};

/// Whether a ballot holds one choice or several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Exactly one option.
    Single,
    /// From `min_choices` to `max_choices` options.
    Multiple,
}

/// Who sees the tally. Keys with the scope `results:read` always do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResultsPolicy {
    /// Everyone, at any time.
    Always,
    /// A voter with a ballot; everyone once the poll is closed.
    AfterVote,
    /// Everyone, once the poll is closed.
    AfterClose,
    /// Nobody.
    Never,
}

impl ResultsPolicy {
    /// Whether everyone sees the tally of a poll in this state.
    pub fn shows_to_all(self, state: State) -> bool {
        match self {
            Self::Always => true,
            Self::AfterVote | Self::AfterClose => state == State::Closed,
            Self::Never => false,
        }
    }

    /// Whether a voter with a ballot does.
    pub fn shows_to_voters(self, state: State) -> bool {
        match self {
            Self::Always | Self::AfterVote => true,
            Self::AfterClose => state == State::Closed,
            Self::Never => false,
        }
    }
}

/// One answer of a poll.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PollOption {
    /// Stable and short.
    pub id: OptionId,
    /// What readers see.
    pub label: Text,
    /// The counter its votes go to, below [`MAX_OPTIONS`]. Fixed while the poll has ballots, whatever order the
    /// options are shown in.
    pub slot: u8,
}

/// One question with its options, schedule and rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poll {
    /// Who it is.
    pub id: PollId,
    /// Whose it is.
    pub site: SiteId,
    /// The question.
    pub question: Text,
    /// The language of question and labels.
    pub language: Language,
    /// One choice or several.
    pub kind: Kind,
    /// The fewest options a ballot names; 1 if single.
    pub min_choices: u8,
    /// The most options a ballot names; 1 if single.
    pub max_choices: u8,
    /// 2 to [`MAX_OPTIONS`] answers, in the order readers see them.
    pub options: Vec<PollOption>,
    /// Who sees the tally.
    pub results: ResultsPolicy,
    /// Whether a ballot may be changed and withdrawn while the poll is open.
    pub changeable: bool,
    /// When votes are taken.
    pub schedule: Schedule,
    /// Which version of the definition this is.
    pub revision: Revision,
    /// When it was created, by the store's clock.
    pub created_at: Timestamp,
    /// When this revision was made, by the store's clock.
    pub updated_at: Timestamp,
    /// How many independent slices its voters fall into; fixed at creation.
    pub partitions: u16,
    /// What its voters' digests are keyed with; fixed at creation.
    pub digest_key: DigestKey,
}

impl Poll {
    /// The state at a moment.
    pub fn state_at(&self, now: Timestamp) -> State {
        self.schedule.state_at(now)
    }

    /// Whether votes are counted in the same slots as in another revision of this poll.
    pub fn counts_like(&self, other: &Self) -> bool {
        same_slots(&self.options, &other.options)
    }
}

/// A poll as a publisher asks for it. `None` means: as it usually is.
#[derive(Debug, Clone, Default)]
pub struct NewPoll {
    /// The question: at most 500 characters.
    pub question: String,
    /// Default `ar`.
    pub language: Option<String>,
    /// Default `single`.
    pub kind: Option<Kind>,
    /// Default 1.
    pub min_choices: Option<u64>,
    /// Default 1 if single, else as many as there are options.
    pub max_choices: Option<u64>,
    /// 2 to 32 answers.
    pub options: Vec<NewOption>,
    /// Default `always`.
    pub results: Option<ResultsPolicy>,
    /// Default `false`.
    pub changeable: Option<bool>,
    /// Default `None`: opens when it is published.
    pub opens_at: Option<Timestamp>,
    /// Default `None`: closes when somebody closes it.
    pub closes_at: Option<Timestamp>,
    /// Stays a draft, which readers don't see, until it is opened.
    pub draft: bool,
}

/// One answer as a publisher asks for it.
#[derive(Debug, Clone, Default)]
pub struct NewOption {
    /// Default: its place, counted from 1.
    pub id: Option<String>,
    /// At most 200 characters.
    pub label: String,
}

/// One thing wrong with what a publisher sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The field, as a path from the body's root: `options[2].label`.
    pub field: String,
    /// What it must be, in words that follow the field's name.
    pub detail: String,
}

impl Violation {
    fn new(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { field: field.into(), detail: detail.into() }
    }
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
        partitions: u16,
        digest_key: DigestKey,
        now: Timestamp,
    ) -> Result<Poll, Vec<Violation>> {
        let mut check = Check::default();
        let kind = self.kind.unwrap_or(Kind::Single);
        let question = check.text("question", &self.question, QUESTION);
        let language = check.language(self.language.as_deref());
        let options = check.options(&self.options);
        let (min_choices, max_choices) = check.choices(kind, self.min_choices, self.max_choices, self.options.len());
        let phase = if self.draft { Phase::Draft } else { Phase::Live };
        let schedule = Schedule { phase, opens_at: self.opens_at, closes_at: self.closes_at };
        check.schedule(&schedule, now);
        check.finish(|| {
            Some(Poll {
                id,
                site,
                question: question?,
                language: language?,
                kind,
                min_choices,
                max_choices,
                options,
                results: self.results.unwrap_or(ResultsPolicy::Always),
                changeable: self.changeable.unwrap_or(false),
                schedule,
                revision: Revision::FIRST,
                created_at: now,
                updated_at: now,
                partitions,
                digest_key,
            })
        })
    }
}

/// What a publisher wants changed; `None` leaves a thing as it is.
#[derive(Debug, Clone, Default)]
pub struct PollEdit {
    /// A new wording.
    pub question: Option<String>,
    /// A new language.
    pub language: Option<String>,
    /// A new `min_choices`.
    pub min_choices: Option<u64>,
    /// A new `max_choices`.
    pub max_choices: Option<u64>,
    /// The whole list of options, in the order to show them.
    pub options: Option<Vec<NewOption>>,
    /// A new results policy.
    pub results: Option<ResultsPolicy>,
    /// A new rule on changes.
    pub changeable: Option<bool>,
    /// A new opening time, or (`Some(None)`) none.
    pub opens_at: Option<Option<Timestamp>>,
    /// A new closing time, or (`Some(None)`) none.
    pub closes_at: Option<Option<Timestamp>>,
}

/// Why an edit is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EditError {
    /// The poll is closed, and closed is final.
    Closed,
    /// The poll as it would be is not a valid one.
    Invalid(Vec<Violation>),
}

/// An edited poll.
#[derive(Debug, Clone)]
pub struct Edit {
    /// The poll as it is to be, one revision on.
    pub poll: Poll,
    /// Whether it would count or accept ballots differently: another set of options, other bounds on choices. The
    /// store makes such a change only while the poll has no ballots.
    pub reshapes: bool,
}

impl PollEdit {
    /// The poll after this edit.
    ///
    /// # Errors
    /// [`EditError::Closed`], or every violation found.
    pub fn apply(self, poll: &Poll, now: Timestamp) -> Result<Edit, EditError> {
        let state = poll.state_at(now);
        if state == State::Closed {
            return Err(EditError::Closed);
        }
        let mut check = Check::default();
        let mut edited = poll.clone();
        if let Some(question) = &self.question {
            edited.question = check.text("question", question, QUESTION).unwrap_or(edited.question);
        }
        if self.language.is_some() {
            edited.language = check.language(self.language.as_deref()).unwrap_or(edited.language);
        }
        if let Some(options) = &self.options {
            edited.options = keep_slots(check.options(options), &poll.options);
        }
        if self.options.is_some() || self.min_choices.is_some() || self.max_choices.is_some() {
            let min = self.min_choices.unwrap_or(poll.min_choices.into());
            // "As many as there are" goes on meaning that.
            let all_before = usize::from(poll.max_choices) == poll.options.len();
            let max_before =
                if all_before && poll.kind == Kind::Multiple { None } else { Some(poll.max_choices.into()) };
            let max = self.max_choices.or(max_before);
            (edited.min_choices, edited.max_choices) = check.choices(poll.kind, Some(min), max, edited.options.len());
        }
        edited.results = self.results.unwrap_or(poll.results);
        edited.changeable = self.changeable.unwrap_or(poll.changeable);
        if let Some(opens_at) = self.opens_at {
            if state == State::Open && opens_at != poll.schedule.opens_at {
                check.refuse("opens_at", "can't change: the poll is open");
            }
            edited.schedule.opens_at = opens_at;
        }
        if let Some(closes_at) = self.closes_at {
            edited.schedule.closes_at = closes_at;
        }
        check.schedule(&edited.schedule, now);
        let reshapes = edited.min_choices != poll.min_choices
            || edited.max_choices != poll.max_choices
            || !same_slots(&edited.options, &poll.options);
        edited.revision = poll.revision.next();
        edited.updated_at = now;
        check.finish(|| Some(Edit { poll: edited, reshapes })).map_err(EditError::Invalid)
    }
}

impl PollEdit {
    /// Whether a poll is already as this edit would have it.
    pub fn is_made_in(&self, poll: &Poll) -> bool {
        // By the time of its last edit: what was to come then may have passed.
        let edit = self.clone().apply(poll, poll.updated_at);
        edit.is_ok_and(|Edit { poll: edited, .. }| {
            Poll { revision: poll.revision, updated_at: poll.updated_at, ..edited } == *poll
        })
    }
}

/// The same set of options keeps its slots in whatever order it comes. Another set is numbered afresh, which the store
/// allows only while no slot holds a vote.
fn keep_slots(mut options: Vec<PollOption>, before: &[PollOption]) -> Vec<PollOption> {
    let slot_before = |id: &OptionId| before.iter().find(|old| old.id == *id).map(|old| old.slot);
    if options.len() == before.len() && options.iter().all(|option| slot_before(&option.id).is_some()) {
        for option in &mut options {
            option.slot = slot_before(&option.id).unwrap_or(option.slot);
        }
    }
    options
}

fn same_slots(one: &[PollOption], other: &[PollOption]) -> bool {
    one.len() == other.len()
        && one.iter().all(|option| other.iter().any(|old| (&old.id, old.slot) == (&option.id, option.slot)))
}

/// Gathers violations while a poll is checked.
#[derive(Default)]
struct Check {
    violations: Vec<Violation>,
}

impl Check {
    fn refuse(&mut self, field: impl Into<String>, detail: impl Into<String>) {
        self.violations.push(Violation::new(field, detail));
    }

    fn text(&mut self, field: &str, text: &str, limit: TextLimit) -> Option<Text> {
        Text::parse(text, limit).map_err(|detail| self.refuse(field, detail)).ok()
    }

    fn language(&mut self, language: Option<&str>) -> Option<Language> {
        let Some(language) = language else { return Some(Language::default()) };
        language.parse().map_err(|rule: super::InvalidId| self.refuse("language", rule.to_string())).ok()
    }

    /// The options that are valid, with slots in the order given.
    fn options(&mut self, options: &[NewOption]) -> Vec<PollOption> {
        if !(2..=MAX_OPTIONS).contains(&options.len()) {
            self.refuse("options", format!("must be 2 to {MAX_OPTIONS} options, is {}", options.len()));
            return Vec::new();
        }
        let mut checked: Vec<PollOption> = Vec::with_capacity(options.len());
        // What the labels before look like, and where they stand.
        let mut seen: Vec<(String, usize)> = Vec::with_capacity(options.len());
        for (index, (option, slot)) in options.iter().zip(0_u8..).enumerate() {
            let field = |name: &str| format!("options[{index}].{name}");
            let id = match &option.id {
                None => Some(OptionId::by_place(index)),
                Some(id) => {
                    id.parse().map_err(|rule: super::InvalidId| self.refuse(field("id"), rule.to_string())).ok()
                }
            };
            let label = self.text(&field("label"), &option.label, LABEL);
            let (Some(id), Some(label)) = (id, label) else { continue };
            let looks = appearance(label.as_str());
            if checked.iter().any(|other| other.id == id) {
                self.refuse(field("id"), format!("must be unique in the poll, and {id} already stands before it"));
            } else if let Some((_, before)) = seen.iter().find(|(other, _)| *other == looks) {
                let rule =
                    format!("must be one that readers can tell from options[{before}].label, and looks the same");
                self.refuse(field("label"), rule);
            }
            seen.push((looks, index));
            checked.push(PollOption { id, label, slot });
        }
        checked
    }

    fn choices(&mut self, kind: Kind, min: Option<u64>, max: Option<u64>, options: usize) -> (u8, u8) {
        let most = match kind {
            Kind::Single => 1,
            Kind::Multiple => u64::try_from(options.clamp(1, MAX_OPTIONS)).unwrap_or(1),
        };
        let (min, max) = (min.unwrap_or(1), max.unwrap_or(most));
        for (field, value) in [("min_choices", min), ("max_choices", max)] {
            if !(1..=most).contains(&value) {
                let rule = match kind {
                    Kind::Single => {
                        format!("must be 1, is {value}: in a poll of kind single a voter chooses one option")
                    }
                    Kind::Multiple => format!("must be from 1 to {most} (the number of options), is {value}"),
                };
                self.refuse(field, rule);
            }
        }
        if min > max {
            self.refuse("min_choices", format!("must not be more than max_choices ({max}), is {min}"));
        }
        (u8::try_from(min).unwrap_or(1), u8::try_from(max).unwrap_or(1))
    }

    fn schedule(&mut self, schedule: &Schedule, now: Timestamp) {
        let Some(closes_at) = schedule.closes_at else { return };
        if closes_at <= now && schedule.phase != Phase::Draft {
            self.refuse("closes_at", format!("must be in the future; now it is {now}"));
        }
        if schedule.opens_at.is_some_and(|opens_at| closes_at <= opens_at) {
            self.refuse("closes_at", "must be after opens_at");
        }
    }

    /// The value, unless anything was refused.
    fn finish<T>(self, value: impl FnOnce() -> Option<T>) -> Result<T, Vec<Violation>> {
        match value() {
            Some(value) if self.violations.is_empty() => Ok(value),
            _ => Err(self.violations),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::poll) fn poll_with(kind: Kind, min: u64, max: u64, options: &[&str]) -> Poll {
        new_poll(kind, min, max, options).unwrap()
    }

    fn new_poll(kind: Kind, min: u64, max: u64, options: &[&str]) -> Result<Poll, Vec<Violation>> {
        let option = |id: &&str| NewOption { id: Some((*id).to_owned()), label: format!("label of {id}") };
        let new = NewPoll {
            question: "هل تتوقع حل مجلس الأمة ؟".to_owned(),
            kind: Some(kind),
            min_choices: Some(min),
            max_choices: Some(max),
            options: options.iter().map(option).collect(),
            ..NewPoll::default()
        };
        build(new)
    }

    fn build(new: NewPoll) -> Result<Poll, Vec<Violation>> {
        new.build(PollId::generate(), SiteId::default(), 1, DigestKey::from_bytes([0; 32]), NOW)
    }

    const NOW: Timestamp = Timestamp::LATEST;

    fn fields(violations: Vec<Violation>) -> Vec<String> {
        violations.into_iter().map(|violation| violation.field).collect()
    }

    fn earlier(millis: i64) -> Timestamp {
        Timestamp::from_millis(NOW.as_millis() - millis)
    }

    #[test]
    fn every_violation_is_named_at_once() {
        let violations = build(NewPoll {
            question: " ".to_owned(),
            language: Some("Arabic!".to_owned()),
            max_choices: Some(2),
            options: vec![
                NewOption { id: Some("Yes".to_owned()), label: "نعم".to_owned() },
                NewOption { id: None, label: "\u{202E}لا".to_owned() },
            ],
            opens_at: Some(earlier(5)),
            closes_at: Some(earlier(5)),
            ..NewPoll::default()
        })
        .unwrap_err();
        assert_eq!(
            fields(violations),
            ["question", "language", "options[0].id", "options[1].label", "max_choices", "closes_at", "closes_at"]
        );
    }

    #[test]
    fn option_ids_default_to_their_place() {
        let label = |label: &str| NewOption { id: None, label: label.to_owned() };
        let new = NewPoll { question: "?".to_owned(), options: vec![label("a"), label("b")], ..NewPoll::default() };
        let poll = build(new).unwrap();
        let ids: Vec<&str> = poll.options.iter().map(|option| option.id.as_str()).collect();
        assert_eq!(ids, ["1", "2"]);
    }

    #[test]
    fn a_poll_has_2_to_32_distinct_options() {
        let names: Vec<String> = (0..33).map(|place| format!("o{place}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert!(new_poll(Kind::Single, 1, 1, &names[..32]).is_ok());
        assert_eq!(fields(new_poll(Kind::Single, 1, 1, &names).unwrap_err()), ["options"]);
        assert_eq!(fields(new_poll(Kind::Single, 1, 1, &["a"]).unwrap_err()), ["options"]);
        assert_eq!(fields(new_poll(Kind::Single, 1, 1, &["a", "a"]).unwrap_err()), ["options[1].id"]);
    }

    #[test]
    fn options_that_readers_can_not_tell_apart_are_refused_and_both_are_named() {
        let build_with = |labels: &[&str]| {
            let option = |label: &&str| NewOption { id: None, label: (*label).to_owned() };
            let options = labels.iter().map(option).collect();
            build(NewPoll { question: "?".to_owned(), options, ..NewPoll::default() })
        };
        let refused = build_with(&["لا", "نعم", "نعم\u{200F}"]).unwrap_err();
        assert!(refused[0].detail.contains("options[1].label"), "{refused:?}");
        assert_eq!(fields(refused), ["options[2].label"]);
        assert_eq!(fields(build_with(&["نعم", "نعـم", "نعم"]).unwrap_err()), ["options[1].label", "options[2].label"]);
        assert_eq!(fields(build_with(&["نعم", "\u{200F}\u{FEFF}"]).unwrap_err()), ["options[1].label"]);
        assert!(build_with(&["نعم", "نَعم", "Yes", "yes"]).is_ok());
        let poll = build_with(&["نعم", "لا"]).unwrap();
        let options = ["نعم", "نعم\u{200B}"].map(|label| NewOption { id: None, label: label.to_owned() });
        let edit = PollEdit { options: Some(options.into()), ..PollEdit::default() };
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

    #[test]
    fn wording_and_order_may_change_without_reshaping() {
        let poll = poll_with(Kind::Single, 1, 1, &["yes", "no"]);
        let swapped = vec![
            NewOption { id: Some("no".to_owned()), label: "كلا".to_owned() },
            NewOption { id: Some("yes".to_owned()), label: "أجل".to_owned() },
        ];
        let edit = PollEdit { options: Some(swapped), ..PollEdit::default() }.apply(&poll, earlier(9)).unwrap();
        assert!(!edit.reshapes);
        assert_eq!(edit.poll.revision, Revision(2));
        let shown: Vec<(&str, u8)> = edit.poll.options.iter().map(|option| (option.id.as_str(), option.slot)).collect();
        assert_eq!(shown, [("no", 1), ("yes", 0)]);
    }

    #[test]
    fn another_set_of_options_reshapes() {
        let poll = poll_with(Kind::Multiple, 1, 2, &["a", "b", "c"]);
        let options = |ids: &[&str]| {
            let option = |id: &&str| NewOption { id: Some((*id).to_owned()), label: (*id).to_owned() };
            Some(ids.iter().map(option).collect())
        };
        for (edit, what) in [
            (PollEdit { options: options(&["a", "b"]), ..PollEdit::default() }, "one fewer"),
            (PollEdit { options: options(&["a", "b", "c", "d"]), ..PollEdit::default() }, "one more"),
            (PollEdit { options: options(&["a", "b", "d"]), ..PollEdit::default() }, "one exchanged"),
            (PollEdit { max_choices: Some(3), ..PollEdit::default() }, "another bound"),
            (PollEdit { max_choices: Some(1), ..PollEdit::default() }, "a lower bound"),
        ] {
            let edit = edit.apply(&poll, earlier(9)).unwrap();
            assert!(edit.reshapes, "{what}");
            let mut slots: Vec<u8> = edit.poll.options.iter().map(|option| option.slot).collect();
            slots.sort_unstable();
            assert!(slots.iter().copied().map(usize::from).eq(0..slots.len()), "{what}");
        }
    }

    #[test]
    fn an_edit_is_known_again_in_the_poll_it_made() {
        let poll = poll_with(Kind::Single, 1, 1, &["yes", "no"]);
        let option = |id: &str| NewOption { id: Some(id.to_owned()), label: format!("label of {id}") };
        let with_three = PollEdit { options: Some(vec![option("a"), option("b"), option("c")]), ..PollEdit::default() };
        let closing = PollEdit { closes_at: Some(Some(earlier(5))), ..PollEdit::default() };
        let reworded = PollEdit { question: Some(" سؤال  آخر ".to_owned()), ..PollEdit::default() };
        for edit in [with_three, closing, reworded] {
            assert!(!edit.is_made_in(&poll));
            let mut edited = edit.clone().apply(&poll, earlier(9)).unwrap().poll;
            assert!(edit.is_made_in(&edited));
            edited.revision = Revision(7);
            edited.results = ResultsPolicy::Never;
            assert!(edit.is_made_in(&edited), "another edit came after it, of something else");
            edited.options.pop();
            edited.schedule.closes_at = None;
            edited.question = poll.question.clone();
            assert!(!edit.is_made_in(&edited));
        }
    }

    #[test]
    fn a_closed_poll_is_never_edited() {
        let mut poll = poll_with(Kind::Single, 1, 1, &["yes", "no"]);
        poll.schedule.closes_at = Some(earlier(10));
        let edit = || PollEdit { question: Some("?".to_owned()), ..PollEdit::default() };
        assert_eq!(edit().apply(&poll, earlier(10)).unwrap_err(), EditError::Closed);
        assert!(edit().apply(&poll, earlier(11)).is_ok());
        poll.schedule = Schedule { phase: Phase::Closed, opens_at: None, closes_at: None };
        assert_eq!(edit().apply(&poll, earlier(11)).unwrap_err(), EditError::Closed);
    }
}
