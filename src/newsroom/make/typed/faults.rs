//! What is wrong with what was typed, by the fields of the form.

use super::TypedPoll;
use crate::poll::{Mistake, Violation, is_refused};

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
    pub field: TypedField,
    /// Of several with this name, the place of the one, counted from 0.
    pub place: Option<usize>,
    /// Which of its texts.
    pub why: FaultReason,
}

/// A field of the form, in the form's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TypedField {
    Question,
    Options,
    Emoji,
    Label,
    Note,
    Image,
    MinChoices,
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
            "min_choices" => TypedField::MinChoices,
            "max_choices" => TypedField::MaxChoices,
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
