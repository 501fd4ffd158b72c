//! What is right in a poll, as its page says it to one reader: in a quiz and in a prediction.

use super::{
    digits::{Digits, PERMILLE},
    direction::{direction_in, direction_of},
    language::Language,
    shown_poll::ShownPoll,
};
use crate::poll::{Poll, PollOption, Quiz, Tally, Text};

/// What is right, as far as this reader is told it. Texts are empty where there is nothing to say.
#[derive(Default)]
pub(super) struct Verdict<'a> {
    /// Of their ballot.
    pub(super) text: String,
    /// The publisher's own words on it.
    pub(super) explanation: &'a str,
    pub(super) explanation_dir: &'static str,
}

impl<'a> ShownPoll<'a> {
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

impl Language {
    /// How many of those who voted had seen coming what came true; `None` if nobody had voted, nothing is said of that,
    /// or the tally does not tell how many.
    pub fn foreseen(&self, poll: &Poll, tally: &Tally, digits: Digits) -> Option<String> {
        let resolution = poll.resolution.as_ref()?;
        if tally.ballots == 0 || !tally.display.is_exact() {
            return None;
        }
        let nth = poll.options.iter().position(|option| option.id == resolution.option)?;
        let tenths = tally.parts(poll, PERMILLE).get(nth).copied()?;
        // After a word of a right-to-left language a percent sign leaves its number, unless both stand for themselves.
        let share = format!("\u{2068}{}\u{2069}", self.share(tenths, digits));
        Some(self.count("foreseen", tally.ballots, digits).replace("{share}", &share))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poll::{
        DigestKey, NewOption, NewPoll, Partitions, PollFields, PollId, Resolution, SiteId, TallyDisplay, Timestamp,
    };

    fn prediction(votes: [u64; 2]) -> (Poll, Tally) {
        let option = |id: &str| NewOption { id: Some(id.to_owned()), label: id.to_owned(), ..NewOption::default() };
        let fields = PollFields {
            question: Some("؟".to_owned()),
            options: Some(vec![option("yes"), option("no")]),
            ..PollFields::default()
        };
        let (id, key, now) = (PollId::generate(), DigestKey::from_bytes([0; 32]), Timestamp::EARLIEST);
        let poll = NewPoll::from(fields).build(id, SiteId::default(), Partitions::unplaced(1), key, now).unwrap();
        let tally =
            Tally { ballots: votes.iter().sum(), votes: votes.as_slice().into(), ..Tally::of_nothing(&poll, now) };
        let resolution = Some(Resolution { option: "yes".parse().unwrap(), at: now, reason: None });
        (Poll { resolution, ..poll }, tally)
    }

    #[test]
    fn how_many_saw_it_coming_is_one_sentence_in_every_language() {
        for (tag, digits, votes, said) in [
            ("en", Digits::Latn, [747, 457], "62% of 1,204 readers saw it coming."),
            ("en", Digits::Latn, [0, 1], "0% of 1 reader saw it coming."),
            ("fr", Digits::Latn, [747, 457], "62\u{202f}% des 1\u{202f}204 lecteurs l’avaient prévu."),
            ("fr", Digits::Latn, [1, 0], "100\u{202f}% de 1 lecteur l’avait prévu."),
            (
                "fr",
                Digits::Latn,
                [500_000, 500_000],
                "50\u{202f}% des 1\u{202f}000\u{202f}000 de lecteurs l’avaient prévu.",
            ),
            ("ar", Digits::Latn, [1, 0], "توقّع ذلك 100% من قارئ واحد."),
            ("ar", Digits::Latn, [1, 1], "توقّع ذلك 50% من قارئَين."),
            ("ar", Digits::Latn, [2, 1], "توقّع ذلك 66.7% من 3 قرّاء."),
            ("ar", Digits::Latn, [11, 0], "توقّع ذلك 100% من 11 قارئًا."),
            ("ar", Digits::Arab, [747, 453], "توقّع ذلك ٦٢٫٣٪ من ١٬٢٠٠ قارئ."),
        ] {
            let (poll, tally) = prediction(votes);
            let told = Language::find(tag).unwrap().foreseen(&poll, &tally, digits).unwrap();
            assert_eq!(told.replace(['\u{2068}', '\u{2069}'], ""), said);
            assert!(told.contains("\u{2068}"), "{told}");
        }
    }

    #[test]
    fn nothing_is_said_of_what_nobody_knows() {
        let english = Language::find("en").unwrap();
        let (poll, tally) = prediction([3, 1]);
        let none = |poll: &Poll, tally: &Tally| english.foreseen(poll, tally, Digits::Latn).is_none();
        assert!(none(&Poll { resolution: None, ..poll.clone() }, &tally));
        assert!(none(&poll, &Tally { display: TallyDisplay::Percent, ..tally.clone() }));
        assert!(none(&poll, &Tally::of_nothing(&poll, Timestamp::EARLIEST)));
        assert!(!none(&poll, &tally));
    }
}
