//! A poll as an editor has typed it, right or wrong: what a form shows again, and what is asked for with it.
//!
//! - [`asked`]: the poll, template or edit that is meant; [`faults`]: what is wrong, by the form's fields; [`merge`]: what two
//!   editors have typed at once.

mod asked;
mod faults;
mod merge;

use serde::{Deserialize, Serialize};

pub use faults::{FaultReason, FormFault, TypedField};
pub use merge::pick;

use crate::{
    newsroom::fields::number,
    poll::{Kind, OTHER, Poll, PollDefaults, ResultsPolicy, Steps, TallyDisplay, Text, TimeZone, Timestamp},
};

/// What a poll can be, as the form offers it: each kind, and in place of the one that has a scale, each scale.
pub fn typed_kinds() -> impl Iterator<Item = &'static str> {
    let of_form = |kind: Kind| if kind.has_scale() { [Some(STARS), Some(SCALE)] } else { [Some(kind.as_str()), None] };
    Kind::ALL.into_iter().flat_map(of_form).flatten()
}

/// What a kind says of itself, as words for the style sheet: what stands in the form with one that is called so there.
pub fn traits_of(typed_kind: &str) -> String {
    let Some(kind) = kind_called(typed_kind) else { return String::new() };
    let traits = [
        ("several", kind.takes_several()),
        ("right-answer", kind.has_right_answer()),
        ("open-answers", kind.takes_open_answers()),
        ("own-order", kind.has_own_order()),
        ("scale", kind.has_scale()),
        ("pressed", kind.is_pressed()),
    ];
    traits.into_iter().filter(|(_, has_it)| *has_it).map(|(name, _)| name).collect::<Vec<_>>().join(" ")
}

fn kind_called(typed_kind: &str) -> Option<Kind> {
    match typed_kind {
        STARS | SCALE => Some(Kind::Rating),
        kind => serde_json::from_value(kind.into()).ok(),
    }
}

const STARS: &str = "stars";
const SCALE: &str = "scale";

/// How a tally can be told while the poll is open.
pub const TYPED_DISPLAYS: [&str; 3] = ["exact", "percent", "delayed"];

/// A poll as it was typed. Everything is text, as it stood in the form.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a box of the form, ticked or not")]
pub struct TypedPoll {
    /// One of [`typed_kinds`].
    pub kind: String,
    pub question: String,
    /// The language of question and answers.
    pub language: String,
    /// The answers, in their order.
    pub options: Vec<TypedOption>,
    /// What the lowest step of a scale means.
    pub low_label: String,
    /// What the highest step means.
    pub high_label: String,
    /// Whether readers may say something else.
    pub open_answer: bool,
    /// How many a reader must choose of several; empty: one.
    pub min_choices: String,
    /// How many they may choose; empty: as many as there are.
    pub max_choices: String,
    /// One of [`ResultsPolicy::NAMES`].
    pub results: String,
    /// Whether readers may change their vote.
    pub changeable: bool,
    /// When it opens, on the clock of the site's zone: `2026-11-30T18:00`; empty: when it is published.
    pub opens_at: String,
    /// When it closes; empty: when somebody closes it.
    pub closes_at: String,
    /// The article it belongs to.
    pub article_url: String,
    /// The place of the right answer, counted from 1; empty: none is right or wrong.
    pub correct: String,
    /// Why that is right.
    pub explanation: String,
    /// Under how many ballots nothing is shown; empty: no such number.
    pub minimum_ballots: String,
    /// How the tally is told while the poll is open: one of [`TYPED_DISPLAYS`].
    pub display: String,
    /// Whether readers see the answers in an order of their own.
    pub shuffle: bool,
    /// Who asks.
    pub asked_by: String,
    /// Who pays.
    pub paid_by: String,
    /// Under which licence the results may be used.
    pub licence: String,
    /// What else is to be said of it.
    pub disclosure_note: String,
    /// What a reader is told after their vote.
    pub thanks: String,
    /// Where they may go on to.
    pub link_url: String,
    /// What that is called.
    pub link_label: String,
    /// The id of the poll that comes next.
    pub next: String,
    /// Why it is reworded, in an edit of a poll that has ballots.
    pub reason: String,
    /// Whether it only corrects the spelling.
    pub correction: bool,
}

/// One answer as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TypedOption {
    /// Its id; empty in a new one.
    pub id: String,
    /// Its emoji, in a reaction.
    pub emoji: String,
    /// What readers see.
    pub label: String,
    /// What is said below it.
    pub note: String,
    /// The address of its image.
    pub image_url: String,
    /// What stands for the image where it is not seen.
    pub image_alt: String,
}

impl TypedPoll {
    /// A form that nothing was typed into, of an editor who reads this language, at a site that wants this of its
    /// polls.
    pub fn blank(language: &str, defaults: &PollDefaults) -> Self {
        Self {
            kind: "single".to_owned(),
            language: defaults.language.as_ref().map_or_else(|| language.to_owned(), ToString::to_string),
            options: vec![TypedOption::default(); 2],
            results: defaults.results.unwrap_or(ResultsPolicy::Always).as_str().to_owned(),
            display: "exact".to_owned(),
            ..Self::default()
        }
    }

    /// A poll as the form shows it.
    pub fn of(poll: &Poll, timezone: &TimeZone) -> Self {
        let optional = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let (scale, quiz) = (poll.scale.as_ref(), poll.quiz.as_ref());
        let kind = match (poll.kind, scale.map(|scale| scale.steps)) {
            (_, Some(Steps::Stars)) => STARS,
            (_, Some(Steps::ZeroToTen)) => SCALE,
            (kind, None) => kind.as_str(),
        };
        let of_form = poll.options.iter().filter(|option| !(poll.open_answer && option.id.as_str() == OTHER));
        let option = |option: &crate::poll::PollOption| TypedOption {
            id: option.id.to_string(),
            emoji: optional(option.emoji.as_ref().map(crate::poll::Emoji::as_str)),
            label: option.label.to_string(),
            note: optional(option.note.as_ref().map(Text::as_str)),
            image_url: optional(option.image.as_ref().map(|image| image.url.as_str())),
            image_alt: optional(option.image.as_ref().map(|image| image.alt.as_str())),
        };
        let correct = quiz.and_then(|quiz| poll.options.iter().position(|option| option.id == quiz.correct));
        let time = |at: Option<Timestamp>| at.map(|at| timezone.form_time(at)).unwrap_or_default();
        let is_all = usize::from(poll.max_choices) == poll.options.len();
        Self {
            kind: kind.to_owned(),
            question: poll.question.to_string(),
            language: poll.language.to_string(),
            options: if scale.is_some() { Vec::new() } else { of_form.map(option).collect() },
            low_label: optional(scale.and_then(|scale| scale.low_label.as_ref()).map(Text::as_str)),
            high_label: optional(scale.and_then(|scale| scale.high_label.as_ref()).map(Text::as_str)),
            open_answer: poll.open_answer,
            min_choices: Some(poll.min_choices).filter(|min| *min > 1).map(|min| min.to_string()).unwrap_or_default(),
            max_choices: if poll.kind.takes_several() && !is_all {
                poll.max_choices.to_string()
            } else {
                String::new()
            },
            results: poll.results.as_str().to_owned(),
            changeable: poll.changeable,
            opens_at: time(poll.schedule.opens_at),
            closes_at: time(poll.schedule.closes_at),
            article_url: optional(poll.article_url.as_ref().map(crate::poll::WebAddress::as_str)),
            correct: correct.map(|place| (place + 1).to_string()).unwrap_or_default(),
            explanation: optional(quiz.and_then(|quiz| quiz.explanation.as_ref()).map(Text::as_str)),
            minimum_ballots: Some(poll.minimum_ballots)
                .filter(|minimum| *minimum > 0)
                .map(|minimum| minimum.to_string())
                .unwrap_or_default(),
            display: match poll.display {
                TallyDisplay::Exact => "exact",
                TallyDisplay::Percent => "percent",
                TallyDisplay::Delayed => "delayed",
            }
            .to_owned(),
            shuffle: poll.shuffle,
            ..Self::default()
        }
        .with_words_of(poll)
    }

    /// The same with what is said around the poll.
    fn with_words_of(self, poll: &Poll) -> Self {
        let text = |text: Option<&Text>| text.map(ToString::to_string).unwrap_or_default();
        let (disclosure, after) = (poll.disclosure.as_ref(), poll.after_vote.as_ref());
        let link = after.and_then(|after| after.link.as_ref());
        Self {
            asked_by: text(disclosure.and_then(|disclosure| disclosure.asked_by.as_ref())),
            paid_by: text(disclosure.and_then(|disclosure| disclosure.paid_by.as_ref())),
            licence: text(disclosure.and_then(|disclosure| disclosure.licence.as_ref())),
            disclosure_note: text(disclosure.and_then(|disclosure| disclosure.note.as_ref())),
            thanks: text(after.and_then(|after| after.thanks.as_ref())),
            link_url: link.map(|link| link.url.as_str().to_owned()).unwrap_or_default(),
            link_label: text(link.map(|link| &link.label)),
            next: after.and_then(|after| after.next).map(|next| next.to_string()).unwrap_or_default(),
            ..self
        }
    }

    /// The kind it is of.
    fn poll_kind(&self) -> Option<Kind> {
        kind_called(&self.kind)
    }

    /// What its kind says of itself. See [`traits_of`].
    pub fn traits(&self) -> String {
        traits_of(&self.kind)
    }

    /// Whether its kind is known, and says so of itself.
    fn kind_says(&self, rule: fn(Kind) -> bool) -> bool {
        self.poll_kind().is_some_and(rule)
    }

    fn has_options(&self) -> bool {
        !self.kind_says(Kind::has_scale)
    }

    /// The options that something was typed for.
    fn filled(&self) -> impl Iterator<Item = (usize, &TypedOption)> {
        self.options.iter().enumerate().filter(|(_, option)| option.is_filled())
    }

    /// The right answer of a quiz.
    pub fn right(&self) -> Option<&TypedOption> {
        self.options.get(number::<usize>(&self.correct)?.checked_sub(1)?)
    }
}

impl TypedOption {
    /// Whether it is one, rather than room for one.
    pub fn is_filled(&self) -> bool {
        !(self.label.trim().is_empty() && self.emoji.trim().is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poll::{DigestKey, Partitions, PollFields, PollId, SiteId};

    fn typed(labels: &[&str]) -> TypedPoll {
        let option = |label: &&str| TypedOption { label: (*label).to_owned(), ..TypedOption::default() };
        let options = labels.iter().map(option).collect();
        TypedPoll {
            question: "هل تتوقع حل مجلس الأمة؟".to_owned(),
            options,
            ..TypedPoll::blank("ar", &PollDefaults::default())
        }
    }

    fn build(typed: &TypedPoll, timezone: &TimeZone) -> Result<Poll, Vec<FormFault>> {
        let key = DigestKey::from_bytes([0; 32]);
        let now = "2026-11-29T12:00:00Z".parse().unwrap();
        let new = typed.new_poll(false, timezone, now)?;
        new.build(PollId::generate(), SiteId::default(), Partitions::unplaced(1), key, now)
            .map_err(|violations| typed.faults(&violations))
    }

    fn kuwait() -> TimeZone {
        "Asia/Kuwait".parse().unwrap()
    }

    #[test]
    fn a_poll_comes_out_of_the_form_as_it_went_in() {
        for kind in typed_kinds() {
            let mut asked = typed(&["نعم", "لا", "ربما"]);
            asked.kind = kind.to_owned();
            asked.results = "after_vote".to_owned();
            (asked.opens_at, asked.closes_at) = ("2026-11-30T18:00".to_owned(), "2026-12-01T00:30".to_owned());
            match kind {
                "stars" | "scale" => {
                    (asked.low_label, asked.options) = ("سيئ".to_owned(), Vec::new());
                    asked.changeable = true;
                }
                "reaction" => asked.changeable = true,
                "multiple" => {
                    (asked.min_choices, asked.max_choices) = ("2".to_owned(), "3".to_owned());
                    asked.open_answer = true;
                }
                "ranked" => (asked.min_choices, asked.max_choices) = ("2".to_owned(), "2".to_owned()),
                "single" => (asked.correct, asked.explanation) = ("2".to_owned(), "لأن".to_owned()),
                _ => {}
            }
            let poll = build(&asked, &kuwait()).unwrap_or_else(|faults| panic!("{kind}: {faults:?}"));
            let shown = TypedPoll::of(&poll, &kuwait());
            for (place, option) in asked.options.iter_mut().enumerate() {
                option.id = (place + 1).to_string();
            }
            assert_eq!(shown, asked, "{kind}");
            let edit = shown.edit(&shown, &kuwait(), (&poll, poll.created_at));
            assert_eq!(edit, Ok(PollFields::default()), "{kind}: an edit of nothing");
            assert_eq!(poll.schedule.opens_at, Some("2026-11-30T15:00:00Z".parse().unwrap()));
        }
    }

    #[test]
    fn what_is_wrong_is_said_at_its_field_also_behind_one_that_was_left_empty() {
        let asked = typed(&["نعم", "", "نعم"]);
        let faults = build(&asked, &TimeZone::UTC).unwrap_err();
        assert_eq!(faults, [FormFault { field: TypedField::Label, place: Some(2), why: FaultReason::LooksSame }]);
        let mut late = typed(&["نعم", "لا"]);
        late.closes_at = "2026-11-28T10:00".to_owned();
        assert_eq!(build(&late, &TimeZone::UTC).unwrap_err()[0].field, TypedField::ClosesAt);
        late.closes_at = "tomorrow".to_owned();
        assert_eq!(build(&late, &TimeZone::UTC).unwrap_err()[0].field, TypedField::ClosesAt);
        assert_eq!(build(&typed(&["نعم"]), &TimeZone::UTC).unwrap_err()[0].field, TypedField::Options);
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once_also_beside_what_cannot_be_read() {
        let mut asked = typed(&["نعم", "نعم"]);
        (asked.closes_at, asked.minimum_ballots) = ("tomorrow".to_owned(), "many".to_owned());
        asked.question = String::new();
        let fields = |faults: Vec<FormFault>| faults.into_iter().map(|fault| fault.field).collect::<Vec<_>>();
        let all = [TypedField::ClosesAt, TypedField::MinimumBallots, TypedField::Question, TypedField::Label];
        assert_eq!(fields(build(&asked, &TimeZone::UTC).unwrap_err()), all);
        let base = typed(&["نعم", "لا"]);
        let poll = build(&base, &TimeZone::UTC).unwrap();
        let edit = asked.edit(&base, &TimeZone::UTC, (&poll, poll.created_at));
        assert_eq!(fields(edit.unwrap_err()), all);
        // Why an answer is right is not dropped where none is: it is told of.
        let mut unexplained = typed(&["نعم", "لا"]);
        unexplained.explanation = "لأن".to_owned();
        assert_eq!(fields(build(&unexplained, &TimeZone::UTC).unwrap_err()), [TypedField::Explanation]);
    }

    #[test]
    fn whoever_empties_a_bound_has_the_usual_one() {
        let mut asked = typed(&["نعم", "لا", "ربما"]);
        (asked.kind, asked.open_answer) = ("multiple".to_owned(), true);
        (asked.min_choices, asked.max_choices) = ("2".to_owned(), "2".to_owned());
        let poll = build(&asked, &TimeZone::UTC).unwrap();
        let base = TypedPoll::of(&poll, &TimeZone::UTC);
        let emptied = TypedPoll { min_choices: String::new(), max_choices: String::new(), ..base.clone() };
        let edit = emptied.edit(&base, &TimeZone::UTC, (&poll, poll.created_at)).unwrap();
        let edited = edit.apply(&poll, poll.created_at).unwrap().poll;
        // The readers' own words are one more answer.
        assert_eq!((edited.min_choices, edited.max_choices), (1, 4));
    }

    #[test]
    fn of_two_editors_each_keeps_what_they_changed() {
        let base = typed(&["نعم", "لا"]);
        let mut first = base.clone();
        first.question = "سؤال آخر؟".to_owned();
        let mut second = base.clone();
        second.closes_at = "2026-12-01T00:30".to_owned();
        let both = second.onto(&base, &first);
        assert_eq!((&both.question, &both.closes_at), (&first.question, &second.closes_at));
        let poll = build(&first, &TimeZone::UTC).unwrap();
        let edit = both.edit(&first, &TimeZone::UTC, (&poll, poll.created_at)).unwrap();
        assert!(edit.question.is_none() && edit.closes_at.is_some());
    }

    #[test]
    fn the_right_answer_stays_the_same_where_two_editors_change_the_list() {
        let with_ids = |ids: &[&str], right: &str| {
            let mut typed = typed(ids);
            for (option, id) in typed.options.iter_mut().zip(ids) {
                if let Some(id) = id.strip_prefix('#') {
                    id.clone_into(&mut option.id);
                }
            }
            typed.correct = ids.iter().position(|id| *id == right).map(|at| (at + 1).to_string()).unwrap_or_default();
            typed
        };
        let right = |mine: &TypedPoll, base: &TypedPoll, theirs: &TypedPoll| {
            let both = mine.onto(base, theirs);
            both.right().map(|option| option.label.clone()).unwrap_or_default()
        };
        let base = with_ids(&["#1", "#2", "#3"], "#2");
        // Nobody has chosen another: one of them took out the first, or put the list in another order.
        let fewer = with_ids(&["#2", "#3"], "#2");
        let turned = with_ids(&["#3", "#2", "#1"], "#2");
        let reworded = TypedPoll { question: "سؤال آخر؟".to_owned(), ..base.clone() };
        for (mine, theirs) in [(&fewer, &reworded), (&reworded, &fewer), (&turned, &reworded), (&fewer, &turned)] {
            assert_eq!(right(mine, &base, theirs), "#2");
        }
        // Either has chosen another, also one that is new; if both have, it is mine.
        assert_eq!(right(&reworded, &base, &with_ids(&["#3", "#2"], "#3")), "#3");
        assert_eq!(right(&with_ids(&["#2", "new", "#3"], "new"), &base, &with_ids(&["#3", "#2"], "#3")), "new");
        // What is taken out is right no longer, and neither is what stands in its place.
        assert_eq!(right(&with_ids(&["#1", "#3"], ""), &base, &reworded), "");
    }

    #[test]
    fn a_poll_for_which_no_disclosure_is_typed_has_that_of_its_site() {
        let now = "2026-11-29T12:00:00Z".parse().unwrap();
        let mut asked = typed(&["نعم", "لا"]);
        assert_eq!(asked.new_poll(false, &kuwait(), now).unwrap().fields.disclosure, None);
        asked.paid_by = "ديوان".to_owned();
        assert!(matches!(asked.new_poll(false, &kuwait(), now).unwrap().fields.disclosure, Some(Some(_))));
    }
}
