//! The texts that every language has.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::poll::{OPEN_ANSWER, Poll};

/// Declares the texts that every language has: first those that stand in the markup, then those that the script says,
/// too, and of these last those that it says only where several options may be chosen.
macro_rules! texts {
    (
        $($(#[$markup_doc:meta])+ $markup:ident,)+
        for script:
        $($(#[$said_doc:meta])+ $said:ident,)+
        and for several:
        $($(#[$several_doc:meta])+ $several:ident,)+
    ) => {
        /// Every text, in one language. `{…}` in it stands for what is put there.
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Texts {
            $($(#[$markup_doc])+ pub $markup: String,)+
            $($(#[$said_doc])+ pub $said: String,)+
            $($(#[$several_doc])+ pub $several: String,)+
        }

        impl Texts {
            /// Those the script needs.
            pub(super) fn for_script(&self, has_several: bool) -> BTreeMap<&'static str, &str> {
                let mut texts = BTreeMap::from([$((stringify!($said), self.$said.as_str()),)+]);
                if has_several {
                    texts.extend([$((stringify!($several), self.$several.as_str()),)+]);
                }
                texts
            }
        }
    };
}

texts! {
    /// The rule of a poll with one choice.
    choose_one,
    /// The rule of a poll with `{max}` choices, no more and no less.
    choose_exactly,
    /// The rule of a poll with 1 to `{max}` choices.
    choose_up_to,
    /// The rule of a poll with `{min}` to `{max}` choices.
    choose_between,
    /// The rule of a rating from `{min}` to `{max}`.
    choose_step,
    /// The rule of a poll that ranks any number of its options.
    rank_any,
    /// The rule of a poll that ranks `{min}` to `{max}` of them.
    rank_between,
    /// As many are ranked as may be.
    rank_full,
    /// No rank, among the numbers of a plain form.
    unranked,
    /// The button that gives `{option}` a higher place.
    move_up,
    /// The button that gives it a lower one.
    move_down,
    /// `{option}` has place `{n}` now.
    placed,
    /// It has none any more.
    unplaced,
    /// Marks what this reader gave place `{n}`.
    your_rank,
    /// What shares and points are of.
    ranked_key,
    /// Marks who wins by instant run-off.
    wins,
    /// Two options were given the same place.
    same_rank,
    /// Its mean is `{n}`, and `{max}` the best.
    average,
    /// `{n}`, or some more.
    at_least,
    /// Not yet `{n}`, but some.
    fewer_than,
    /// Ballots count that are surely no readers'.
    disputed,
    /// The poll was reworded at `{time}`; why follows.
    reworded,
    /// To the poll that comes after this one.
    next_poll,
    /// `{name}` asks, in the sentence on who stands behind a poll.
    disclosed_asker,
    /// `{name}` pays.
    disclosed_payer,
    /// The licence is `{name}`.
    disclosed_licence,
    /// Votes were taken from `{start}` to `{end}`, by the clock of `{zone}`.
    disclosed_days,
    /// On one day.
    disclosed_day,
    /// Readers chose to take part; ends the sentence.
    disclosed_choice,
    /// Between two of these.
    disclosed_join,
    /// What a closed poll comes to by what was decided of ballots later.
    disclosed_addendum,
    /// What results these are, in a picture: the poll still takes votes.
    card_so_far,
    /// It does not any more.
    card_final,
    /// Either way, ballots count that are surely no readers'.
    card_disputed,
    /// Of what the shares of a ranked poll are, in a picture.
    card_ranked,
    /// What a snapshot is.
    snapshot,
    /// That it is entry `{n}` of the site's transparency log, and stays as it is.
    snapshot_fixed,
    /// To the proof of that.
    snapshot_proof,
    /// To its picture.
    snapshot_picture,
    /// To the poll as it is now.
    snapshot_now,
    /// The button that votes.
    vote,
    /// To the results, without voting.
    see_results,
    /// Back from there.
    back,
    /// To the article that the poll belongs to.
    to_article,
    /// Marks what this reader chose.
    your_choice,
    /// To the form again, for another choice.
    change,
    /// Takes the vote back.
    withdraw,
    /// Marks the right answer of a quiz.
    right_answer,
    /// The reader's answer is right.
    answered_right,
    /// It is wrong, and `{option}` is right.
    answered_wrong,
    /// To the next question of a series.
    next_question,
    /// The question is the `{n}`th of `{of}`.
    question_of,
    /// The reader has answered `{n}` of `{of}` rightly.
    score,
    /// What a reader may write beside "something else".
    own_words,
    /// What they wrote can't be taken; `{max}` characters can.
    say_otherwise,
    /// It has more than `{max}` characters.
    words_too_long,
    /// The vote was counted, and what they wrote not kept.
    words_left_out,
    /// Marks what came true of a prediction.
    came_true,
    /// The reader had predicted it.
    foreseen,
    /// They had not, and `{option}` came true.
    not_foreseen,
    /// Asks again at once.
    retry,
    /// To the form that needs no script.
    without_script,
    /// What the service is called, in its own page.
    service,
    /// What it does.
    service_does,
    /// To its documentation.
    service_docs,
    /// To the contract, as a file.
    service_contract,
    /// There is no page at the address asked for.
    nowhere,
    /// Heads the articles that are read most.
    most_read,
    /// Heads what is voted in most.
    most_voted,
    /// Heads what is reacted to most.
    most_reactions,
    /// No article was read yet, and no poll voted in.
    nothing_yet,
    /// A link to a receipt.
    recorded,
    /// The device works before the vote is sent.
    working,
    for script:
    /// The poll opens at `{time}`.
    opens,
    /// The poll opens at some time.
    not_open,
    /// The poll closes at `{time}`.
    closes,
    /// The poll is closed.
    ended,
    /// The poll was closed at `{time}`.
    ended_at,
    /// Its results are final.
    last,
    /// Marks who leads in them.
    most_votes,
    /// Why there are no results: one has to vote.
    hidden_after_vote,
    /// Why there are no results: the poll is open.
    hidden_after_close,
    /// Why there are no results: there never are.
    hidden_never,
    /// A vote is on its way.
    sending,
    /// It was counted.
    counted,
    /// It replaced another.
    changed,
    /// It was withdrawn.
    withdrawn,
    /// Another is on record, and stays.
    already_voted,
    /// Nothing is chosen.
    choose_first,
    /// The quota is spent.
    quota,
    /// What was chosen is not lost.
    kept,
    /// The service can't be reached.
    offline,
    /// There is no such poll.
    gone,
    /// This page may not vote.
    refused,
    /// To a page that may.
    open_page,
    /// Something else went wrong.
    failed,
    and for several:
    /// `{n}` of `{max}` are chosen.
    ticked,
    /// They are all there may be.
    ticked_all,
    /// `{n}` are chosen, fewer than `{min}`.
    too_few,
    /// `{n}` are chosen, more than `{max}`.
    too_many,
}

/// What is said of a poll in which an editor has decided more than question and options, for the script.
#[derive(Debug, Clone, Serialize)]
pub(super) struct DecidedTexts<'a> {
    /// From how many ballots on results are shown, if not from the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) few: Option<String>,
    /// A number that was rounded down.
    pub(super) at_least: &'a str,
    /// A number that is not told.
    pub(super) fewer_than: &'a str,
}

/// How a right option, and a ballot, are spoken of.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct VerdictTexts<'a> {
    /// Marks the option.
    pub mark: &'a str,
    /// The ballot names it.
    pub right: &'a str,
    /// It does not. `{option}` stands for the one that is right.
    pub wrong: &'a str,
}

/// What is said of readers' own words, and how many characters they may have.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct OpenAnswerTexts<'a> {
    most: usize,
    too_long: &'a str,
    left_out: &'a str,
    otherwise: &'a str,
}

/// What is said where options are ranked.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct RankedTexts<'a> {
    up: &'a str,
    down: &'a str,
    placed: &'a str,
    unplaced: &'a str,
    rank: &'a str,
    winner: &'a str,
    full: &'a str,
}

impl Texts {
    /// What is said of ranks; `None` of other kinds.
    pub fn ranked(&self, poll: &Poll) -> Option<RankedTexts<'_>> {
        poll.kind.is_ordered().then_some(RankedTexts {
            up: &self.move_up,
            down: &self.move_down,
            placed: &self.placed,
            unplaced: &self.unplaced,
            rank: &self.your_rank,
            winner: &self.wins,
            full: &self.rank_full,
        })
    }

    /// What is said of readers' own words; `None` if the poll takes none.
    pub fn open(&self, poll: &Poll) -> Option<OpenAnswerTexts<'_>> {
        poll.open_answer.then_some(OpenAnswerTexts {
            most: OPEN_ANSWER.characters,
            too_long: &self.words_too_long,
            left_out: &self.words_left_out,
            otherwise: &self.say_otherwise,
        })
    }

    /// What is said of ballots in this poll; `None` if none is right or wrong, or not yet.
    pub fn verdict(&self, poll: &Poll) -> Option<VerdictTexts<'_>> {
        let of_quiz =
            VerdictTexts { mark: &self.right_answer, right: &self.answered_right, wrong: &self.answered_wrong };
        let of_prediction = VerdictTexts { mark: &self.came_true, right: &self.foreseen, wrong: &self.not_foreseen };
        poll.is_judged().then(|| if poll.quiz.is_some() { of_quiz } else { of_prediction })
    }
}
