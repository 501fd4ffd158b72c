//! A run-off as it is sent.

use serde::Serialize;

use crate::poll::{Eliminated, Grade, OptionId, Poll, PollId, Revision, Round, Runoff, State, TieBreak, Timestamp};

#[derive(Serialize)]
struct RunoffJson<'a> {
    poll: PollId,
    state: State,
    as_of: Timestamp,
    ballots: u64,
    options: Vec<LabelledOption<'a>>,
    rounds: Vec<RoundJson<'a>>,
    winner: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    disputed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    addendum: Option<RunoffAddendum<'a>>,
}

/// The run-off by what was decided after the close, beside the final one.
#[derive(Serialize)]
struct RunoffAddendum<'a> {
    decided_at: Timestamp,
    revision: Revision,
    ballots: u64,
    /// `None` if its ballots were forgotten before.
    rounds: Option<Vec<RoundJson<'a>>>,
    winner: Option<&'a str>,
}

#[derive(Serialize)]
struct LabelledOption<'a> {
    id: &'a str,
    label: &'a str,
}

#[derive(Serialize)]
struct RoundJson<'a> {
    options: Vec<OptionVotes<'a>>,
    exhausted: u64,
    eliminated: Option<&'a str>,
    tie_broken_by: Option<&'static str>,
}

#[derive(Serialize)]
struct OptionVotes<'a> {
    id: &'a str,
    votes: u64,
}

/// A run-off's JSON, with the labels of the options as they are worded now.
pub fn runoff_json(poll: &Poll, runoff: &Runoff, amended: Option<&Runoff>, state: State, as_of: Timestamp) -> String {
    // What was decided is told also where it can't be counted any more: who won may have changed by it.
    let addendum = poll.addendum.as_ref().map(|addendum| RunoffAddendum {
        decided_at: addendum.at,
        revision: addendum.revision,
        ballots: amended.map_or(addendum.ballots, |runoff| runoff.ballots),
        rounds: amended.map(|runoff| runoff.rounds.iter().map(RoundJson::of).collect()),
        winner: amended.and_then(|runoff| runoff.winner.as_ref()).map(OptionId::as_str),
    });
    let json = RunoffJson {
        poll: poll.id,
        state,
        as_of,
        ballots: runoff.ballots,
        options: poll
            .options
            .iter()
            .map(|option| LabelledOption { id: option.id.as_str(), label: option.label.as_str() })
            .collect(),
        rounds: runoff.rounds.iter().map(RoundJson::of).collect(),
        winner: runoff.winner.as_ref().map(OptionId::as_str),
        disputed: poll.grade() == Grade::Disputed,
        addendum,
    };
    // It consists of texts and numbers, which can always be written.
    serde_json::to_string(&json).unwrap_or_default()
}

impl<'a> RoundJson<'a> {
    fn of(Round { votes, exhausted, eliminated }: &'a Round) -> Self {
        let tie = eliminated.as_ref().and_then(|Eliminated { tie, .. }| *tie);
        Self {
            options: votes.iter().map(|(id, votes)| OptionVotes { id: id.as_str(), votes: *votes }).collect(),
            exhausted: *exhausted,
            eliminated: eliminated.as_ref().map(|eliminated| eliminated.option.as_str()),
            tie_broken_by: tie.map(|tie| match tie {
                TieBreak::EarlierRound => "earlier-round",
                TieBreak::Hash => "hash",
            }),
        }
    }
}
