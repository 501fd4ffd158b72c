//! What is right in a poll, as its page says it to one reader: in a quiz and in a prediction.

use super::{
    direction::{direction_in, direction_of},
    language::Language,
    page::PollView,
};
use crate::poll::{PollOption, Quiz, Text};

/// What is right, as far as this reader is told it. Texts are empty where there is nothing to say.
#[derive(Default)]
pub(super) struct Verdict<'a> {
    /// Of their ballot.
    pub(super) text: String,
    /// The publisher's own words on it.
    pub(super) explanation: &'a str,
    pub(super) explanation_dir: &'static str,
}

impl<'a> PollView<'a> {
    /// Which option is right, if this reader is told: of a quiz, who has voted; of a prediction, everybody.
    pub(super) fn right_option(&self) -> Option<&'a PollOption> {
        let poll = self.poll;
        let quiz = poll.quiz.as_ref().filter(|_| self.chosen.is_some()).map(|quiz| &quiz.correct);
        let right = quiz.or_else(|| poll.resolution.as_ref().map(|resolution| &resolution.option))?;
        poll.option(right.as_str())
    }

    /// What is said of the reader's ballot, and why. The widget says the same in `judge`.
    pub(super) fn verdict(&self, language: &Language) -> Option<Verdict<'a>> {
        let poll = self.poll;
        let texts = language.texts().verdict(poll)?;
        let Some(right) = self.right_option() else { return Some(Verdict::default()) };
        let text = self.chosen.map(|choices| if choices.has(right) { texts.right } else { texts.wrong });
        let reason = poll.resolution.as_ref().and_then(|resolution| resolution.reason.as_ref()).map(Text::as_str);
        let explanation = poll.quiz.as_ref().and_then(Quiz::explanation).or(reason).unwrap_or_default();
        Some(Verdict {
            text: text.map_or_else(String::new, |text| text.replace("{option}", right.label.as_str())),
            explanation,
            explanation_dir: direction_in(direction_of(poll.language.as_str()), explanation),
        })
    }
}
