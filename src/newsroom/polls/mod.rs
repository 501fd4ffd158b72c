//! The list of a site's polls.

use std::fmt::Display;

use askama::Template;

use crate::{
    embed::digits::Digits,
    newsroom::{chart::day_path, frame::Frame, texts::PollsTexts},
    poll::{Grade, Poll, State, TimeZone, Timestamp},
    publishing::PollsOrder,
};

/// One poll of the list.
pub struct PollRow {
    pub poll: Poll,
    /// Its state now.
    pub state: State,
    /// How many have voted, if that is known and the editor may see it.
    pub ballots: Option<u64>,
    /// How many did in each of the last 24 hours, if the editor may see it.
    pub last_day: Option<[u64; 24]>,
}

/// What the list was asked for.
#[derive(Default)]
pub struct PollsAsked {
    /// The words that were typed.
    pub typed: String,
    /// Only polls in this state.
    pub state: Option<State>,
    /// In this order.
    pub order: PollsOrder,
}

/// The list.
#[derive(Template)]
#[template(path = "polls/page.html", config = "src/newsroom/askama.toml")]
pub struct PollsPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// What was asked for.
    pub asked: PollsAsked,
    /// What is wrong with that, if something is.
    pub wrong: Option<&'static str>,
    /// In the order that was asked for.
    pub rows: &'a [PollRow],
    /// The zone that its times are in.
    pub timezone: &'a TimeZone,
    /// Where the next ones are, as a query.
    pub more: Option<String>,
    /// Whether a poll was just deleted.
    pub is_deleted: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "templates pass references")]
impl PollsPage<'_> {
    fn texts(&self) -> &'static PollsTexts {
        &self.frame.texts().polls
    }

    fn is_filtered(&self) -> bool {
        self.asked.state.is_some() || !self.asked.typed.is_empty()
    }

    fn states(&self) -> [(State, &'static str); 4] {
        [State::Open, State::Scheduled, State::Draft, State::Closed].map(|state| (state, self.state(&state)))
    }

    fn orders(&self) -> [(PollsOrder, &'static str); 3] {
        let texts = self.texts();
        [
            (PollsOrder::Newest, &texts.newest),
            (PollsOrder::Votes, &texts.most_votes),
            (PollsOrder::Closing, &texts.closing_next),
        ]
    }

    fn is_state(&self, state: &State) -> bool {
        self.asked.state == Some(*state)
    }

    fn is_order(&self, order: &PollsOrder) -> bool {
        self.asked.order == *order
    }

    fn state(&self, state: &State) -> &'static str {
        self.frame.state_text(*state)
    }

    fn path_of(&self, poll: &Poll) -> String {
        format!("{}/polls/{}", self.frame.here(), poll.id)
    }

    fn made(&self, poll: &Poll) -> impl Display {
        self.day(poll.created_at)
    }

    /// When it closes, or closed.
    fn closes(&self, row: &PollRow) -> String {
        row.poll.schedule.closes_at.map(|at| self.timezone.minute_time(at)).unwrap_or_default()
    }

    fn day(&self, moment: Timestamp) -> String {
        let time = self.timezone.local_time(moment).to_string();
        time.get(..10).unwrap_or(&time).to_owned()
    }

    fn zone(&self) -> &str {
        self.frame.language.zone(self.timezone)
    }

    fn ballots(&self, row: &PollRow) -> String {
        row.ballots.map_or_else(|| "–".to_owned(), |ballots| self.number(ballots))
    }

    /// That the row's figure is disputed, if the editor sees one and it is.
    fn dispute(&self, row: &PollRow) -> Option<&'static str> {
        let is_disputed = row.ballots.is_some() && row.poll.grade() == Grade::Disputed;
        is_disputed.then(|| self.frame.texts().incidents.disputed.as_str())
    }

    /// The last day's votes as a path, and in words.
    fn last_day(&self, row: &PollRow) -> Option<(String, String)> {
        let hours = row.last_day.as_ref()?;
        let path = day_path(hours, self.frame.language.direction())?;
        let votes = self.frame.language.count("votes", hours.iter().sum(), Digits::Latn);
        Some((path, format!("{} {votes}", self.texts().last_day)))
    }

    fn number(&self, number: u64) -> String {
        self.frame.language.number(number, Digits::Latn)
    }
}
