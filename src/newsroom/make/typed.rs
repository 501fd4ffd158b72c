//! A poll as an editor has typed it, right or wrong: what a form shows again, and what is asked for with it.

use serde::{Deserialize, Serialize};

use crate::{
    newsroom::fields::number,
    poll::{
        Kind, Mistake, NewAfterVote, NewDisclosure, NewImage, NewOption, NewPoll, NewScale, OTHER, Poll, PollFields,
        ResultsPolicy, Steps, TallyDisplay, Text, TimeZone, Timestamp, Violation, is_refused,
    },
};

/// What a poll can be, as the form offers it: a kind, and for a rating its scale.
pub const TYPED_KINDS: [&str; 6] = ["single", "multiple", "stars", "scale", "reaction", "ranked"];

/// To whom results can be shown.
pub const TYPED_POLICIES: [&str; 4] = ["always", "after_vote", "after_close", "never"];

/// How a tally can be told while the poll is open.
pub const TYPED_DISPLAYS: [&str; 3] = ["exact", "percent", "delayed"];

/// A poll as it was typed. Everything is text, as it stood in the form.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a box of the form, ticked or not")]
pub struct TypedPoll {
    /// One of [`TYPED_KINDS`].
    pub kind: String,
    /// The question.
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
    /// How many a reader may choose of several; empty: as many as there are.
    pub max_choices: String,
    /// One of [`TYPED_POLICIES`].
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

/// Why what was typed in a field can't stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultReason {
    /// As the field says.
    Usual,
    /// Readers can't tell it from another.
    LooksSame,
    /// It holds a character that can't be seen.
    Unseen,
}

/// What is wrong in a form: the name of its field, and which of the texts says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormFault {
    /// The field.
    pub field: TypedField,
    /// Of several with this name, the place of the one, counted from 0.
    pub place: Option<usize>,
    /// Which of its texts.
    pub why: FaultReason,
}

/// A field of the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are named as the fields of a typed poll")]
pub enum TypedField {
    Question,
    Options,
    Emoji,
    Label,
    Note,
    Image,
    MaxChoices,
    OpensAt,
    ClosesAt,
    ArticleUrl,
    Correct,
    Explanation,
    Changeable,
    OpenAnswer,
    Scale,
    MinimumBallots,
    Disclosure,
    AfterVote,
    Reason,
    Other,
}

impl TypedPoll {
    /// A form that nothing was typed into.
    pub fn blank(language: &str) -> Self {
        Self {
            kind: "single".to_owned(),
            language: language.to_owned(),
            options: vec![TypedOption::default(); 2],
            results: "always".to_owned(),
            display: "exact".to_owned(),
            ..Self::default()
        }
    }

    /// A poll as the form shows it.
    pub fn of(poll: &Poll, timezone: &TimeZone) -> Self {
        let optional = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let (scale, quiz) = (poll.scale.as_ref(), poll.quiz.as_ref());
        let kind = match (poll.kind, scale.map(|scale| scale.steps)) {
            (_, Some(Steps::Stars)) => "stars",
            (_, Some(Steps::ZeroToTen)) => "scale",
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
            max_choices: if poll.kind == Kind::Multiple && !is_all {
                poll.max_choices.to_string()
            } else {
                String::new()
            },
            results: match poll.results {
                ResultsPolicy::Always => "always",
                ResultsPolicy::AfterVote => "after_vote",
                ResultsPolicy::AfterClose => "after_close",
                ResultsPolicy::Never => "never",
            }
            .to_owned(),
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
        match self.kind.as_str() {
            "stars" | "scale" => Some(Kind::Rating),
            kind => serde_json::from_value(kind.into()).ok(),
        }
    }

    fn has_options(&self) -> bool {
        self.poll_kind() != Some(Kind::Rating)
    }

    /// The options that something was typed for.
    fn filled(&self) -> impl Iterator<Item = (usize, &TypedOption)> {
        let is_filled = |option: &TypedOption| !(option.label.trim().is_empty() && option.emoji.trim().is_empty());
        self.options.iter().enumerate().filter(move |(_, option)| is_filled(option))
    }

    /// The poll that is asked for.
    ///
    /// # Errors
    /// What can't be asked for at all.
    pub fn new_poll(&self, draft: bool, timezone: &TimeZone) -> Result<NewPoll, Vec<FormFault>> {
        let kind = self.poll_kind();
        let mut fields = self.fields(timezone)?;
        if fields.correct == Some(None) {
            (fields.correct, fields.explanation) = (None, None);
        }
        Ok(NewPoll { kind, draft, open_answer: self.open_answer && self.takes_open_answer(), fields })
    }

    /// The pattern of a template that is asked for, without what is of one poll alone.
    ///
    /// # Errors
    /// What can't be asked for at all.
    pub fn new_template(&self) -> Result<NewPoll, Vec<FormFault>> {
        let fields = self.fields(&TimeZone::UTC)?;
        let fields = PollFields {
            opens_at: None,
            closes_at: None,
            article_url: None,
            correct: None,
            explanation: None,
            // Where nothing is said, the site's own is taken.
            disclosure: fields.disclosure.clone().filter(Option::is_some),
            ..fields
        };
        Ok(NewPoll { kind: self.poll_kind(), draft: false, open_answer: false, fields })
    }

    /// What an edit asks for: what differs from how the poll was when the form was shown.
    ///
    /// # Errors
    /// What can't be asked for at all.
    pub fn edit(&self, base: &Self, timezone: &TimeZone) -> Result<PollFields, Vec<FormFault>> {
        let (now, before) = (self.fields(timezone)?, base.fields(timezone).unwrap_or_default());
        let is_reworded = now.question != before.question || now.options != before.options;
        let reason = Some(self.reason.trim().to_owned()).filter(|reason| !reason.is_empty() && is_reworded);
        Ok(PollFields {
            reason,
            correction: (self.correction && is_reworded).then_some(true),
            question: changed(now.question, before.question.as_ref()),
            language: changed(now.language, before.language.as_ref()),
            scale: changed(now.scale, before.scale.as_ref()),
            max_choices: changed(now.max_choices, before.max_choices.as_ref()),
            options: changed(now.options, before.options.as_ref()),
            results: changed(now.results, before.results.as_ref()),
            changeable: changed(now.changeable, before.changeable.as_ref()),
            opens_at: changed(now.opens_at, before.opens_at.as_ref()),
            closes_at: changed(now.closes_at, before.closes_at.as_ref()),
            article_url: changed(now.article_url, before.article_url.as_ref()),
            correct: changed(now.correct, before.correct.as_ref()),
            explanation: changed(now.explanation, before.explanation.as_ref()),
            minimum_ballots: changed(now.minimum_ballots, before.minimum_ballots.as_ref()),
            display: changed(now.display, before.display.as_ref()),
            shuffle: changed(now.shuffle, before.shuffle.as_ref()),
            disclosure: changed(now.disclosure, before.disclosure.as_ref()),
            after_vote: changed(now.after_vote, before.after_vote.as_ref()),
            ..PollFields::default()
        })
    }

    /// What was typed onto what somebody else has made of the poll meanwhile: of both, each change since `base`; where
    /// both changed the same, this one.
    #[must_use]
    pub fn onto(&self, base: &Self, theirs: &Self) -> Self {
        Self {
            kind: theirs.kind.clone(),
            question: pick(&self.question, &base.question, &theirs.question),
            language: pick(&self.language, &base.language, &theirs.language),
            options: merged(&self.options, &base.options, &theirs.options),
            low_label: pick(&self.low_label, &base.low_label, &theirs.low_label),
            high_label: pick(&self.high_label, &base.high_label, &theirs.high_label),
            open_answer: theirs.open_answer,
            max_choices: pick(&self.max_choices, &base.max_choices, &theirs.max_choices),
            results: pick(&self.results, &base.results, &theirs.results),
            changeable: pick(&self.changeable, &base.changeable, &theirs.changeable),
            opens_at: pick(&self.opens_at, &base.opens_at, &theirs.opens_at),
            closes_at: pick(&self.closes_at, &base.closes_at, &theirs.closes_at),
            article_url: pick(&self.article_url, &base.article_url, &theirs.article_url),
            correct: pick(&self.correct, &base.correct, &theirs.correct),
            explanation: pick(&self.explanation, &base.explanation, &theirs.explanation),
            minimum_ballots: pick(&self.minimum_ballots, &base.minimum_ballots, &theirs.minimum_ballots),
            display: pick(&self.display, &base.display, &theirs.display),
            shuffle: pick(&self.shuffle, &base.shuffle, &theirs.shuffle),
            asked_by: pick(&self.asked_by, &base.asked_by, &theirs.asked_by),
            paid_by: pick(&self.paid_by, &base.paid_by, &theirs.paid_by),
            licence: pick(&self.licence, &base.licence, &theirs.licence),
            disclosure_note: pick(&self.disclosure_note, &base.disclosure_note, &theirs.disclosure_note),
            thanks: pick(&self.thanks, &base.thanks, &theirs.thanks),
            link_url: pick(&self.link_url, &base.link_url, &theirs.link_url),
            link_label: pick(&self.link_label, &base.link_label, &theirs.link_label),
            next: pick(&self.next, &base.next, &theirs.next),
            reason: self.reason.clone(),
            correction: self.correction,
        }
    }

    fn takes_open_answer(&self) -> bool {
        matches!(self.kind.as_str(), "single" | "multiple")
    }

    fn fields(&self, timezone: &TimeZone) -> Result<PollFields, Vec<FormFault>> {
        let mut faults = Vec::new();
        let some = filled;
        let mut time = |field, text: &str| match some(text) {
            None => None,
            Some(text) => timezone.at_form_time(&text).or_else(|| {
                faults.push(FormFault { field, place: None, why: FaultReason::Usual });
                None
            }),
        };
        let opens_at = time(TypedField::OpensAt, &self.opens_at);
        let closes_at = time(TypedField::ClosesAt, &self.closes_at);
        let max_choices = match some(&self.max_choices).filter(|_| self.kind == "multiple") {
            None => None,
            Some(text) => number(&text).or_else(|| {
                faults.push(FormFault { field: TypedField::MaxChoices, place: None, why: FaultReason::Usual });
                None
            }),
        };
        let minimum_ballots = match some(&self.minimum_ballots) {
            None => 0,
            Some(text) => number(&text).unwrap_or_else(|| {
                faults.push(FormFault { field: TypedField::MinimumBallots, place: None, why: FaultReason::Usual });
                0
            }),
        };
        let is_reaction = self.kind == "reaction";
        let option = |(_, option): (usize, &TypedOption)| NewOption {
            id: some(&option.id),
            emoji: some(&option.emoji).filter(|_| is_reaction),
            label: option.label.clone(),
            note: some(&option.note),
            image: some(&option.image_url).map(|url| NewImage { url, alt: option.image_alt.clone() }),
        };
        let mut options: Vec<NewOption> = self.filled().map(option).collect();
        name_new(&mut options);
        let correct = some(&self.correct).filter(|_| self.kind == "single").map(|place| {
            let place = number::<usize>(&place).and_then(|place| place.checked_sub(1));
            let kept = place.and_then(|place| self.filled().position(|(at, _)| at == place));
            kept.and_then(|kept| options.get(kept)?.id.clone()).unwrap_or_default()
        });
        let (low, high) = if self.kind == "scale" { (0, 10) } else { (1, 5) };
        let scale = NewScale { low, high, low_label: some(&self.low_label), high_label: some(&self.high_label) };
        if !faults.is_empty() {
            return Err(faults);
        }
        let explanation = correct.as_ref().and_then(|_| some(&self.explanation));
        Ok(PollFields {
            question: Some(self.question.clone()),
            language: some(&self.language),
            scale: (!self.has_options()).then_some(scale),
            max_choices,
            options: self.has_options().then_some(options),
            results: serde_json::from_value(self.results.as_str().into()).ok(),
            changeable: (!is_reaction).then_some(self.changeable),
            opens_at: Some(opens_at),
            closes_at: Some(closes_at),
            article_url: Some(some(&self.article_url)),
            correct: Some(correct),
            explanation: Some(explanation),
            minimum_ballots: Some(minimum_ballots),
            display: serde_json::from_value(self.display.as_str().into()).ok(),
            // Only polls whose answers stand in a list can be shuffled.
            shuffle: matches!(self.kind.as_str(), "single" | "multiple" | "ranked").then_some(self.shuffle),
            disclosure: Some(self.disclosure()),
            after_vote: Some(self.after_vote()),
            ..PollFields::default()
        })
    }

    fn disclosure(&self) -> Option<NewDisclosure> {
        let asked = NewDisclosure {
            asked_by: filled(&self.asked_by),
            paid_by: filled(&self.paid_by),
            licence: filled(&self.licence),
            note: filled(&self.disclosure_note),
        };
        (asked != NewDisclosure::default()).then_some(asked)
    }

    fn after_vote(&self) -> Option<NewAfterVote> {
        let link = (filled(&self.link_url), filled(&self.link_label));
        let link = (link != (None, None)).then(|| (link.0.unwrap_or_default(), link.1.unwrap_or_default()));
        let asked = NewAfterVote { thanks: filled(&self.thanks), link, next: filled(&self.next) };
        (asked != NewAfterVote::default()).then_some(asked)
    }

    /// What was found wrong with the poll, by the form's fields.
    pub fn faults(&self, violations: &[Violation]) -> Vec<FormFault> {
        let mut faults: Vec<FormFault> = Vec::new();
        for violation in violations {
            let fault = self.fault(violation);
            if !faults.contains(&fault) {
                faults.push(fault);
            }
        }
        faults
    }

    fn fault(&self, Violation { field, mistake, .. }: &Violation) -> FormFault {
        let why = |typed: Option<&str>| {
            if *mistake == Mistake::LooksSame {
                FaultReason::LooksSame
            } else if typed.is_some_and(|typed| typed.trim().chars().any(is_refused)) {
                FaultReason::Unseen
            } else {
                FaultReason::Usual
            }
        };
        if let Some((place, name)) = field.strip_prefix("options[").and_then(|rest| rest.split_once("].")) {
            // Empty ones in between were left out.
            let place = place.parse().ok().and_then(|place: usize| self.filled().nth(place)).map(|(place, _)| place);
            let option = place.and_then(|place| self.options.get(place));
            let (field, typed) = match name {
                "emoji" => (TypedField::Emoji, None),
                "note" => (TypedField::Note, option.map(|option| &*option.note)),
                name if name.starts_with("image") => (TypedField::Image, None),
                _ => (TypedField::Label, option.map(|option| &*option.label)),
            };
            return FormFault { field, place, why: why(typed) };
        }
        let field = match field.as_str() {
            "question" => TypedField::Question,
            "options" => TypedField::Options,
            "min_choices" | "max_choices" => TypedField::MaxChoices,
            "opens_at" => TypedField::OpensAt,
            "closes_at" => TypedField::ClosesAt,
            "article_url" => TypedField::ArticleUrl,
            "correct" => TypedField::Correct,
            "explanation" => TypedField::Explanation,
            "changeable" => TypedField::Changeable,
            "open_answer" => TypedField::OpenAnswer,
            "reason" | "correction" => TypedField::Reason,
            "minimum_ballots" => TypedField::MinimumBallots,
            field if field.starts_with("disclosure") => TypedField::Disclosure,
            field if field.starts_with("after_vote") => TypedField::AfterVote,
            field if field.starts_with("scale") => TypedField::Scale,
            _ => TypedField::Other,
        };
        let texts = [
            (TypedField::Question, &*self.question),
            (TypedField::Explanation, &*self.explanation),
            (TypedField::Reason, &*self.reason),
        ];
        let typed = texts.into_iter().find(|(of, _)| *of == field).map(|(_, typed)| typed);
        FormFault { field, place: None, why: why(typed) }
    }
}

/// What was typed, if that is anything.
fn filled(text: &str) -> Option<String> {
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// What there is now, if it was otherwise before.
fn changed<T: PartialEq>(now: Option<T>, before: Option<&T>) -> Option<T> {
    if now.as_ref() == before { None } else { now }
}

/// Of a field that two have changed: mine, if I have changed it.
fn pick<T: Clone + PartialEq>(mine: &T, base: &T, theirs: &T) -> T {
    if mine == base { theirs.clone() } else { mine.clone() }
}

/// Options that two have changed: of each the change that was made, and mine where both have changed it. What either has
/// added is there, and what either has taken out is not.
fn merged(mine: &[TypedOption], base: &[TypedOption], theirs: &[TypedOption]) -> Vec<TypedOption> {
    let of = |options: &[TypedOption], id: &str| options.iter().find(|option| option.id == id).cloned();
    let kept = mine.iter().filter_map(|own| match (of(base, &own.id), of(theirs, &own.id)) {
        (Some(before), Some(now)) if !own.id.is_empty() => Some(pick(own, &before, &now)),
        // Taken out meanwhile.
        (Some(before), None) if *own == before && !own.id.is_empty() => None,
        _ => Some(own.clone()),
    });
    let added = theirs.iter().filter(|other| of(base, &other.id).is_none() && of(mine, &other.id).is_none());
    kept.chain(added.cloned()).collect()
}

/// Gives options without an id one that no other has: the least number that is free.
fn name_new(options: &mut [NewOption]) {
    let mut next = 1_usize;
    for place in 0..options.len() {
        if options.get(place).is_some_and(|option| option.id.is_some()) {
            continue;
        }
        while options.iter().any(|other| other.id.as_deref() == Some(&*next.to_string())) {
            next += 1;
        }
        if let Some(option) = options.get_mut(place) {
            option.id = Some(next.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poll::{DigestKey, Partitions, PollId, SiteId};

    fn typed(labels: &[&str]) -> TypedPoll {
        let option = |label: &&str| TypedOption { label: (*label).to_owned(), ..TypedOption::default() };
        let options = labels.iter().map(option).collect();
        TypedPoll {
            question: "هل تتوقع حل مجلس الأمة؟".to_owned(), options, ..TypedPoll::blank("ar")
        }
    }

    fn build(typed: &TypedPoll, timezone: &TimeZone) -> Result<Poll, Vec<FormFault>> {
        let key = DigestKey::from_bytes([0; 32]);
        let now = "2026-11-29T12:00:00Z".parse().unwrap();
        let new = typed.new_poll(false, timezone)?;
        new.build(PollId::generate(), SiteId::default(), Partitions::unplaced(1), key, now)
            .map_err(|violations| typed.faults(&violations))
    }

    fn kuwait() -> TimeZone {
        "Asia/Kuwait".parse().unwrap()
    }

    #[test]
    fn a_poll_comes_out_of_the_form_as_it_went_in() {
        for kind in TYPED_KINDS {
            let mut asked = typed(&["نعم", "لا", "ربما"]);
            asked.kind = kind.to_owned();
            asked.results = "after_vote".to_owned();
            (asked.opens_at, asked.closes_at) = ("2026-11-30T18:00".to_owned(), "2026-12-01T00:30".to_owned());
            match kind {
                "stars" | "scale" => (asked.low_label, asked.options) = ("سيئ".to_owned(), Vec::new()),
                "reaction" => asked.changeable = true,
                "multiple" => (asked.max_choices, asked.open_answer) = ("2".to_owned(), true),
                "single" => (asked.correct, asked.explanation) = ("2".to_owned(), "لأن".to_owned()),
                _ => {}
            }
            let poll = build(&asked, &kuwait()).unwrap_or_else(|faults| panic!("{kind}: {faults:?}"));
            let shown = TypedPoll::of(&poll, &kuwait());
            for (place, option) in asked.options.iter_mut().enumerate() {
                option.id = (place + 1).to_string();
            }
            assert_eq!(shown, asked, "{kind}");
            assert_eq!(shown.edit(&shown, &kuwait()), Ok(PollFields::default()), "{kind}: an edit of nothing");
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
    fn of_two_editors_each_keeps_what_they_changed() {
        let base = typed(&["نعم", "لا"]);
        let mut first = base.clone();
        first.question = "سؤال آخر؟".to_owned();
        let mut second = base.clone();
        second.closes_at = "2026-12-01T00:30".to_owned();
        let both = second.onto(&base, &first);
        assert_eq!((&both.question, &both.closes_at), (&first.question, &second.closes_at));
        let edit = both.edit(&first, &TimeZone::UTC).unwrap();
        assert!(edit.question.is_none() && edit.closes_at.is_some());
    }
}
