//! Kinds of polls: how a voter answers, and what the answers add up to.
//!
//! Each kind is a file that says how choices become counters, how the ballots' counters are read, and what is shown of
//! them ([`Rules`]). Stores know the codec that a kind names, and no kind: so a new kind needs no line in a store.

mod multiple;
mod ranked;
mod rating;
mod reaction;
mod single;

use serde::{Deserialize, Serialize};

use smallvec::SmallVec;

use super::{
    Choices, Codec, Counters, InvalidChoice, MAX_OPTIONS, NewOption, NewScale, Poll, PollOption, Rating, Scale, Votes,
    check::{Check, Mistake},
};

/// How a poll is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Exactly one option.
    Single,
    /// From `min_choices` to `max_choices` options.
    Multiple,
    /// One step of a scale.
    Rating,
    /// One of a few emoji or words, free to change.
    Reaction,
    /// Some or all options in an order, the most preferred first.
    Ranked,
}

/// The element that shows an article's poll in the article's page. `src/embed/widget/article.js` defines it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArticleElement {
    /// Its name in HTML.
    pub name: &'static str,
    /// The template whose poll it shows if it names none.
    pub template: &'static str,
}

/// What a kind decides.
pub(super) trait Rules {
    /// The kind as pages and JSON write it.
    fn name(&self) -> &'static str;

    /// How ballots of new polls of this kind are kept.
    fn codec(&self) -> Codec;

    /// How many counters a poll has: one for each option, of its own index, unless a kind says otherwise here and in
    /// [`read`](Self::read).
    fn counters(&self, poll: &Poll) -> usize {
        poll.options.len()
    }

    /// How many of them, from index 0 on, have a timeline.
    fn timed_counters(&self, poll: &Poll) -> usize {
        self.counters(poll)
    }

    /// The most choices of a ballot in a poll with so many options.
    fn most_choices(&self, options: usize) -> usize;

    /// What a bound on the choices must be if it is not `value`, in words that follow its name.
    fn bound(&self, most: u64, value: u64) -> String;

    /// Whether a ballot names one option, so that choosing another gives up the first.
    fn takes_one(&self) -> bool {
        true
    }

    /// Whether the order of a ballot's choices counts.
    fn is_ordered(&self) -> bool {
        false
    }

    /// Whether readers may answer in their own words.
    fn takes_open_answers(&self) -> bool {
        false
    }

    /// Whether one option can be right: known from the beginning in a quiz, found out afterwards in a prediction.
    fn has_right_answer(&self) -> bool {
        false
    }

    /// Whether options are buttons: one that is pressed again is taken back, and readers see a count on each.
    fn is_pressed(&self) -> bool {
        false
    }

    /// Whether the options have an order of their own, so that none is put in another.
    fn has_own_order(&self) -> bool {
        false
    }

    /// Whether the options are the steps of a scale, which nobody types.
    fn has_scale(&self) -> bool {
        false
    }

    /// The element that shows an article's poll of this kind; `None`: no element does.
    fn article_element(&self) -> Option<ArticleElement> {
        None
    }

    /// The scale of a poll, by what was asked for.
    fn scale(&self, check: &mut Check, asked: Option<&NewScale>) -> Option<Scale> {
        if asked.is_some() {
            let rule = format!("must be left out of a poll of kind {}: only a rating has a scale", self.name());
            check.mistake(Mistake::ScaleOfAnother, "scale", rule);
        }
        None
    }

    /// The most options of a poll.
    fn most_options(&self) -> usize {
        MAX_OPTIONS
    }

    /// The options of a poll, by what was asked for.
    fn options(&self, check: &mut Check, asked: Option<&[NewOption]>, _scale: Option<&Scale>) -> Vec<PollOption> {
        for (nth, option) in asked.unwrap_or_default().iter().enumerate() {
            if option.emoji.is_some() {
                let rule = format!("must be left out of a poll of kind {}: only a reaction has emoji", self.name());
                check.refuse(format!("options[{nth}].emoji"), rule);
            }
        }
        check.options(asked, self.most_options())
    }

    /// Whether ballots may be changed and withdrawn, by what was asked for.
    fn changeable(&self, _check: &mut Check, asked: Option<bool>) -> bool {
        asked.unwrap_or(false)
    }

    /// What is said of a choice that is no option of the poll.
    fn no_option(&self, poll: &Poll, sent: String) -> InvalidChoice {
        InvalidChoice::unknown(poll, sent)
    }

    /// What is said of an option that is chosen twice.
    fn repeated(&self, sent: String) -> InvalidChoice {
        InvalidChoice::Repeated(sent)
    }

    /// What a ballot with these choices adds to.
    fn count(&self, poll: &Poll, choices: Choices) -> Counters;

    /// The choices of a ballot that adds to these.
    fn read(&self, _poll: &Poll, counters: Counters) -> Choices {
        let bit = |index: u8| 1_u32.checked_shl(index.into()).unwrap_or(0);
        Choices::from_bits(counters.indexes().fold(0, |bits, index| bits | bit(index)))
    }

    /// Each option's part of the ballots where all of them are `whole`, by the votes of each option. All zero while
    /// there are no ballots.
    fn parts(&self, votes: &[u64], ballots: u64, whole: u64) -> Votes;

    /// What the ballots add up to where options are numbers, by the votes of each.
    fn rating(&self, _scale: Option<&Scale>, _votes: &[u64], _ballots: u64) -> Option<Rating> {
        None
    }

    /// The points of each option, in the poll's order, where a rank is worth some; by the votes of each counter.
    fn points(&self, _poll: &Poll, _votes: &[u64]) -> Option<Votes> {
        None
    }
}

impl Kind {
    /// Every kind, in the order that editors are offered them.
    pub const ALL: [Self; 5] = [Self::Single, Self::Multiple, Self::Rating, Self::Reaction, Self::Ranked];

    /// The kind as pages and JSON write it.
    pub fn as_str(self) -> &'static str {
        self.rules().name()
    }

    /// How ballots of new polls of this kind are kept.
    pub fn codec(self) -> Codec {
        self.rules().codec()
    }

    /// Whether a ballot names one option, so that choosing another gives up the first.
    pub fn takes_one(self) -> bool {
        self.rules().takes_one()
    }

    /// Whether the order of a ballot's choices counts.
    pub fn is_ordered(self) -> bool {
        self.rules().is_ordered()
    }

    /// Whether readers may answer in their own words.
    pub fn takes_open_answers(self) -> bool {
        self.rules().takes_open_answers()
    }

    /// Whether one option can be right: known from the beginning in a quiz, found out afterwards in a prediction.
    pub fn has_right_answer(self) -> bool {
        self.rules().has_right_answer()
    }

    /// Whether options are buttons: one that is pressed again is taken back, and readers see a count on each.
    pub fn is_pressed(self) -> bool {
        self.rules().is_pressed()
    }

    /// Whether the options have an order of their own, so that none is put in another.
    pub fn has_own_order(self) -> bool {
        self.rules().has_own_order()
    }

    /// Whether the options are the steps of a scale, which nobody types.
    pub fn has_scale(self) -> bool {
        self.rules().has_scale()
    }

    /// Whether a ballot may name several options, so that a poll may bound how many.
    pub fn takes_several(self) -> bool {
        !self.takes_one()
    }

    /// The element that shows an article's poll of this kind; `None`: no element does.
    pub fn article_element(self) -> Option<ArticleElement> {
        self.rules().article_element()
    }

    pub(super) fn rules(self) -> &'static dyn Rules {
        match self {
            Self::Single => &single::Single,
            Self::Multiple => &multiple::Multiple,
            Self::Rating => &rating::Rated,
            Self::Reaction => &reaction::Reacted,
            Self::Ranked => &ranked::Ranked,
        }
    }
}

impl Poll {
    /// How many counters it has.
    pub fn counters(&self) -> usize {
        self.kind.rules().counters(self)
    }

    /// How many of its counters, from index 0 on, have a timeline.
    pub fn timed_counters(&self) -> usize {
        self.kind.rules().timed_counters(self)
    }

    /// The counters that a ballot with these choices adds to.
    pub fn counters_of(&self, choices: Choices) -> Counters {
        self.kind.rules().count(self, choices)
    }

    /// The choices of a ballot that adds to these counters.
    pub fn choices_of(&self, counters: Counters) -> Choices {
        self.kind.rules().read(self, counters)
    }
}

/// What a bound on the choices must be where a ballot names one option, and is not.
fn one_choice(kind: &str, value: u64) -> String {
    format!("must be 1, is {value}: in a poll of kind {kind} a voter chooses one option")
}

/// Parts that add up to the whole, for ballots of one option each: each is rounded down, and what is missing then goes
/// to those that lost most by it, the first of the poll where several lost the same (the largest remainder method).
fn parts_that_add_up(votes: &[u64], ballots: u64, whole: u64) -> Votes {
    let ballots = u128::from(ballots);
    let scaled = |votes: &u64| u128::from(*votes) * u128::from(whole);
    let mut parts: Votes = votes.iter().map(|votes| narrow(scaled(votes).checked_div(ballots))).collect();
    let lost = votes.iter().map(|votes| scaled(votes).checked_rem(ballots).unwrap_or_default());
    let mut most_lost: SmallVec<[(usize, u128); 8]> = lost.enumerate().collect();
    let missing = narrow(most_lost.iter().map(|(_, lost)| lost).sum::<u128>().checked_div(ballots));
    // Stable: of equals the first stays first.
    most_lost.sort_by_key(|(_, lost)| std::cmp::Reverse(*lost));
    for ((nth, _), _) in most_lost.iter().zip(0..missing) {
        if let Some(part) = parts.get_mut(*nth) {
            *part += 1;
        }
    }
    parts
}

/// A part of the whole, where what does not fit can't be.
fn narrow(part: Option<u128>) -> u64 {
    part.and_then(|part| u64::try_from(part).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poll::{MAX_OPTIONS, definition::tests::poll_with};

    #[test]
    fn choices_survive_the_counters_of_their_ballot() {
        let options: Vec<String> = (0..MAX_OPTIONS).map(|nth| format!("o{nth}")).collect();
        let names: Vec<&str> = options.iter().map(String::as_str).collect();
        let single = poll_with(Kind::Single, 1, 1, &names);
        let multiple = poll_with(Kind::Multiple, 1, 32, &names);
        for nth in 0..MAX_OPTIONS {
            let chosen = Choices::check(&single, &[names[nth]]).unwrap();
            assert_eq!(single.counters_of(chosen), Counters::Index(u8::try_from(nth).unwrap()));
            assert_eq!(single.choices_of(single.counters_of(chosen)), chosen);
            let chosen = Choices::check(&multiple, &names[nth..]).unwrap();
            assert_eq!(multiple.counters_of(chosen).indexes().count(), MAX_OPTIONS - nth);
            assert_eq!(multiple.choices_of(multiple.counters_of(chosen)), chosen);
            assert_eq!(chosen.ids(&multiple).len(), MAX_OPTIONS - nth);
        }
    }
}
