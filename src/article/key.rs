//! What names an article, and the id of its poll.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{AddressFault, ArticleAddress};
use crate::poll::{InvalidId, PollId, SiteId, word_id};

word_id!(
    /// An article's id, its publisher's own: 1 to 128 of `A-Z a-z 0-9 . _ ~ -`. These are the characters that need no
    /// escape in a URL (RFC 3986, section 2.3), so an id has one way to be written in a path. `.` and `..` are no ids:
    /// browsers and proxies take them out of paths.
    ArticleId,
    "1 to 128 characters of A-Z, a-z, 0-9, '.', '_', '~' and '-', and neither . nor ..",
    |bytes| {
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"._~-".contains(byte);
        (1..=128).contains(&bytes.len()) && bytes.iter().all(is_plain) && bytes != b"." && bytes != b".."
    }
);

/// What stands in a path in place of an article's id, where the article is named by its address: no id has such a
/// character.
pub const BY_ADDRESS: &str = "@url";

/// How a request names an article.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArticleName {
    /// By its publisher's id.
    Id(ArticleId),
    /// By its address, as it was sent: its site says which form it has.
    Address(String),
}

/// How an article is named: by its publisher's id, or by its address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ArticleKey {
    /// By its publisher's id.
    Id(ArticleId),
    /// By its address.
    Address(ArticleAddress),
}

impl fmt::Display for ArticleKey {
    /// `id:` or `url:`, and the name. Stores keep this text, and polls' ids come from it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "id:{id}"),
            Self::Address(address) => write!(f, "url:{address}"),
        }
    }
}

impl FromStr for ArticleKey {
    type Err = String;

    /// Reads what `Display` wrote.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some(("id", id)) => id.parse().map(Self::Id).map_err(|rule: InvalidId| rule.to_string()),
            Some(("url", address)) => {
                address.parse().map(Self::Address).map_err(|fault: AddressFault| fault.to_string())
            }
            Some(_) | None => Err("must begin with id: or url:".to_owned()),
        }
    }
}

impl TryFrom<String> for ArticleKey {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ArticleKey> for String {
    fn from(key: ArticleKey) -> Self {
        key.to_string()
    }
}

/// The id of the poll that an article has by one of its site's templates: the same at every replica, before there is
/// such a poll.
pub fn article_poll_id(site: &SiteId, article: &ArticleKey, template: &str) -> PollId {
    let mut hasher = blake3::Hasher::new_derive_key("sawt 2026-11-29 poll of an article by a template");
    // Neither a site's id nor an article's key holds a zero byte, so each part ends where the next one begins.
    for part in [site.as_str(), "\0", &article.to_string(), "\0", template] {
        hasher.update(part.as_bytes());
    }
    let mut bytes = [0; 16];
    hasher.finalize_xof().fill(&mut bytes);
    PollId::derived(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_articles_id_needs_no_escape_in_a_path() {
        for good in ["1", "kuna-3214567", "2026.11.29_a~B", "...", "-", &"a".repeat(128)] {
            assert!(good.parse::<ArticleId>().is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "a b", "a/b", "a%20b", "a:b", "خبر", "a?b", "a,b", "a+b", &"a".repeat(129)] {
            assert!(bad.parse::<ArticleId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_key_is_read_as_it_was_written() {
        for text in ["id:kuna-1", "url:https://news.example/a?b=c"] {
            let key: ArticleKey = text.parse().unwrap();
            assert_eq!(key.to_string(), text);
            let json = serde_json::to_string(&key).unwrap();
            assert_eq!(serde_json::from_str::<ArticleKey>(&json).unwrap(), key);
        }
        for bad in ["", "kuna-1", "id:", "id:a/b", "url:", "url:news.example", "Id:a"] {
            assert!(bad.parse::<ArticleKey>().is_err(), "{bad}");
        }
    }

    /// Polls that exist have their ids from here: another id would be another poll, without the ballots.
    #[test]
    fn the_poll_of_an_article_has_the_same_id_for_ever() {
        let of = |site: &str, key: &str, template: &str| {
            article_poll_id(&site.parse().unwrap(), &key.parse().unwrap(), template)
        };
        let id = of("kuna", "id:3214567", "stars");
        assert_eq!(id.to_string(), "98526452-912e-8e6a-a145-dd59d92417ce");
        assert_eq!(
            of("kuna", "url:https://news.example/خبر", "stars").to_string(),
            "b5e40c6d-69ba-8917-aeca-f369edb43773"
        );
        assert_eq!(id.made_at(), None);
        let others = [
            of("kun", "id:a3214567", "stars"),
            of("kuna", "id:3214568", "stars"),
            of("kuna", "id:3214567", "star"),
            of("kuna", "id:3214567s", "tars"),
            of("kuna", "id:3214567stars", ""),
            of("kuna", "url:https://3214567.example/", "stars"),
        ];
        assert!(!others.contains(&id));
    }
}
