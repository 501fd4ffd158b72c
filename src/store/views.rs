//! Views, and what of a site is seen, voted in and reacted to most.
//!
//! A ranking is a site's items by a score that decays: what came now counts 1, what came a window ago 1/e. So where as
//! much comes all the time, a score is what comes in a window.
//!
//! Decay goes forward (G. Cormode, V. Shkapenyuk, D. Srivastava, B. Xu, "Forward decay: a practical time decay model
//! for streaming systems", ICDE 2009): a count that comes `n` windows after a landmark adds `e^n`, and whoever reads
//! divides by the same number for now. So nothing that is kept is touched as time passes. The numbers grow until the
//! landmark is moved on, after [`LANDMARK_WINDOWS`]: 100 half-lives, far before a double overflows.

use std::{fmt, str::FromStr, time::Duration};

use async_trait::async_trait;

use super::StoreError;
use crate::{
    article::{ArticleKey, TemplateId},
    poll::{PollId, SiteId, Timestamp},
};

/// Views of polls, and rankings.
#[async_trait]
pub trait Views: Send + Sync {
    /// Counts a batch. The same batch again, within [`WRITER_SECS`] and before a later one of its writer, changes
    /// nothing. Nothing is counted of polls that the site does not have, or of a site that is not there. The polls of
    /// articles are no items of a ranking: their articles are.
    async fn count_views(&self, batch: &ViewBatch) -> Result<(), StoreError>;

    /// How many views a poll of a site has had.
    async fn poll_views(&self, site: &SiteId, poll: PollId) -> Result<u64, StoreError>;

    /// What ranks highest on a site: at most so many items, the highest first. A poll that was deleted may be among
    /// them.
    async fn ranking(
        &self,
        site: &SiteId,
        measure: Measure,
        window: TrendingWindow,
        most: usize,
    ) -> Result<Vec<ItemScore>, StoreError>;
}

/// What was counted on one site since the batch before.
#[derive(Debug, Clone, PartialEq)]
pub struct ViewBatch {
    /// Who sends it.
    pub writer: WriterId,
    /// Grows from one batch of a writer to the next, whatever their sites.
    pub number: u64,
    pub site: SiteId,
    /// How often polls were seen.
    pub polls: Vec<SeenPoll>,
    /// What moves items in rankings. A vote that was taken back moves its item down.
    pub items: Vec<(Measure, RankedItem, i64)>,
    /// The most items that a ranking keeps.
    pub most_ranked: u32,
}

/// A poll that was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenPoll {
    /// Which.
    pub poll: PollId,
    /// Its template, if it is an article's. Then the views are among the items too, where they rank the article.
    pub template: Option<TemplateId>,
    /// How often.
    pub views: u64,
}

/// One replica's writer of batches: random, and new at each start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriterId(pub [u8; 8]);

/// What a ranking ranks by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Measure {
    /// How often it was seen.
    Views,
    /// Ballots in polls, except reactions.
    Votes,
    /// Ballots in polls of kind `reaction`.
    Reactions,
}

impl Measure {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 3] = [Self::Views, Self::Votes, Self::Reactions];

    /// The measure as written in requests.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Views => "views",
            Self::Votes => "votes",
            Self::Reactions => "reactions",
        }
    }

    /// What stores call it.
    pub(super) fn code(self) -> usize {
        match self {
            Self::Views => 0,
            Self::Votes => 1,
            Self::Reactions => 2,
        }
    }
}

impl FromStr for Measure {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|it| it.as_str() == text).ok_or("must be views, votes or reactions")
    }
}

/// How far a ranking looks back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TrendingWindow {
    Hour,
    Day,
    Week,
}

impl TrendingWindow {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 3] = [Self::Hour, Self::Day, Self::Week];

    /// The window as written in requests.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "1h",
            Self::Day => "24h",
            Self::Week => "7d",
        }
    }

    /// How long it is.
    pub fn length(self) -> Duration {
        match self {
            Self::Hour => Duration::from_hours(1),
            Self::Day => Duration::from_hours(24),
            Self::Week => Duration::from_hours(7 * 24),
        }
    }

    /// What stores call it.
    pub(super) fn code(self) -> usize {
        match self {
            Self::Hour => 0,
            Self::Day => 1,
            Self::Week => 2,
        }
    }

    /// How many windows have passed from one moment to another; none if that is earlier, for a clock was set back.
    pub(super) fn passed(self, from: Timestamp, to: Timestamp) -> f64 {
        let millis = u64::try_from(to.as_millis() - from.as_millis()).unwrap_or_default();
        Duration::from_millis(millis).as_secs_f64() / self.length().as_secs_f64()
    }
}

impl FromStr for TrendingWindow {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|it| it.as_str() == text).ok_or("must be 1h, 24h or 7d")
    }
}

/// What a ranking ranks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RankedItem {
    Poll(PollId),
    Article(ArticleKey),
}

/// What the name of a ranked poll begins with. An article's begins with `id:` or `url:`.
const POLL: &str = "p:";

impl RankedItem {
    /// The item that has this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name.strip_prefix(POLL) {
            Some(id) => id.parse().ok().map(Self::Poll),
            None => name.parse().ok().map(Self::Article),
        }
    }
}

impl fmt::Display for RankedItem {
    /// The name by which stores know it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Poll(id) => write!(f, "{POLL}{id}"),
            Self::Article(key) => key.fmt(f),
        }
    }
}

/// An item and its score now.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemScore {
    /// What ranks there.
    pub item: RankedItem,
    /// About how often it was seen, or voted in, within the window; what came lately counts more.
    pub score: f64,
}

/// How long a store remembers a writer's last batch: far longer than it is tried again.
pub const WRITER_SECS: u32 = 60 * 60;

/// What has a lower score is forgotten: one view, three windows after it.
pub(super) const LEAST_SCORE: f64 = 0.05;

/// A landmark is moved on after so many windows: 100 half-lives, where a count adds `e^69`, about `10^30`.
pub(super) const LANDMARK_WINDOWS: f64 = 69.0;

/// A ranking that nothing was added to for so many windows is forgotten.
pub(super) const QUIET_WINDOWS: u32 = 12;

/// A count as a number that scores are made of.
pub(super) fn as_score(count: i64) -> f64 {
    f64::from(i32::try_from(count.clamp(i32::MIN.into(), i32::MAX.into())).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_has_one_name_and_every_word_is_understood() {
        let poll = RankedItem::Poll(PollId::generate());
        let articles = ["id:p", "url:https://news.example/p"].map(|key| RankedItem::Article(key.parse().unwrap()));
        for item in articles.into_iter().chain([poll]) {
            assert_eq!(RankedItem::named(&item.to_string()), Some(item));
        }
        assert_eq!(RankedItem::named("p:x").or(RankedItem::named("x")), None);
        assert!(Measure::ALL.iter().enumerate().all(|(code, it)| it.as_str().parse() == Ok(*it) && it.code() == code));
        assert!(
            TrendingWindow::ALL
                .iter()
                .enumerate()
                .all(|(code, it)| it.as_str().parse() == Ok(*it) && it.code() == code)
        );
    }
}
