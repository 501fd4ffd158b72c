//! The address of a page on the web, as publishers write it and browsers follow it.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use url::Url;

/// The longest address that everything on the way to a page is sure to take.
const MOST_CHARACTERS: usize = 2_048;

/// An absolute address of a web page, by `https` or `http`, as it was written. Letters outside ASCII are kept; a browser
/// encodes them.
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
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const RULE: &str =
            "must be a page's whole address, like https://news.example/article, of at most 2048 characters";
        let is_plain =
            |text: &str| !text.contains(|character: char| character.is_whitespace() || character.is_control());
        let is_long = text.chars().nth(MOST_CHARACTERS).is_some();
        let is_web = ["https://", "http://"].iter().any(|scheme| text.starts_with(scheme));
        if is_long || !is_web || !is_plain(text) {
            return Err(RULE);
        }
        let url: Url = text.parse().map_err(|_| RULE)?;
        // What stands before an @ looks like the host to a reader.
        if !url.username().is_empty() || url.password().is_some() {
            return Err("must not name a user or a password");
        }
        Ok(Self(text.into()))
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
    fn an_address_is_one_that_a_browser_follows_on_the_web() {
        let long = |characters: usize| format!("https://news.example/{}", "م".repeat(characters - 21));
        for good in [
            "https://news.example/article?id=7#votes",
            "http://localhost:3000/",
            "https://صحيفة.example/مقال/١",
            "https://news.example",
            &long(2_048),
        ] {
            assert_eq!(good.parse::<WebAddress>().map(|address| address.to_string()).as_deref(), Ok(good));
        }
        for bad in [
            "",
            "/article",
            "news.example/article",
            "//news.example/article",
            "javascript:alert(1)",
            "ftp://news.example/",
            "https://",
            "https:///article",
            "https://news.example/an article",
            " https://news.example/",
            "https://news.example/\n",
            "java\tscript:alert(1)",
            "https://news.example:99999/",
            "https://bank.example@evil.example/",
            "https://:password@news.example/",
            &long(2_049),
        ] {
            assert!(bad.parse::<WebAddress>().is_err(), "{bad}");
        }
    }
}
