//! A site's log: who did what, and when. A poll's page tells of its own events in the same words.

mod line;

use askama::Template;

pub use line::{EventLine, EventWriter, event_text, subject_text};

use crate::{
    newsroom::{frame::Frame, texts::SiteLogTexts},
    poll::{Poll, TimeZone},
    site::{EventSubject, Scope},
};

/// The page.
#[derive(Template)]
#[template(path = "site_log/page.html", config = "src/newsroom/askama.toml")]
pub struct SiteLogPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// What it is asked for: events about this alone.
    pub about: Option<EventSubject>,
    /// And of this poll alone.
    pub poll: Option<&'a Poll>,
    /// The last one first.
    pub lines: Vec<EventLine>,
    /// The zone that times are in.
    pub timezone: &'a TimeZone,
    /// Where those before them are, as a query.
    pub more: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "templates pass references")]
impl SiteLogPage<'_> {
    fn texts(&self) -> &'static SiteLogTexts {
        &self.frame.texts().log
    }

    /// What may be asked for: who may not know of keys is not offered them.
    fn subjects(&self) -> Vec<(EventSubject, &'static str)> {
        let may_see = |subject: &EventSubject| !subject.needs_keys_scope() || self.frame.may(Scope::KeysWrite);
        let named = |subject| (subject, subject_text(self.frame.language, subject));
        EventSubject::ALL.into_iter().filter(may_see).map(named).collect()
    }

    fn is_about(&self, subject: &EventSubject) -> bool {
        self.about == Some(*subject)
    }

    fn is_filtered(&self) -> bool {
        self.about.is_some() || self.poll.is_some()
    }

    fn zone(&self) -> &str {
        self.frame.language.zone(self.timezone)
    }
}
