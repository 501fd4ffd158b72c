//! The door: who comes in, and by what.

use askama::Template;

use crate::newsroom::frame::Frame;

/// Why somebody stands at the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DoorNotice {
    /// Their session has ended. What they typed is kept.
    Ended,
    /// Nobody holds the key they gave.
    WrongKey,
    /// The address that signs in once was used, or is too old.
    UsedLink,
    /// They have gone out.
    SignedOut,
}

/// The door.
#[derive(Template)]
#[template(path = "sign_in/page.html", config = "src/newsroom/askama.toml")]
pub struct SignInPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// What has happened.
    pub notice: Option<DoorNotice>,
    /// Where to go then.
    pub then: &'a str,
    /// A form that waits to be sent there: its fields, as a browser writes them.
    pub kept: &'a str,
    /// What signs in once.
    pub link: Option<&'a str>,
}

impl SignInPage<'_> {
    fn is_wrong_key(&self) -> bool {
        self.notice == Some(DoorNotice::WrongKey)
    }
}
