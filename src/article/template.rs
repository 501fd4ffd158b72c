//! What a site's articles are given to answer, written once for all of them.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{ArticleId, ArticleKey, article_poll_id};
use crate::poll::{
    DigestKey, InvalidId, Partitions, Phase, Poll, PollArticle, PollId, Revision, Schedule, SiteId, Timestamp,
    WebAddress, word_id,
};

word_id!(
    /// A template's id: 1 to 32 of `a-z 0-9 _ -`.
    TemplateId,
    "1 to 32 characters of a-z, 0-9, _ and -, starting with a letter or digit",
    |bytes| {
        let is_plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        (1..=32).contains(&bytes.len())
            && bytes.first().is_some_and(is_plain)
            && bytes.iter().all(|byte| is_plain(byte) || b"_-".contains(byte))
    }
);

/// The most templates of a site.
pub const MOST_TEMPLATES: usize = 50;
/// For how many days an article's poll takes votes, unless its template says otherwise, and at most.
pub const OPEN_FOR_DAYS: (u32, u32) = (90, 3_650);
/// How many articles of a template take votes at a time, unless it says otherwise, and at most.
pub const MOST_ARTICLES: (u32, u32) = (10_000, 1_000_000);
/// From so many clients on that have voted in it, an article is no longer provisional.
pub const HONEST_CLIENTS: usize = 5;
const DAY_MILLIS: i64 = 24 * 60 * 60 * 1_000;

/// Which articles polls may come to be of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Admission {
    /// Those that the publisher has announced.
    Announced,
    /// These, and every address under the site's origins.
    OwnOrigins,
}

/// A template. Its polls come to be with their first ballots, and keep what it said then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// Its id on its site.
    pub id: TemplateId,
    /// A poll as all of its are: with this site, question, kind and rules. Its own id means nothing; from its key those
    /// of its polls follow.
    pub pattern: Poll,
    /// Which articles it is for.
    pub admits: Admission,
    /// For how many days a poll takes votes. After that its counts stay, and the records of its voters go.
    pub open_for_days: u32,
    /// The most articles whose polls take votes at a time.
    pub most_articles: u32,
}

impl Template {
    /// The id of an article's poll.
    pub fn poll_id(&self, article: &ArticleKey) -> PollId {
        article_poll_id(&self.pattern.site, article, self.id.as_str())
    }

    /// How long a poll takes votes, in milliseconds.
    pub fn open_for_millis(&self) -> i64 {
        i64::from(self.open_for_days) * DAY_MILLIS
    }

    /// An article's poll as readers see it before there is one. Its revision is 0: no store has it.
    pub fn unmade(&self, article: &ArticleKey, page: Option<WebAddress>) -> Poll {
        let named = PollArticle { template: self.id.to_string(), key: article.to_string() };
        let id = self.poll_id(article);
        Poll { id, revision: Revision(0), article_url: page, article: Some(named), ..self.pattern.clone() }
    }

    /// An article's poll, which takes votes from now on.
    ///
    /// Its key follows from the template's: a poll that goes and comes again knows its voters by the same digests, also
    /// those who still vote by what they know of the one before.
    pub fn make(&self, article: &ArticleKey, page: Option<WebAddress>, partitions: Partitions, now: Timestamp) -> Poll {
        let closes_at = Timestamp::from_millis(now.as_millis().saturating_add(self.open_for_millis()));
        let unmade = self.unmade(article, page);
        let key = blake3::keyed_hash(self.pattern.digest_key.as_bytes(), unmade.id.as_bytes());
        Poll {
            schedule: Schedule { phase: Phase::Live, opens_at: None, closes_at: Some(closes_at) },
            revision: Revision::FIRST,
            created_at: now,
            updated_at: now,
            partitions,
            digest_key: DigestKey::from_bytes(*key.as_bytes()),
            ..unmade
        }
    }
}

/// A poll that is to be made for an article.
#[derive(Debug, Clone)]
pub struct NewArticlePoll {
    pub poll: Poll,
    pub template: TemplateId,
    /// The announced article that it is for; `None` if it is for an address that nobody has announced. Such a poll is
    /// provisional until [`HONEST_CLIENTS`] have voted in it. That they have seen it is no sign: a view needs no voter
    /// and costs its client next to nothing, so a flood would make its inventions honest by views.
    pub announced: Option<ArticleId>,
    /// The most polls of the template that take votes.
    pub most_articles: u32,
}

impl NewArticlePoll {
    pub fn site(&self) -> &SiteId {
        &self.poll.site
    }
}
