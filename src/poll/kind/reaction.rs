//! `reaction`: one of 2 to 12 emoji or words, free to change and to take back.

use super::{ArticleElement, Rules, one_choice, parts_that_add_up};
use crate::poll::{Choices, Codec, Counters, InvalidChoice, NewOption, Poll, PollOption, Scale, Votes, check::Check};

/// The most reactions of a poll: so many fit in a few lines on a phone.
const MOST: usize = 12;

/// A ballot adds to the counter of its one option.
pub(super) struct Reacted;

impl Rules for Reacted {
    fn name(&self) -> &'static str {
        "reaction"
    }

    fn codec(&self) -> Codec {
        Codec::Index
    }

    fn most_choices(&self, _options: usize) -> usize {
        1
    }

    fn is_pressed(&self) -> bool {
        true
    }

    fn has_own_order(&self) -> bool {
        true
    }

    fn article_element(&self) -> Option<ArticleElement> {
        Some(ArticleElement { name: "sawt-reactions", template: "reactions" })
    }

    fn bound(&self, _most: u64, value: u64) -> String {
        one_choice(self.name(), value)
    }

    fn options(&self, check: &mut Check, asked: Option<&[NewOption]>, _scale: Option<&Scale>) -> Vec<PollOption> {
        let options = check.options(asked, MOST);
        for (nth, option) in options.iter().enumerate() {
            let Some(emoji) = &option.emoji else { continue };
            let alike = |other: &PollOption| other.emoji.as_ref().is_some_and(|other| other.looks_like(emoji));
            if let Some(before) = options.iter().take(nth).position(alike) {
                let rule = format!("must be another than options[{before}].emoji, or left out");
                check.refuse(format!("options[{nth}].emoji"), rule);
            }
        }
        options
    }

    fn changeable(&self, check: &mut Check, asked: Option<bool>) -> bool {
        if asked == Some(false) {
            check
                .refuse("changeable", "must be true, or left out, in a poll of kind reaction: readers may think again");
        }
        true
    }

    fn no_option(&self, poll: &Poll, sent: String) -> InvalidChoice {
        let known = |option: &PollOption| match &option.emoji {
            Some(emoji) => format!("{} ({})", option.id, emoji.as_str()),
            None => option.id.to_string(),
        };
        InvalidChoice::NoReaction(sent, poll.options.iter().map(known).collect::<Vec<_>>().join(", "))
    }

    fn count(&self, _poll: &Poll, choices: Choices) -> Counters {
        Counters::Index(choices.first())
    }

    fn parts(&self, votes: &[u64], ballots: u64, whole: u64) -> Votes {
        parts_that_add_up(votes, ballots, whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poll::{EditError, Kind, NewPoll, PollFields, definition::tests::built, definition::tests::earlier};

    fn new(emoji: &[Option<&str>]) -> NewPoll {
        let option = |(nth, emoji): (usize, Option<&str>)| NewOption {
            emoji: emoji.map(str::to_owned),
            label: format!("label {nth}"),
            ..NewOption::default()
        };
        let fields = PollFields {
            question: Some("ما شعورك؟".to_owned()),
            options: Some(emoji.iter().copied().enumerate().map(option).collect()),
            ..PollFields::default()
        };
        NewPoll { kind: Some(Kind::Reaction), ..fields.into() }
    }

    fn refused(new: NewPoll) -> Vec<String> {
        built(new).unwrap_err().into_iter().map(|violation| violation.field).collect()
    }

    #[test]
    fn a_reaction_has_2_to_12_emoji_or_words_that_readers_can_tell_apart() {
        assert!(built(new(&[Some("👍"), None, Some("❤️")])).is_ok(), "a word stands for itself");
        assert!(built(new(&[None; 12])).is_ok());
        assert_eq!(refused(new(&[None; 13])), ["options"]);
        assert_eq!(refused(new(&[None])), ["options"]);
        assert_eq!(refused(new(&[Some("👍"), Some("❤"), Some("❤️")])), ["options[2].emoji"]);
        assert_eq!(refused(new(&[Some("👍👍"), Some("نعم")])), ["options[0].emoji", "options[1].emoji"]);
        assert_eq!(refused(NewPoll { kind: None, ..new(&[None, Some("👍")]) }), ["options[1].emoji"]);
    }

    #[test]
    fn a_reaction_may_always_be_changed() {
        let poll = built(new(&[None, None])).unwrap();
        let with = |changeable| {
            let mut new = new(&[None, None]);
            new.fields.changeable = Some(changeable);
            new
        };
        assert!(poll.changeable && built(with(true)).is_ok());
        assert_eq!(refused(with(false)), ["changeable"]);
        let edit = PollFields { changeable: Some(false), ..PollFields::default() };
        assert!(matches!(edit.apply(&poll, earlier(9)), Err(EditError::Invalid(_))));
    }
}
