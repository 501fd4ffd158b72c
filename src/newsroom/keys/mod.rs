//! A site's API keys: which there are, what each may do, and a new one, shown once.

use std::fmt::Display;

use askama::Template;

use crate::{
    newsroom::{frame::Frame, texts::KeysTexts},
    poll::TimeZone,
    site::{ApiKey, KeyId, Scope},
};

/// The list, and the form for another.
#[derive(Template)]
#[template(path = "keys/page.html", config = "src/newsroom/askama.toml")]
pub struct KeysPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// Oldest first.
    pub keys: &'a [ApiKey],
    /// The one by whose key the editor is signed in.
    pub own: Option<&'a KeyId>,
    /// The zone that times are in.
    pub timezone: &'a TimeZone,
    /// What was typed, and is not right yet.
    pub typed: TypedKey<'a>,
    /// A key that was just made: its name, and its text, which is shown here and never again.
    pub made: Option<(String, &'a str)>,
    /// Whether one was just revoked.
    pub is_revoked: bool,
}

/// A new key as somebody has typed it.
#[derive(Default)]
pub struct TypedKey<'a> {
    /// What it is to be called.
    pub name: &'a str,
    /// What is wrong with that.
    pub name_fault: Option<String>,
    /// What it is to be allowed.
    pub scopes: Vec<Scope>,
    /// Whether nothing is, and something must be.
    pub lacks_scopes: bool,
}

/// Asks whether a key is to be revoked.
#[derive(Template)]
#[template(path = "keys/revoke.html", config = "src/newsroom/askama.toml")]
pub struct RevokePage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    pub key: &'a ApiKey,
    /// Whether the editor is signed in by it.
    pub is_own: bool,
}

impl KeysPage<'_> {
    fn texts(&self) -> &'static KeysTexts {
        &self.frame.texts().keys
    }

    fn is_own(&self, key: &ApiKey) -> bool {
        self.own == Some(&key.id)
    }

    fn made_at(&self, key: &ApiKey) -> impl Display {
        self.timezone.local_time(key.created_at)
    }

    fn is_ticked(&self, scope: Scope) -> bool {
        self.typed.scopes.contains(&scope)
    }

    /// What the editor may give: nobody gives what they lack.
    fn offered(&self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(|scope| self.frame.may(*scope))
    }

    fn in_words(&self, scope: Scope) -> &'static str {
        let texts = self.texts();
        match scope {
            Scope::PollsRead => &texts.polls_read,
            Scope::PollsWrite => &texts.polls_write,
            Scope::PollsModerate => &texts.polls_moderate,
            Scope::ResultsRead => &texts.results_read,
            Scope::KeysWrite => &texts.keys_write,
            Scope::SitesWrite => &texts.sites_write,
        }
    }

    fn all_in_words(&self, key: &ApiKey) -> Vec<&'static str> {
        Vec::from(key.scopes.clone()).into_iter().map(|scope| self.in_words(scope)).collect()
    }
}

impl RevokePage<'_> {
    fn texts(&self) -> &'static KeysTexts {
        &self.frame.texts().keys
    }
}
