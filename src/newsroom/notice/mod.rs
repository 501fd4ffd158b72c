//! A page that says one thing: what went wrong, or what waits to be sent again.

use askama::Template;

use crate::newsroom::frame::Frame;

/// What it says.
#[derive(Template)]
#[template(path = "notice/page.html", config = "src/newsroom/askama.toml")]
pub struct NoticePage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// In a few words.
    pub title: &'a str,
    /// In a sentence or two.
    pub message: &'a str,
    /// A form that can be sent again as it was: where to, and its fields, with its token.
    pub again: Option<(&'a str, &'a [(String, String)])>,
}

impl<'a> NoticePage<'a> {
    /// A page that keeps a form: where to it was sent, and its fields. It stays kept when another language is chosen.
    pub fn keeping(
        frame: Frame<'a>,
        title: &'a str,
        message: &'a str,
        form: (&'a str, &'a [(String, String)]),
    ) -> Self {
        Self { frame: Frame { form: Some("kept"), ..frame }, title, message, again: Some(form) }
    }
}

impl NoticePage<'_> {
    /// Whether the form can be looked at before it is sent: it says of itself that its page shows what was typed, and
    /// sends nothing, if `do` is `again`.
    fn can_be_looked_at(&self) -> bool {
        self.again.is_some_and(|(_, fields)| fields.iter().any(|(name, _)| name == "shows_again"))
    }
}
