//! A picture beside an option.

use serde::{Deserialize, Serialize};

use super::{Text, WebAddress, check::Check, text::ALTERNATIVE};

/// A picture beside an option, at an address of somebody else's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptionImage {
    /// Its address, which begins with `https:`.
    pub url: WebAddress,
    /// What stands for it where it is not seen.
    pub alt: Text,
}

/// The same as a publisher asks for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewImage {
    /// An address that begins with `https:`.
    pub url: String,
    /// At most 300 characters.
    pub alt: String,
}

impl OptionImage {
    /// Whether a page that was got over TLS may show what is there.
    fn is_safe(url: &WebAddress) -> bool {
        url.as_str().starts_with("https://")
    }

    /// The origin that it comes from, as a page's policy names it.
    pub fn origin(&self) -> String {
        url::Url::parse(self.url.as_str()).map(|url| url.origin().ascii_serialization()).unwrap_or_default()
    }
}

impl Check {
    pub(super) fn image(&mut self, nth: usize, asked: &NewImage) -> Option<OptionImage> {
        let field = |name: &str| format!("options[{nth}].image.{name}");
        let alt = self.text(&field("alt"), &asked.alt, ALTERNATIVE);
        let url = self.address(&field("url"), Some(&asked.url))?;
        if !OptionImage::is_safe(&url) {
            self.refuse(field("url"), "must begin with https: a page that readers get safely shows no other");
            return None;
        }
        Some(OptionImage { url, alt: alt? })
    }
}
