//! Who is signed in at a site.

use askama::Template;

use crate::{
    newsroom::{frame::Frame, texts::PeopleTexts},
    poll::Timestamp,
    publishing::ListedSession,
    site::{ApiKey, Role, SessionHolder, SessionId, Site},
};

/// The page.
#[derive(Template)]
#[template(path = "people/page.html", config = "src/newsroom/askama.toml")]
pub struct PeoplePage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// Where.
    pub site: &'a Site,
    /// Those who came last first.
    pub sessions: &'a [ListedSession],
    /// The one that the page is shown to.
    pub own: Option<&'a SessionId>,
    /// Whether one was just ended.
    pub is_ended: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "templates pass references")]
impl PeoplePage<'_> {
    fn texts(&self) -> &'static PeopleTexts {
        &self.frame.texts().people
    }

    fn is_own(&self, listed: &ListedSession) -> bool {
        self.own == Some(&listed.id)
    }

    /// Who it is, as the log names them.
    fn called(&self, listed: &ListedSession) -> String {
        match &listed.session.holder {
            SessionHolder::Person(person) => person.name.to_string(),
            SessionHolder::Key { key, .. } => listed.key.as_ref().map_or_else(|| key.prefix(), ApiKey::called),
            SessionHolder::Admin { .. } | SessionHolder::Link { .. } => self.frame.texts().frame.operator.clone(),
        }
    }

    /// What they are here, or what their key begins with.
    fn by(&self, listed: &ListedSession) -> String {
        let texts = self.texts();
        match &listed.session.holder {
            SessionHolder::Person(person) => match person.role_at(&self.site.id) {
                Some(Role::Viewer) => texts.viewer.clone(),
                Some(Role::Editor) => texts.editor.clone(),
                Some(Role::Publisher) => texts.publisher.clone(),
                Some(Role::Admin) => texts.admin.clone(),
                None => String::new(),
            },
            SessionHolder::Key { .. } => texts.by_key.clone(),
            SessionHolder::Admin { .. } | SessionHolder::Link { .. } => texts.by_admin_key.clone(),
        }
    }

    #[expect(clippy::unused_self, reason = "templates call what belongs to the page")]
    fn prefix(&self, listed: &ListedSession) -> Option<String> {
        listed.key.as_ref().map(ApiKey::prefix)
    }

    /// Whether they have other sessions here too.
    fn has_others(&self, listed: &ListedSession) -> bool {
        let holder = &listed.session.holder;
        self.sessions.iter().filter(|other| other.session.holder.is_same(holder)).count() > 1
    }

    fn time(&self, moment: &Timestamp) -> String {
        self.site.settings.timezone.minute_time(*moment)
    }

    fn zone(&self) -> &str {
        self.frame.language.zone(&self.site.settings.timezone)
    }
}
