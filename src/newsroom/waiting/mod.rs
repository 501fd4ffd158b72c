//! What waits for an editor.

use askama::Template;

use crate::{
    embed::digits::Digits,
    newsroom::{frame::Frame, texts::WaitingTexts},
    poll::{Poll, TimeZone, Timestamp},
    publishing::WaitingPolls,
};

/// The page.
#[derive(Template)]
#[template(path = "waiting/page.html", config = "src/newsroom/askama.toml")]
pub struct WaitingPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// What waits.
    pub waiting: &'a WaitingPolls,
    /// The zone that times are in.
    pub timezone: &'a TimeZone,
    /// Whether something was just done.
    pub is_done: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "templates pass references")]
impl WaitingPage<'_> {
    fn texts(&self) -> &'static WaitingTexts {
        &self.frame.texts().waiting
    }

    fn path_of(&self, poll: &Poll) -> String {
        format!("{}/polls/{}", self.frame.here(), poll.id)
    }

    fn votes(&self, number: &u64) -> String {
        self.frame.language.count("votes", *number, Digits::Latn)
    }

    fn number(&self, number: &usize) -> String {
        self.frame.language.number(u64::try_from(*number).unwrap_or_default(), Digits::Latn)
    }

    /// A moment to the minute, by the site's clock.
    fn time(&self, moment: Option<&Timestamp>) -> String {
        moment.map(|moment| self.timezone.minute_time(*moment)).unwrap_or_default()
    }

    fn zone(&self) -> &str {
        self.frame.language.zone(self.timezone)
    }
}
