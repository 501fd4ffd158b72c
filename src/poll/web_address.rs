//! The address of a page on the web: a site's own, or an article's.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use url::Url;

use super::is_invisible;

/// The most bytes of an address, as sent and as a browser writes it.
const MOST_BYTES: usize = 2_048;

/// The address of a page that readers are sent to, as a browser writes it (<https://url.spec.whatwg.org/>).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WebAddress(Box<str>);

impl WebAddress {
    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for WebAddress {
    type Err = String;

    /// # Errors
    /// What the address must be, in words that follow its field's name.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rule =
            || "must be the address of a page, like https://news.example/, with nobody's name or password".to_owned();
        // Browsers remove these in some places, so the address would not be the one that was checked.
        if text.chars().any(|character| character.is_control() || is_invisible(character)) {
            return Err(rule());
        }
        let is_web = ["https://", "http://"]
            .iter()
            .any(|start| text.get(..start.len()).is_some_and(|begins| begins.eq_ignore_ascii_case(start)));
        let url = Url::parse(text).map_err(|_| rule())?;
        if !is_web || !url.username().is_empty() || url.password().is_some() {
            return Err(rule());
        }
        let written = String::from(url);
        match text.len().max(written.len()) {
            length if length > MOST_BYTES => {
                Err(format!("must be at most {MOST_BYTES} bytes, is {length} as a browser writes it"))
            }
            _ => Ok(Self(written.into())),
        }
    }
}

impl fmt::Display for WebAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_kept_as_a_browser_writes_it_and_leads_to_a_page_of_the_web() {
        for (sent, kept) in [
            ("https://news.example", "https://news.example/"),
            ("HTTP://News.example:80/a?b=c#d", "http://news.example/a?b=c#d"),
            ("https://صوت.example/خبر", "https://xn--pgbv1d.example/%D8%AE%D8%A8%D8%B1"),
        ] {
            assert_eq!(sent.parse::<WebAddress>().map(|page| page.to_string()).as_deref(), Ok(kept));
        }
        for bad in [
            "",
            "news.example",
            "/",
            "//news.example/",
            "javascript:alert(1)",
            "java\nscript:alert(1)",
            "data:text/html,x",
            "ftp://news.example/",
            "https:news.example",
            "https://",
            "https://editor@news.example/",
            "https://:secret@news.example/",
            "https://news.exa mple/",
            " https://news.example/",
            "https://news.example/\u{202E}",
        ] {
            assert!(bad.parse::<WebAddress>().is_err(), "{bad}");
        }
        let of =
            |path: usize, letter: &str| format!("https://news.example/{}", letter.repeat(path)).parse::<WebAddress>();
        assert!(of(2_027, "a").is_ok());
        assert_eq!(of(2_028, "a"), Err("must be at most 2048 bytes, is 2049 as a browser writes it".to_owned()));
        assert!(of(1_000, "خ").is_err(), "as a browser writes it each letter is six bytes");
    }
}
