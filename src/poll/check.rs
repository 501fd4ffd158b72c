//! Checks what a publisher writes, and reports every violation, not only the first.

use serde::Serialize;

use super::{
    EXPLANATION, Kind, LABEL, Language, MOST_MINIMUM, NewOption, OptionId, Phase, PollOption, Quiz, Schedule,
    TallyDisplay, Text, TextLimit, Timestamp, WebAddress, appearance::appearance, text::OPTION_NOTE,
};

/// One thing wrong with what a publisher sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The field, as a path from the body's root: `options[2].label`.
    pub field: String,
    /// What it must be, in words that follow the field's name.
    pub detail: String,
    /// Whether it is a mistake with a code of its own.
    #[serde(skip)]
    pub mistake: Mistake,
}

/// A mistake that has a code of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mistake {
    /// Any other.
    Other,
    /// Options of a rating that are not its steps.
    OptionsOfRating,
    /// A scale of a poll that is no rating.
    ScaleOfAnother,
    /// An option that readers can't tell from another.
    LooksSame,
}

impl Violation {
    /// A field, and what it must be, in words that follow the field's name.
    pub fn new(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { field: field.into(), detail: detail.into(), mistake: Mistake::Other }
    }
}

/// Collects violations while a poll is checked.
#[derive(Default)]
pub(super) struct Check {
    violations: Vec<Violation>,
}

impl Check {
    pub(super) fn refuse(&mut self, field: impl Into<String>, detail: impl Into<String>) {
        self.violations.push(Violation::new(field, detail));
    }

    pub(super) fn mistake(&mut self, mistake: Mistake, field: &str, detail: impl Into<String>) {
        self.violations.push(Violation { mistake, ..Violation::new(field, detail) });
    }

    pub(super) fn text(&mut self, field: &str, text: &str, limit: TextLimit) -> Option<Text> {
        Text::parse(text, limit).map_err(|detail| self.refuse(field, detail)).ok()
    }

    pub(super) fn language(&mut self, language: Option<&str>) -> Option<Language> {
        let Some(language) = language else { return Some(Language::default()) };
        language.parse().map_err(|rule: super::InvalidId| self.refuse("language", rule.to_string())).ok()
    }

    pub(super) fn address(&mut self, field: &str, address: Option<&str>) -> Option<WebAddress> {
        address?.parse().map_err(|rule: String| self.refuse(field, rule)).ok()
    }

    /// The options that are valid, with indexes in the order given.
    pub(super) fn options(&mut self, options: Option<&[NewOption]>, most: usize) -> Vec<PollOption> {
        let Some(options) = options else {
            self.refuse("options", format!("must be given: 2 to {most} options"));
            return Vec::new();
        };
        if !(2..=most).contains(&options.len()) {
            self.refuse("options", format!("must be 2 to {most} options, is {}", options.len()));
            return Vec::new();
        }
        let mut checked: Vec<PollOption> = Vec::with_capacity(options.len());
        // The appearance of the labels so far, and their positions.
        let mut seen: Vec<(String, usize)> = Vec::with_capacity(options.len());
        for (nth, (option, index)) in options.iter().zip(0_u8..).enumerate() {
            let field = |name: &str| format!("options[{nth}].{name}");
            let id = match &option.id {
                None => Some(OptionId::nth(nth)),
                Some(id) => {
                    id.parse().map_err(|rule: super::InvalidId| self.refuse(field("id"), rule.to_string())).ok()
                }
            };
            let label = self.text(&field("label"), &option.label, LABEL);
            let emoji = option.emoji.as_deref();
            let emoji =
                emoji.and_then(|emoji| emoji.parse().map_err(|rule: &str| self.refuse(field("emoji"), rule)).ok());
            let note = option.note.as_deref().and_then(|note| self.text(&field("note"), note, OPTION_NOTE));
            let image = option.image.as_ref().and_then(|image| self.image(nth, image));
            let (Some(id), Some(label)) = (id, label) else { continue };
            let looks = appearance(label.as_str());
            if checked.iter().any(|other| other.id == id) {
                self.refuse(field("id"), format!("must be unique in the poll, and {id} already stands before it"));
            } else if let Some((_, before)) = seen.iter().find(|(other, _)| *other == looks) {
                let rule =
                    format!("must be one that readers can tell from options[{before}].label, and looks the same");
                self.mistake(Mistake::LooksSame, &field("label"), rule);
            }
            seen.push((looks, nth));
            checked.push(PollOption { id, emoji, label, note, image, index });
        }
        checked
    }

    pub(super) fn choices(&mut self, kind: Kind, min: Option<u64>, max: Option<u64>, options: usize) -> (u8, u8) {
        let rules = kind.rules();
        let most = u64::try_from(rules.most_choices(options)).unwrap_or(1);
        let (min, max) = (min.unwrap_or(1), max.unwrap_or(most));
        for (field, value) in [("min_choices", min), ("max_choices", max)] {
            if !(1..=most).contains(&value) {
                self.refuse(field, rules.bound(most, value));
            }
        }
        if min > max {
            self.refuse("min_choices", format!("must not be more than max_choices ({max}), is {min}"));
        }
        (u8::try_from(min).unwrap_or(1), u8::try_from(max).unwrap_or(1))
    }

    pub(super) fn schedule(&mut self, schedule: &Schedule, now: Timestamp) {
        let Some(closes_at) = schedule.closes_at else { return };
        if closes_at <= now && schedule.phase != Phase::Draft {
            self.refuse("closes_at", format!("must be in the future; now it is {now}"));
        }
        if schedule.opens_at.is_some_and(|opens_at| closes_at <= opens_at) {
            self.refuse("closes_at", "must be after opens_at");
        }
    }

    /// Whether a poll may take open answers.
    pub(super) fn open_answer(&mut self, kind: Kind, is_quiz: bool) {
        if !kind.takes_open_answers() {
            let rule = "must be left out of a poll of kind {}: single and multiple take open answers";
            self.refuse("open_answer", rule.replace("{}", kind.as_str()));
        } else if is_quiz {
            self.refuse("open_answer", "must be false in a poll with correct: nobody could say which text is right");
        }
    }

    /// What makes the poll a quiz, if `correct` is named.
    pub(super) fn quiz(
        &mut self,
        kind: Kind,
        changeable: bool,
        options: &[PollOption],
        correct: Option<&str>,
        explanation: Option<&str>,
    ) -> Option<Quiz> {
        let explanation = explanation.map(|text| self.text("explanation", text, EXPLANATION));
        let Some(correct) = correct else {
            if explanation.is_some() {
                self.refuse("explanation", "must be left out without correct: it is told with the right answer");
            }
            return None;
        };
        if !kind.has_right_answer() {
            self.refuse("correct", "must be left out: only a poll of kind single has one right answer");
        }
        if changeable {
            self.refuse("changeable", "must be false in a poll with correct: who votes is told the right answer");
        }
        let Some(option) = options.iter().find(|option| option.id.as_str() == correct) else {
            self.refuse("correct", "must be the id of one of the options");
            return None;
        };
        Some(Quiz { correct: option.id.clone(), explanation: explanation.flatten() })
    }

    /// From how many ballots on readers are shown the tally.
    pub(super) fn minimum(&mut self, asked: Option<u64>) -> u16 {
        let asked = asked.unwrap_or_default();
        let minimum = u16::try_from(asked).ok().filter(|minimum| *minimum <= MOST_MINIMUM);
        if minimum.is_none() {
            self.refuse("minimum_ballots", format!("must be from 0 to {MOST_MINIMUM}, is {asked}"));
        }
        minimum.unwrap_or_default()
    }

    /// How exact readers see the tally.
    pub(super) fn display(&mut self, kind: Kind, asked: Option<TallyDisplay>) -> TallyDisplay {
        let display = asked.unwrap_or_default();
        if kind.is_pressed() && display == TallyDisplay::Percent {
            let rule = "must be exact or delayed in a poll of kind reaction: what readers see there are counts";
            self.refuse("display", rule);
        }
        display
    }

    /// Whether readers see the options in orders of their own.
    pub(super) fn shuffle(&mut self, kind: Kind, asked: Option<bool>) -> bool {
        let is_asked = asked.unwrap_or_default();
        if is_asked && kind.has_own_order() {
            let rule = "must be false, or left out, in a poll of kind {}: its options have an order of their own";
            self.refuse("shuffle", rule.replace("{}", kind.as_str()));
        }
        is_asked
    }

    /// The value, unless anything was refused.
    pub(super) fn finish<T>(self, value: impl FnOnce() -> Option<T>) -> Result<T, Vec<Violation>> {
        match value() {
            Some(value) if self.violations.is_empty() => Ok(value),
            _ => Err(self.violations),
        }
    }
}
