//! Polls of articles, which come to be with their first ballots.
//!
//! An article's poll has an id that follows from site, article and template, so whoever votes in one that is there
//! takes the way of every other vote, after a look-up in memory. Only where there is none is it asked whether the
//! article may have one; and only a ballot that fits makes it. Until then readers see the template with zeros, and
//! nothing is written.
//!
//! [`Templates::make_article_poll`](crate::store::Templates::make_article_poll) makes it, in steps that whoever comes
//! next may repeat. A poll of an address that nobody has announced is provisional: its first clients are noted after
//! their ballots, and it stays once there are enough of them.

use std::{sync::Arc, time::Duration};

use tokio::{sync::MutexGuard, time::timeout};

use super::{
    Asker, BallotRequest, Caster, NoArticle, PollTally, StreamPlan, StreamRequest, TallyForViewer, Vote, VoteError,
    VoteOutcome, Voting,
};
use crate::{
    article::{Admission, ArticleKey, ArticleName, NewArticlePoll, Template, TemplateId, article_poll_id},
    live::{KnownTally, NamedArticle, Newest, PollWithSite, StaleIfErrorCache, StreamPermit},
    poll::{Partitions, Poll, PollId, SiteId, TimeZone, Timestamp, Viewer, WebAddress},
    quota::{QuotaName, QuotaState, Subject},
    secret::{Secret, first_bytes},
    site::Site,
    store::{ArticleStatus, ClientDigest, Making, Store, Witness},
    wire::ReaderPosition,
};

/// How long a template, and what is announced, may be known before it is read again.
const KNOWN_FOR: Duration = Duration::from_secs(2);
/// How many polls are made at once at the most for addresses that nobody has announced.
const TURNS: usize = 256;
/// How long a ballot waits for those who make the same poll: while the store hangs, each of them has the turn for as
/// long as a store call may take.
const TURN_WAIT: Duration = Duration::from_secs(1);
/// How long readers are answered from the template after the store had no poll.
const MISSING_FOR: Duration = Duration::from_secs(1);
const MOST_KNOWN: usize = 10_000;

/// An article's poll, as a request names it.
#[derive(Debug, Clone)]
pub struct AskedArticle {
    pub site: SiteId,
    /// The article: its publisher's id, or an address as it was sent.
    pub article: ArticleName,
    pub template: TemplateId,
}

/// An article's poll, found.
#[derive(Debug, Clone)]
pub struct ArticlePoll {
    /// The poll with its site. If it is not made, it is as it will be made.
    pub known: Arc<PollWithSite>,
    article: NamedArticle,
    template: TemplateId,
    /// What makes it, if it is not there.
    maker: Option<Arc<Template>>,
}

impl ArticlePoll {
    /// Whether it is there, and not only what it will be.
    pub fn is_made(&self) -> bool {
        self.maker.is_none()
    }

    fn site(&self) -> &SiteId {
        &self.known.site.id
    }
}

/// What the workers of a replica know of articles.
pub struct ReplicaArticles {
    templates: StaleIfErrorCache<(SiteId, TemplateId), Option<Arc<Template>>>,
    /// Polls that the store did not have a moment ago.
    missing: StaleIfErrorCache<PollId, ()>,
    /// Polls that are not provisional, or not any more, with when they were made: one that was deleted and made anew,
    /// here or on another replica, is another one.
    honest: StaleIfErrorCache<(PollId, Timestamp), ()>,
    /// Whoever makes a poll waits for those who make the same. A few others may be among them.
    turns: [tokio::sync::Mutex<()>; TURNS],
    client_key: [u8; 32],
}

impl ReplicaArticles {
    /// Nothing yet. By the secret nobody who reads the store can tell which clients voted.
    pub fn new(secret: &Secret) -> Self {
        Self {
            templates: StaleIfErrorCache::new(KNOWN_FOR, MOST_KNOWN),
            missing: StaleIfErrorCache::new(MISSING_FOR, MOST_KNOWN),
            honest: StaleIfErrorCache::new(Duration::from_hours(1), MOST_KNOWN),
            turns: std::array::from_fn(|_| tokio::sync::Mutex::default()),
            client_key: blake3::derive_key("sawt 2026-11-29 clients of an article's poll", secret.expose().as_bytes()),
        }
    }

    /// Waits for those who make the same poll.
    ///
    /// # Errors
    /// [`VoteError::Overloaded`]: they take too long.
    async fn take_turn(&self, poll: &PollId) -> Result<MutexGuard<'_, ()>, VoteError> {
        let ([.., last], [first, ..]) = (*poll.as_bytes(), &self.turns);
        let turn = self.turns.get(usize::from(last)).unwrap_or(first);
        timeout(TURN_WAIT, turn.lock()).await.map_err(|_| VoteError::Overloaded)
    }

    /// A client in a poll. In every poll it has another digest.
    fn digest(&self, client: &Subject, poll: PollId) -> ClientDigest {
        first_bytes(*blake3::keyed_hash(&self.client_key, &client.in_poll(*poll.as_bytes()).to_bytes()).as_bytes())
    }
}

impl Voting {
    /// Finds an article's poll. Writes nothing, and makes nothing.
    ///
    /// # Errors
    /// [`NoArticle`]; what the store failed with, if nothing is known yet.
    pub async fn find_article(&self, asked: &AskedArticle) -> Result<ArticlePoll, VoteError> {
        self.find_article_in(&self.others, asked, true).await
    }

    /// The same, for a voter.
    ///
    /// # Errors
    /// As [`find_article`](Self::find_article).
    pub async fn find_article_to_vote(&self, asked: &AskedArticle) -> Result<ArticlePoll, VoteError> {
        self.find_article_in(&self.vote_reads, asked, false).await
    }

    async fn find_article_in(
        &self,
        store: &Arc<dyn Store>,
        asked: &AskedArticle,
        may_be_missing: bool,
    ) -> Result<ArticlePoll, VoteError> {
        let AskedArticle { site, template, .. } = asked;
        let of_site = self.site_of(&**store, site).await?;
        let article = self.replica.hub.known_articles().find(&**store, &of_site, &asked.article).await?;
        let id = article_poll_id(site, &article.key, template.as_str());
        let articles = &self.replica.articles;
        if !(may_be_missing && articles.missing.if_fresh(&id).is_some()) {
            if let Some(known) = self.polls.get(store, id).await? {
                return Ok(ArticlePoll { known, article, template: template.clone(), maker: None });
            }
            articles.missing.put(id, ());
        }
        let maker = self.template_of(&**store, site, template).await?;
        let page = page_of(&maker, &article)?;
        let known = PollWithSite::new(maker.unmade(&article.key, page), Site::clone(&of_site));
        Ok(ArticlePoll { known: Arc::new(known), article, template: template.clone(), maker: Some(maker) })
    }

    /// The zone in which a site's readers are told times; UTC if it is not known.
    pub async fn zone_of(&self, site: &SiteId) -> TimeZone {
        let site = self.site_of(&*self.others, site).await;
        site.map_or(TimeZone::UTC, |site| site.settings.timezone.clone())
    }

    async fn site_of(&self, store: &dyn Store, id: &SiteId) -> Result<Arc<Site>, VoteError> {
        Ok(self.replica.hub.sites().get(store, id).await?.ok_or(NoArticle::NoSite)?)
    }

    async fn template_of(&self, store: &dyn Store, site: &SiteId, id: &TemplateId) -> Result<Arc<Template>, VoteError> {
        let read = async { Ok(store.template(site, id).await?.map(Arc::new)) };
        let found = self.replica.articles.templates.get(&(site.clone(), id.clone()), read).await?;
        Ok(found.ok_or(NoArticle::NoTemplate)?)
    }

    /// Casts a ballot in an article's poll, as [`cast`](Self::cast) does in any other. The first ballot makes the poll,
    /// if it fits and the client's quota of new articles admits it.
    ///
    /// # Errors
    /// As [`cast`](Self::cast), and [`NoArticle`].
    pub async fn cast_in_article(
        &self,
        caster: Caster,
        article: ArticlePoll,
        asked: BallotRequest<'_>,
        note: impl Fn(QuotaState),
    ) -> Result<Vote, VoteError> {
        let (client, id) = (caster.client, article.known.poll.id);
        // A ballot that does not fit makes nothing, and neither does one whose client has spent its quotas.
        if article.maker.is_some() {
            asked.check(&article.known.poll)?;
        }
        let spent = self.admit_ballot(&caster, id, &note).await?;
        let cast = self.cast_in_made(caster, &article, asked, &note).await;
        self.settle(&caster, &spent, &cast);
        let vote = cast?;
        let is_new_ballot = vote.cast == VoteOutcome::Counted && matches!(article.article.key, ArticleKey::Address(_));
        let poll = (id, vote.known.poll.created_at);
        if is_new_ballot && self.replica.articles.honest.if_fresh(&poll).is_none() {
            // Boxed: few votes get here, the first ones of an article that readers found.
            Box::pin(self.note_client(&article, poll, &client)).await;
        }
        Ok(vote)
    }

    /// Casts a ballot, which its client's quotas admit, in the poll that it makes if there is none.
    async fn cast_in_made(
        &self,
        caster: Caster,
        article: &ArticlePoll,
        asked: BallotRequest<'_>,
        note: &impl Fn(QuotaState),
    ) -> Result<Vote, VoteError> {
        let known = self.made(article, caster.client, note).await?;
        match self.cast_admitted(caster, known, asked).await {
            // It went for another one, or its making was cut short after its definition.
            Err(VoteError::NoPoll) => {
                self.polls.expire(article.known.poll.id);
                let maker = self.template_of(&*self.vote_reads, article.site(), &article.template).await?;
                let known = Box::pin(self.make(&article.article, &maker, caster.client, note)).await?;
                self.cast_admitted(caster, known, asked).await
            }
            cast => cast,
        }
    }

    /// The poll, which is made if it is not there.
    async fn made(
        &self,
        article: &ArticlePoll,
        client: Subject,
        note: &impl Fn(QuotaState),
    ) -> Result<Arc<PollWithSite>, VoteError> {
        let Some(maker) = &article.maker else { return Ok(Arc::clone(&article.known)) };
        // Of many readers behind one address who come at once, one brings it into being, and pays for it.
        let mut _turn = None;
        if article.article.announced.is_none() {
            _turn = Some(self.replica.articles.take_turn(&article.known.poll.id).await?);
            if let Some(known) = self.polls.get(&self.vote_reads, article.known.poll.id).await? {
                return Ok(known);
            }
        }
        Box::pin(self.make(&article.article, maker, client, note)).await
    }

    async fn make(
        &self,
        article: &NamedArticle,
        template: &Template,
        client: Subject,
        note: &impl Fn(QuotaState),
    ) -> Result<Arc<PollWithSite>, VoteError> {
        let store = &self.vote_reads;
        let (id, page) = (template.poll_id(&article.key), page_of(template, article)?);
        let announced = article.announced.as_ref().map(|announced| announced.id.clone());
        if announced.is_none() {
            // An invented address costs its client more than its site.
            self.admit(self.replica.quotas.admit(QuotaName::Article, &client), &client, note).await?;
        }
        let now = store.now().await?;
        let poll = template.make(&article.key, page, Partitions::unplaced(1), now);
        let new =
            NewArticlePoll { poll, template: template.id.clone(), announced, most_articles: template.most_articles };
        match store.make_article_poll(&new).await? {
            Making::Made(_) => {}
            Making::NoTemplate => return Err(NoArticle::NoTemplate.into()),
            Making::NotAnnounced => return Err(NoArticle::NotAnnounced.into()),
            Making::Full => return Err(NoArticle::Full.into()),
        }
        self.replica.articles.missing.forget(&id);
        // Other replicas may have streams that wait for it.
        self.replica.hub.note_change(&self.vote_reads, id).await?;
        self.polls.get(store, id).await?.ok_or(VoteError::NoPoll)
    }

    /// Notes a client that has voted, or that the article is announced by now. The vote stands, whether or not this
    /// succeeds.
    async fn note_client(&self, article: &ArticlePoll, poll: (PollId, Timestamp), client: &Subject) {
        let (id, _) = poll;
        let digest = self.replica.articles.digest(client, id);
        let witness = article.article.announced.as_ref().map_or(Witness::Client(digest), |_| Witness::Publisher);
        let noted = self.vote_reads.vouch(article.site(), &article.template, id, witness).await;
        if let Ok(ArticleStatus::Honest) = noted {
            self.replica.articles.honest.put(poll, ());
        }
    }

    /// An article's newest tally, and as whom somebody looks at it: zeros if its poll is not made yet.
    ///
    /// # Errors
    /// As [`tally_for`](Self::tally_for).
    pub async fn view_article<A: Asker>(
        &self,
        asker: &A,
        article: &ArticlePoll,
        seen: Option<ReaderPosition>,
    ) -> Result<TallyForViewer, A::Error> {
        let id = article.known.poll.id;
        if article.maker.is_none()
            && let Some(view) = self.tally_for(asker, id, seen).await?
        {
            return Ok(view);
        }
        let snapshot = self.zeros_of(&article.known.poll);
        let viewer = if snapshot.is_whole_to(Viewer::Everyone) {
            Viewer::Everyone
        } else {
            Box::pin(self.viewer(asker, &snapshot)).await?
        };
        Ok(TallyForViewer { newest: Newest { snapshot, is_behind: false }, viewer })
    }

    /// The tally of an article's poll that nobody has voted in.
    pub(super) fn zeros_of(&self, poll: &Arc<Poll>) -> Arc<KnownTally> {
        Arc::new(KnownTally::of_nothing(poll, self.replica.clock.now()))
    }

    /// What somebody sees of an article's poll.
    ///
    /// # Errors
    /// As [`tally_for`](Self::tally_for), and [`NoArticle`].
    pub async fn tally_of_article<A: Asker>(&self, asker: &A, asked: &AskedArticle) -> Result<PollTally, A::Error> {
        let article = self.find_article(asked).await?;
        let id = article.known.poll.id;
        Ok(PollTally::of(id, self.view_article(asker, &article, None).await?)?)
    }

    /// Finds out what a reader sees who asks for a stream of an article's poll, which may begin before there is one.
    ///
    /// # Errors
    /// As [`plan_stream`](Self::plan_stream).
    pub async fn plan_article_stream<A: Asker>(
        &self,
        permit: StreamPermit,
        asker: &A,
        article: &ArticlePoll,
        request: StreamRequest,
    ) -> Result<StreamPlan, A::Error> {
        let view = self.view_article(asker, article, request.seen).await?;
        self.plan_viewed(permit, asker, vec![(request, Some(view))])
    }
}

/// The page of an article, which may have a poll.
///
/// # Errors
/// [`NoArticle::NotAnnounced`]: it may have none.
fn page_of(template: &Template, article: &NamedArticle) -> Result<Option<WebAddress>, NoArticle> {
    match (&article.announced, &article.key) {
        (Some(announced), _) => Ok(Some(announced.url.clone())),
        // It was found to be one of the site's.
        (None, ArticleKey::Address(address)) if template.admits == Admission::OwnOrigins => {
            Ok(address.as_str().parse().ok())
        }
        (None, _) => Err(NoArticle::NotAnnounced),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_long_for_those_who_make_the_same_poll() {
        let articles = ReplicaArticles::new(&Secret::new("a secret".to_owned()));
        let [one, other] = [[7; 16], [8; 16]].map(PollId::derived);
        let turn = articles.take_turn(&one).await.unwrap();
        assert!(articles.take_turn(&other).await.is_ok());
        let begun = tokio::time::Instant::now();
        assert!(matches!(articles.take_turn(&one).await, Err(VoteError::Overloaded)));
        assert_eq!(begun.elapsed().as_millis(), TURN_WAIT.as_millis());
        drop(turn);
        assert!(articles.take_turn(&one).await.is_ok());
    }
}
