//! `rating`: one step of a scale, 1 to 5 stars or 0 to 10.
//!
//! The options are the steps, named by their numbers. They follow from the scale, so a publisher gives none; those that
//! a poll was read with may be sent back as they are.

use super::{ArticleElement, Rules, one_choice, parts_that_add_up};
use crate::poll::{
    Choices, Codec, Counters, InvalidChoice, LABEL, NewOption, NewScale, OptionId, Poll, PollOption, Rating, Scale,
    Text, Votes,
    check::{Check, Mistake},
    scale::{END, Steps},
};

/// A ballot adds to the counter of its one step, the lowest having index 0.
pub(super) struct Rated;

/// Whoever chose one of these steps of 0 to 10 would recommend what is rated, or (below [`PASSIVES`]) would not.
const PROMOTERS: u64 = 9;
const PASSIVES: u64 = 7;

impl Rules for Rated {
    fn name(&self) -> &'static str {
        "rating"
    }

    fn codec(&self) -> Codec {
        Codec::Index
    }

    fn most_choices(&self, _options: usize) -> usize {
        1
    }

    fn has_own_order(&self) -> bool {
        true
    }

    fn has_scale(&self) -> bool {
        true
    }

    fn article_element(&self) -> Option<ArticleElement> {
        Some(ArticleElement { name: "sawt-rating", template: "stars" })
    }

    fn bound(&self, _most: u64, value: u64) -> String {
        one_choice(self.name(), value)
    }

    fn scale(&self, check: &mut Check, asked: Option<&NewScale>) -> Option<Scale> {
        let stars =
            NewScale { low: Steps::Stars.low().into(), high: Steps::Stars.high().into(), ..NewScale::default() };
        let asked = asked.unwrap_or(&stars);
        let steps = Steps::between(asked.low, asked.high);
        if steps.is_none() {
            check.refuse("scale", format!("{}, goes from {} to {}", Steps::RULE, asked.low, asked.high));
        }
        let mut end = |field, label: Option<&str>| label.and_then(|label| check.text(field, label, END));
        let (low_label, high_label) =
            (end("scale.low_label", asked.low_label.as_deref()), end("scale.high_label", asked.high_label.as_deref()));
        Some(Scale { steps: steps?, low_label, high_label })
    }

    fn options(&self, check: &mut Check, asked: Option<&[NewOption]>, scale: Option<&Scale>) -> Vec<PollOption> {
        let Some(Scale { steps, .. }) = scale else { return Vec::new() };
        let options = steps_of(*steps);
        let is_same = |(asked, option): (&NewOption, &PollOption)| {
            asked.id.as_deref() == Some(option.id.as_str())
                && asked.label == option.label.as_str()
                && asked.emoji.is_none()
                && asked.note.is_none()
                && asked.image.is_none()
        };
        if asked.is_some_and(|asked| asked.len() != options.len() || !asked.iter().zip(&options).all(is_same)) {
            let rule = format!(
                "must be left out, or be the steps {} to {} with their numbers as labels: the options of a rating follow \
                 from its scale",
                steps.low(),
                steps.high()
            );
            check.mistake(Mistake::OptionsOfRating, "options", rule);
        }
        options
    }

    fn no_option(&self, poll: &Poll, sent: String) -> InvalidChoice {
        match (poll.options.first(), poll.options.last()) {
            (Some(low), Some(high)) => {
                InvalidChoice::OutOfRange { sent, low: low.id.to_string(), high: high.id.to_string() }
            }
            (None, _) | (_, None) => InvalidChoice::unknown(poll, sent),
        }
    }

    fn count(&self, _poll: &Poll, choices: Choices) -> Counters {
        Counters::Index(choices.first())
    }

    fn parts(&self, votes: &[u64], ballots: u64, whole: u64) -> Votes {
        parts_that_add_up(votes, ballots, whole)
    }

    fn rating(&self, scale: Option<&Scale>, votes: &[u64], ballots: u64) -> Option<Rating> {
        let steps = scale?.steps;
        let by_step = || (u64::from(steps.low())..).zip(votes.iter().copied());
        let sum = by_step().fold(0_u64, |sum, (step, votes)| sum.saturating_add(step.saturating_mul(votes)));
        let net_promoters = (steps == Steps::ZeroToTen).then(|| {
            let weighed = by_step().map(|(step, votes)| match step {
                PROMOTERS.. => votes.cast_signed(),
                PASSIVES.. => 0,
                _ => votes.cast_signed().saturating_neg(),
            });
            weighed.fold(0, i64::saturating_add)
        });
        Some(Rating { sum, ballots, net_promoters })
    }
}

/// The options that are these steps.
fn steps_of(steps: Steps) -> Vec<PollOption> {
    let option = |(step, index): (u8, u8)| {
        let number = step.to_string();
        // A number is an id and a label.
        let (id, label): (Option<OptionId>, _) = (number.parse().ok(), Text::parse(&number, LABEL).ok());
        Some(PollOption { id: id?, emoji: None, label: label?, note: None, image: None, index })
    };
    (steps.low()..=steps.high()).zip(0..).filter_map(option).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poll::{
        EditError, Effect, Kind, NewPoll, PartitionTally, PollFields, Revision, State, Tally, Violation,
        definition::tests::{built, earlier},
    };

    fn said(low: u64, high: u64) -> PollFields {
        PollFields {
            question: Some("ما تقييمك؟".to_owned()),
            scale: Some(NewScale { low, high, ..NewScale::default() }),
            ..PollFields::default()
        }
    }

    fn rating(fields: PollFields) -> NewPoll {
        NewPoll { kind: Some(Kind::Rating), ..fields.into() }
    }

    fn new(low: u64, high: u64) -> NewPoll {
        rating(said(low, high))
    }

    fn as_asked(poll: &Poll) -> Vec<NewOption> {
        let option = |option: &PollOption| NewOption {
            id: Some(option.id.to_string()),
            label: option.label.to_string(),
            ..NewOption::default()
        };
        poll.options.iter().map(option).collect()
    }

    fn mistakes(violations: &[Violation]) -> Vec<(&str, Mistake)> {
        violations.iter().map(|violation| (violation.field.as_str(), violation.mistake)).collect()
    }

    #[test]
    fn the_steps_of_a_scale_are_its_options_and_may_be_sent_back_as_they_are() {
        for (low, high) in [(1, 5), (0, 10)] {
            let poll = built(new(low, high)).unwrap();
            let ids: Vec<String> = poll.options.iter().map(|option| option.id.to_string()).collect();
            assert_eq!(ids, (low..=high).map(|step| step.to_string()).collect::<Vec<_>>());
            assert_eq!((poll.min_choices, poll.max_choices, poll.codec), (1, 1, Codec::Index));
            let again = built(rating(PollFields { options: Some(as_asked(&poll)), ..said(low, high) })).unwrap();
            assert_eq!(again.options, poll.options);
            let edit = PollFields { options: Some(as_asked(&poll)), ..PollFields::default() };
            assert!(edit.is_made_in(&poll));
        }
        assert_eq!(
            built(rating(PollFields { scale: None, ..said(0, 0) })).unwrap().options.len(),
            5,
            "stars, if nothing is said"
        );
    }

    #[test]
    fn other_options_than_the_steps_are_refused_and_so_is_another_scale() {
        let option = |id: &str| NewOption { id: Some(id.to_owned()), label: id.to_owned(), ..NewOption::default() };
        let stars: Vec<NewOption> = ["1", "2", "3", "4", "5"].map(option).into();
        let relabelled: Vec<NewOption> =
            stars.iter().map(|option| NewOption { label: "x".to_owned(), ..option.clone() }).collect();
        let turned: Vec<NewOption> = stars.iter().rev().cloned().collect();
        for options in [vec![], stars[..4].to_vec(), relabelled, turned] {
            let refused = built(rating(PollFields { options: Some(options.clone()), ..said(1, 5) })).unwrap_err();
            assert_eq!(mistakes(&refused), [("options", Mistake::OptionsOfRating)]);
            let edit = PollFields { options: Some(options), ..PollFields::default() };
            let poll = built(new(1, 5)).unwrap();
            let refused = edit.apply(&poll, earlier(9)).unwrap_err();
            assert!(
                matches!(refused, EditError::Invalid(found) if mistakes(&found) == [("options", Mistake::OptionsOfRating)])
            );
        }
        for (low, high) in [(0, 5), (1, 10), (5, 1), (0, 0)] {
            assert_eq!(mistakes(&built(new(low, high)).unwrap_err()), [("scale", Mistake::Other)], "{low} to {high}");
        }
        let single = PollFields { options: Some(stars), ..said(1, 5) };
        assert_eq!(mistakes(&built(single).unwrap_err()), [("scale", Mistake::ScaleOfAnother)]);
    }

    #[test]
    fn another_scale_reshapes_and_other_words_at_its_ends_do_not() {
        let poll = built(new(1, 5)).unwrap();
        let with = |scale| PollFields { scale: Some(scale), ..PollFields::default() }.apply(&poll, earlier(9)).unwrap();
        let worded = NewScale { low: 1, high: 5, low_label: Some("ضعيف".to_owned()), high_label: None };
        let edit = with(worded);
        assert_eq!(edit.effect, Effect::Changes);
        assert!(edit.poll.scale.is_some_and(|scale| scale.low_label.is_some()));
        let edit = with(NewScale { low: 0, high: 10, ..NewScale::default() });
        assert_eq!((edit.effect, edit.poll.options.len()), (Effect::Reshapes, 11));
    }

    #[test]
    fn a_rating_is_the_sum_of_its_steps_and_who_would_recommend_less_who_would_not() {
        let rated = |low, high, votes: &[u64]| {
            let poll = built(new(low, high)).unwrap();
            let partition = PartitionTally {
                revision: Revision::FIRST,
                epoch: 0,
                version: 0,
                ballots: votes.iter().sum(),
                votes: votes.into(),
                state: State::Open,
                as_of: earlier(0),
            };
            let tally = Tally::sum(&poll, [&partition]).unwrap();
            tally.rating(&poll).map(|rating| (rating.sum, rating.ballots, rating.net_promoters)).unwrap()
        };
        assert_eq!(rated(1, 5, &[1, 0, 0, 0, 2]), (11, 3, None));
        assert_eq!(rated(0, 10, &[1, 1, 1, 1, 1, 1, 1, 5, 5, 1, 1]), (115, 19, Some(-5)));
        assert_eq!(rated(0, 10, &[0; 11]), (0, 0, Some(0)));
    }
}
