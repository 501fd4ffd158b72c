//! The pages that show no poll: why there is none, and what the service is.

use askama::Template;

use super::{
    assets::{self, Asset},
    digits::Digits,
    language::Language,
    shown_poll::Window,
    texts::Texts,
};

/// A page that shows no poll but says why not.
pub struct Refusal<'a> {
    /// What every path of the service begins with.
    pub base_path: &'a str,
    /// In this language.
    pub language: &'static Language,
    /// What is the matter.
    pub reason: Reason,
    /// When it may be asked again, in seconds.
    pub wait_secs: Option<u64>,
    /// Whether the page does so by itself.
    pub refreshes: bool,
    /// A page of ours to go on to.
    pub again: Option<&'a str>,
    /// What it is shown in.
    pub window: Window,
}

/// Why a page shows no poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// There is none.
    Gone,
    /// Nor is the address one of a poll's.
    Nowhere,
    /// The quota is spent.
    Quota,
    /// The request came from a page that may not vote.
    Refused,
    /// Something else.
    Failed,
}

impl Refusal<'_> {
    /// The page.
    ///
    /// # Errors
    /// The template can't be written, which is a defect.
    pub fn render(&self) -> Result<String, askama::Error> {
        let texts = self.language.texts();
        let (state, message) = match self.reason {
            Reason::Gone => ("gone", &texts.gone),
            Reason::Nowhere => ("gone", &texts.nowhere),
            Reason::Quota => ("quota", &texts.quota),
            Reason::Refused => ("gone", &texts.refused),
            Reason::Failed => ("offline", &texts.failed),
        };
        let of = if self.refreshes { "wait" } else { "later" };
        let wait = self.wait_secs.map(|secs| self.language.count(of, secs, Digits::Latn)).unwrap_or_default();
        RefusalPage {
            base_path: self.base_path,
            language: self.language,
            texts,
            state,
            message,
            wait,
            refresh_secs: self.wait_secs.filter(|_| self.refreshes),
            again: self.again,
            top: self.window.mark(),
            style: &assets::all().style,
        }
        .render()
    }
}

#[derive(Template)]
#[template(path = "refusal.html", config = "src/embed/askama.toml")]
struct RefusalPage<'a> {
    base_path: &'a str,
    language: &'static Language,
    texts: &'static Texts,
    state: &'static str,
    message: &'a str,
    wait: String,
    refresh_secs: Option<u64>,
    again: Option<&'a str>,
    top: &'static str,
    style: &'static Asset,
}

/// What the service is, for people who come to its bare address, where every path of it begins so.
///
/// # Errors
/// The template can't be written, which is a defect.
pub fn home(language: &'static Language, base_path: &str) -> Result<String, askama::Error> {
    HomePage {
        base_path,
        language,
        texts: language.texts(),
        style: &assets::all().style,
        version: env!("CARGO_PKG_VERSION"),
    }
    .render()
}

#[derive(Template)]
#[template(path = "home.html", config = "src/embed/askama.toml")]
struct HomePage<'a> {
    base_path: &'a str,
    language: &'static Language,
    texts: &'static Texts,
    style: &'static Asset,
    version: &'static str,
}
