//! The list of a site's polls.

use std::fmt::Display;

use askama::Template;

use crate::{
    embed::digits::Digits,
    newsroom::{
        frame::{Frame, Section},
        texts::PollsTexts,
    },
    poll::{Poll, State, TimeZone},
};

/// One poll of the list.
pub struct PollRow {
    /// The poll.
    pub poll: Poll,
    /// Its state now.
    pub state: State,
    /// How many have voted, if that is known and the editor may see it.
    pub ballots: Option<u64>,
}

/// The list.
#[derive(Template)]
#[template(path = "polls/page.html", config = "src/newsroom/askama.toml")]
pub struct PollsPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// Newest first.
    pub rows: &'a [PollRow],
    /// The zone that its times are in.
    pub timezone: &'a TimeZone,
    /// Where older ones are, as a query.
    pub more: Option<String>,
}

impl PollsPage<'_> {
    fn texts(&self) -> &'static PollsTexts {
        &self.frame.texts().polls
    }

    fn state(&self, state: State) -> &'static str {
        let texts = self.texts();
        match state {
            State::Draft => &texts.draft,
            State::Scheduled => &texts.scheduled,
            State::Open => &texts.open,
            State::Closed => &texts.closed,
        }
    }

    fn made(&self, poll: &Poll) -> impl Display {
        self.timezone.local_time(poll.created_at)
    }

    fn ballots(&self, row: &PollRow) -> String {
        row.ballots.map_or_else(|| "–".to_owned(), |ballots| self.frame.language.number(ballots, Digits::Latn))
    }
}
