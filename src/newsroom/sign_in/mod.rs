//! Where editors sign in: by what, and why they are asked to.

use askama::Template;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::newsroom::frame::Frame;

/// Why somebody is asked to sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignInNotice {
    /// Their session has ended. What they typed is kept.
    Ended,
    /// Nobody holds the key they gave.
    WrongKey,
    /// The address that signs in once was used, or is too old.
    UsedLink,
    /// They have tried too many keys.
    TooManyTries,
    /// The store does not answer, so it is not known who they are.
    StoreAway,
    /// They have gone out.
    SignedOut,
    /// They were let in just now, and the browser does not keep a session without TLS.
    NotKept,
    /// Who names editors does not answer.
    ProviderAway,
    /// They came back with something that was not asked for.
    ProviderRefused,
    /// They are known, by this name, and have no business here.
    NoRole(String),
}

/// The page.
#[derive(Template)]
#[template(path = "sign_in/page.html", config = "src/newsroom/askama.toml")]
pub struct SignInPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// What has happened.
    pub notice: Option<SignInNotice>,
    /// Where to go then.
    pub then: &'a str,
    /// A form that waits to be sent there: its fields, as a browser writes them.
    pub kept: &'a str,
    /// What signs in once.
    pub link: Option<&'a str>,
    /// What the provider that names editors is called, if there is one: empty if it has no name.
    pub provider: Option<&'a str>,
}

impl SignInPage<'_> {
    fn by_provider(&self, name: &str) -> String {
        let texts = &self.frame.texts().sign_in;
        if name.is_empty() { texts.by_provider.clone() } else { texts.by_named_provider.replace("{name}", name) }
    }

    fn start(&self) -> String {
        format!("/newsroom/oidc/start?then={}", utf8_percent_encode(self.then, NON_ALPHANUMERIC))
    }

    fn no_role(&self, name: &str) -> String {
        self.frame.texts().sign_in.no_role.replace("{name}", &format!("\u{2068}{name}\u{2069}"))
    }

    fn is_wrong_key(&self) -> bool {
        self.notice == Some(SignInNotice::WrongKey)
    }
}
