//! What was counted since the last write.
//!
//! One number for each poll or article, whatever the number of views. Invented articles must not fill the memory: there
//! are at most [`MOST_ARTICLES`], and views of others are dropped until the next write, and counted as dropped.

use std::{
    collections::{BTreeMap, HashMap},
    hash::{BuildHasher as _, RandomState},
    sync::Arc,
    time::Instant,
};

use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use super::{Measure, RankedItem, Viewed, recent_ballots::RecentBallots};
use crate::{
    article::ArticleKey,
    poll::{Ballot, Outcome, Poll, PollId, SiteId, State},
    store::SeenPoll,
    telemetry::{Metrics, ViewOutcome},
};

/// With so many locks two workers rarely need the same one.
const SHARDS: usize = 16;
/// The most articles, and as many polls, that wait to be written: a second of a replica's, many times over. With
/// addresses as long as they may be they take 33 MB.
pub(super) const MOST_ARTICLES: usize = 16_384;
const MOST_PER_SHARD: usize = MOST_ARTICLES / SHARDS;

/// The numbers, shared by all workers of a replica.
pub struct ViewCounts {
    shards: [Mutex<CountShard>; SHARDS],
    /// Whose keys readers choose: hashed under a seed of this process.
    hasher: RandomState,
    recent: Mutex<RecentBallots>,
    metrics: Arc<Metrics>,
}

#[derive(Default)]
struct CountShard {
    polls: FxHashMap<PollId, PollCount>,
    articles: HashMap<(SiteId, ArticleKey), u32>,
}

struct PollCount {
    poll: Arc<Poll>,
    views: u64,
    ballots: i64,
}

/// What was counted on one site.
#[derive(Default, Clone)]
pub(super) struct SiteCounts {
    pub(super) polls: Vec<SeenPoll>,
    pub(super) items: Vec<(Measure, RankedItem, i64)>,
}

impl ViewCounts {
    /// Nothing was counted yet.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        let shards = std::array::from_fn(|_| Mutex::default());
        Self { shards, hasher: RandomState::new(), recent: Mutex::default(), metrics }
    }

    /// Counts a view, or drops it if too much waits already.
    pub(super) fn count(&self, viewed: &Viewed) {
        let is_taken = match viewed {
            Viewed::Poll(known) => self.with_poll(&known.poll, |count| count.views += 1),
            Viewed::Article(_, None) => {
                self.metrics.count_views(ViewOutcome::LeftOut, 1);
                return;
            }
            Viewed::Article(site, Some(key)) => {
                let id = (site.id.clone(), key.clone());
                let shard = self.shard(self.hasher.hash_one(&id));
                let mut shard = shard.lock();
                let has_room = shard.articles.len() < MOST_PER_SHARD || shard.articles.contains_key(&id);
                if has_room {
                    let views = shard.articles.entry(id).or_default();
                    *views = views.saturating_add(1);
                }
                has_room
            }
        };
        self.metrics.count_views(if is_taken { ViewOutcome::Accepted } else { ViewOutcome::Dropped }, 1);
    }

    pub(super) fn leave_out(&self) {
        self.metrics.count_views(ViewOutcome::LeftOut, 1);
    }

    /// Counts what a batch of ballots did. On a vote's way: one look-up for a whole batch, and nothing if it moved no
    /// tally. Where ballots may be taken back, another one for the batch.
    pub fn count_ballots(&self, poll: &Arc<Poll>, ballots: &[Ballot], outcomes: &[Outcome]) {
        let moved: i64 = if poll.changeable {
            let (now, mut recent) = (Instant::now(), self.recent.lock());
            let became = ballots.iter().zip(outcomes);
            became.map(|(ballot, outcome)| recent.move_by(poll.id, ballot.voter, outcome, now)).sum()
        } else {
            outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Counted)).map(|_| 1).sum()
        };
        if moved != 0 {
            self.with_poll(poll, |count| count.ballots += moved);
        }
    }

    /// Changes a poll's count, if there is room for it.
    fn with_poll(&self, poll: &Arc<Poll>, change: impl FnOnce(&mut PollCount)) -> bool {
        let [.., last] = *poll.id.as_bytes();
        let mut shard = self.shard(last.into()).lock();
        if let Some(count) = shard.polls.get_mut(&poll.id) {
            change(count);
            return true;
        }
        if shard.polls.len() >= MOST_PER_SHARD {
            return false;
        }
        let mut count = PollCount { poll: Arc::clone(poll), views: 0, ballots: 0 };
        change(&mut count);
        shard.polls.insert(poll.id, count);
        true
    }

    fn shard(&self, hash: u64) -> &Mutex<CountShard> {
        let [first, ..] = &self.shards;
        let nth = usize::try_from(hash).unwrap_or_default() % SHARDS;
        self.shards.get(nth).unwrap_or(first)
    }

    /// Takes out all that was counted, site by site.
    pub(super) fn take(&self) -> BTreeMap<SiteId, SiteCounts> {
        let mut sites = BTreeMap::<SiteId, SiteCounts>::new();
        for shard in &self.shards {
            let CountShard { polls, articles } = std::mem::take(&mut *shard.lock());
            for PollCount { poll, views, ballots } in polls.into_values() {
                sites.entry(poll.site.clone()).or_default().add(&poll, views, ballots);
            }
            for ((site, key), views) in articles {
                let item = (Measure::Views, RankedItem::Article(key), views.into());
                sites.entry(site).or_default().items.push(item);
            }
        }
        sites
    }
}

impl SiteCounts {
    /// Adds what was counted of a poll. What is voted in an article's own poll ranks the article; that it is seen does
    /// not, for a page that shows several of an article's polls tells once that the article is seen.
    fn add(&mut self, poll: &Poll, views: u64, ballots: i64) {
        let named = poll.article.as_ref();
        let article = named.and_then(|article| article.key.parse().ok()).map(RankedItem::Article);
        if views != 0 {
            let template = named.and_then(|article| article.template.parse().ok());
            self.polls.push(SeenPoll { poll: poll.id, template, views });
        }
        // A listed poll is left out by whoever reads the ranking. An article's score may have come from several polls,
        // so one whose tally not everyone may see adds nothing to it: a score says how many have voted.
        let is_told = article.is_none() || poll.tells_everyone_its_ballots(State::Open);
        if ballots != 0 && is_told {
            let measure = if poll.kind.is_pressed() { Measure::Reactions } else { Measure::Votes };
            self.items.push((measure, article.unwrap_or(RankedItem::Poll(poll.id)), ballots));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        live::PollWithSite,
        poll::{
            Action, DigestKey, NewOption, NewPoll, Partitions, PollArticle, PollFields, ResultsPolicy, TallyDisplay,
            Timestamp, VoterDigest,
        },
        site::{Site, SiteSettings},
        telemetry::MetricsFormat,
    };

    #[test]
    fn what_is_voted_in_an_articles_own_poll_ranks_the_article() {
        let counts = ViewCounts::new(Arc::default());
        let option = |label: &str| NewOption { id: None, label: label.to_owned(), ..NewOption::default() };
        let options = Some(vec![option("نعم"), option("لا")]);
        let fields =
            PollFields { question: Some("؟".to_owned()), options, changeable: Some(true), ..PollFields::default() };
        let new = NewPoll { fields, ..NewPoll::default() };
        let (id, key) = (PollId::generate(), DigestKey::from_bytes([0; 32]));
        let mut poll = new.build(id, SiteId::default(), Partitions::unplaced(1), key, Timestamp::EARLIEST).unwrap();
        poll.article = Some(PollArticle { template: "stars".to_owned(), key: "id:a-1".to_owned() });
        let (created_at, updated_at) = (Timestamp::EARLIEST, Timestamp::EARLIEST);
        let site = Site { id: SiteId::default(), settings: SiteSettings::default(), created_at, updated_at };
        let known = Arc::new(PollWithSite::new(poll, site));
        counts.count(&Viewed::Poll(Arc::clone(&known)));
        let ballot = |number| {
            let voter = VoterDigest { field: [number; 8], partition: 0 };
            Ballot { voter, action: Action::Withdraw, answer: None }
        };
        let outcomes = [Outcome::Counted, Outcome::Counted, Outcome::Repeated, Outcome::Withdrawn];
        counts.count_ballots(&known.poll, &[1, 2, 2, 1].map(ballot), &outcomes);
        let taken = counts.take().remove(&SiteId::default()).unwrap();
        let article = RankedItem::Article("id:a-1".parse().unwrap());
        assert_eq!(taken.items, [(Measure::Votes, article, 1)]);
        let template = Some("stars".parse().unwrap());
        assert_eq!(taken.polls, [SeenPoll { poll: known.poll.id, template, views: 1 }]);
    }

    #[test]
    fn an_articles_score_tells_nothing_of_ballots_that_an_editor_hides() {
        let built = || {
            let option = |label: &str| NewOption { id: None, label: label.to_owned(), ..NewOption::default() };
            let options = Some(vec![option("نعم"), option("لا")]);
            let fields = PollFields { question: Some("؟".to_owned()), options, ..PollFields::default() };
            let new = NewPoll { fields, ..NewPoll::default() };
            let (id, key) = (PollId::generate(), DigestKey::from_bytes([0; 32]));
            let built = new.build(id, SiteId::default(), Partitions::unplaced(1), key, Timestamp::EARLIEST).unwrap();
            Poll { article: Some(PollArticle { template: "stars".to_owned(), key: "id:a-1".to_owned() }), ..built }
        };
        let is_ranked = |poll: &Poll| {
            let mut counts = SiteCounts::default();
            counts.add(poll, 0, 1);
            !counts.items.is_empty()
        };
        assert!(is_ranked(&Poll { results: ResultsPolicy::Always, ..built() }));
        for hidden in [
            Poll { results: ResultsPolicy::AfterVote, ..built() },
            Poll { results: ResultsPolicy::Always, display: TallyDisplay::Percent, ..built() },
            Poll { results: ResultsPolicy::Always, display: TallyDisplay::Delayed, ..built() },
            Poll { results: ResultsPolicy::Always, minimum_ballots: 2, ..built() },
        ] {
            assert!(!is_ranked(&hidden), "{hidden:?}");
        }
    }

    #[test]
    fn a_flood_of_invented_articles_fills_no_memory_and_what_is_counted_already_goes_on() {
        let metrics = Arc::<Metrics>::default();
        let counts = ViewCounts::new(Arc::clone(&metrics));
        let (created_at, updated_at) = (Timestamp::EARLIEST, Timestamp::EARLIEST);
        let site = Site { id: SiteId::default(), settings: SiteSettings::default(), created_at, updated_at };
        let site = Arc::new(site);
        let key = |name: &str| ArticleKey::Id(name.parse().unwrap());
        let see = |name: &str| counts.count(&Viewed::Article(Arc::clone(&site), Some(key(name))));
        see("honest");
        for number in 0..3 * MOST_ARTICLES {
            see(&format!("invented-{number}"));
        }
        see("honest");
        let text = metrics.encode(MetricsFormat::OpenMetrics);
        let counted = |outcome: &str| -> usize {
            let start = format!("sawt_views_total{{outcome=\"{outcome}\"}} ");
            text.lines().find_map(|line| line.strip_prefix(&start)).unwrap_or("0").parse().unwrap()
        };
        assert_eq!(counted("accepted") + counted("dropped"), 3 * MOST_ARTICLES + 2);
        let taken = counts.take().remove(&site.id).unwrap();
        assert!(taken.items.len() <= MOST_ARTICLES && taken.items.len() == counted("accepted") - 1, "{text}");
        let honest = RankedItem::Article(key("honest"));
        assert!(taken.items.contains(&(Measure::Views, honest, 2)));
        assert!(counts.take().is_empty(), "what was taken is not counted again");
    }
}
