//! What a publisher chooses for a page by its query.

use super::{digits::Digits, language::Language};

/// The style sheet that stands in a page for its site's look. The page's policy allows it by its hash.
pub fn style_sheet(declarations: &str) -> String {
    format!(".sawt{{{declarations}}}")
}

/// Colours: as the reader's device says, or always these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// As the device says.
    #[default]
    Auto,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Theme {
    /// The theme that a word means, in capitals or not; `None` if it means none.
    pub fn meant(name: &str) -> Option<Self> {
        let is = |theme: &Self| theme.as_str().eq_ignore_ascii_case(name.trim());
        [Self::Auto, Self::Light, Self::Dark].into_iter().find(is)
    }

    /// The theme as pages name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// What a publisher chooses for a page by its query, beside the poll's own settings.
#[derive(Debug, Clone, Default)]
pub struct Look {
    /// The language of everything but the poll's own texts, if not the poll's.
    pub language: Option<&'static Language>,
    /// Which digits; Latin ones unless said.
    pub digits: Digits,
    /// Which colours.
    pub theme: Theme,
    /// Whether a reader without script has asked for the results.
    pub peek: bool,
}

impl Look {
    /// The look as a query, so that it stays from page to page; empty if all is as usual.
    pub fn query(&self) -> String {
        let language = self.language.map(|language| format!("lang={}", language.tag()));
        let digits = (self.digits != Digits::default()).then(|| format!("digits={}", self.digits.as_str()));
        let theme = (self.theme != Theme::default()).then(|| format!("theme={}", self.theme.as_str()));
        let said: Vec<String> = [language, digits, theme].into_iter().flatten().collect();
        if said.is_empty() { String::new() } else { format!("?{}", said.join("&")) }
    }
}
