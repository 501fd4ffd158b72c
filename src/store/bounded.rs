//! A worker's store with a bound on how many calls wait for it.
//!
//! If a store can't keep up, every caller waits, and after a while clients give up: then the work is done for nobody.
//! So calls beyond a bound are refused at once, with [`StoreError::Overloaded`], and accepted calls stay fast.
//!
//! Votes come first. Ballots have a bound of their own in the [ballot batcher](crate::voting::ballot_batcher), which
//! calls the store directly. Other reads are refused earlier: when [`MOST_READS`] of them wait, or so many ballots that
//! the store is clearly behind ([`BACKLOG`]). The reads of a vote are counted apart, so other reads never keep a vote
//! out. Reads that a replica answers from memory never come here and are never refused.
//!
//! Bounds are per worker, as connections are. Waiting for a body does not count: a slow sender holds no permit.

mod call_limiter;

use std::{
    ops::Range,
    sync::{Arc, atomic::AtomicUsize},
    time::Duration,
};

use async_trait::async_trait;
use call_limiter::CallLimiter;

use super::{
    ArticlePutting, ArticleStatus, Articles, BallotCursor, BallotPage, Ballots, BatchOutcome, Creation, Events,
    IdempotencyKey, ItemScore, LogWrite, Making, Measure, Minutes, MoveReminder, PlacePut, Places, Polls, Publishers,
    QueuedDeliveries, Queueing, Quotas, Replacement, Sessions, SiteDeletion, SiteReplacement, Store, StoreError,
    TemplatePut, Templates, TokenReply, TokenRequest, TransparencyLogs, TrendingWindow, ViewBatch, Views, WebhookPut,
    Webhooks, Witness,
};
use crate::{
    article::{Announced, ArticleCursor, ArticleId, ArticleKey, NewArticlePoll, Template, TemplateId},
    place::{Place, PlaceId},
    poll::{
        AnswerId, AnswerState, Ballot, CountedAnswer, Counters, Edit, ListCursor, Minute, PartitionLabels,
        PartitionTally, Partitions, Poll, PollId, Position, SiteId, Text, Timestamp, VoterDigest,
    },
    secret::KeyHash,
    site::{ApiKey, Delivery, Event, EventId, KeyId, NewEvent, Realm, Session, Site, SiteSettings, Webhook, WebhookId},
};

/// The most reads of a worker that wait for the store; as many again for votes. A Redis answers some 50,000 a second,
/// so the last of them waits about 5 ms.
pub const MOST_READS: usize = 256;
/// The most changes by publishers, and tokens asked for, of a worker that wait for the store.
pub const MOST_WRITES: usize = 256;
/// When so many ballots wait in a worker's queues, reads are refused: four full batches. At saturation a queue holds a
/// dozen ballots.
pub const BACKLOG: usize = 1_024;

/// A store that refuses calls beyond its bounds. See the module.
pub struct Bounded {
    store: Arc<dyn Store>,
    reads: CallLimiter,
    writes: CallLimiter,
}

impl Bounded {
    /// A worker's store for all calls that are not votes. `backlog` is the number of ballots in the worker's queues.
    pub fn for_all_else(store: Arc<dyn Store>, backlog: Arc<AtomicUsize>) -> Self {
        let reads = CallLimiter::of(MOST_READS).yielding_to(backlog);
        Self { store, reads, writes: CallLimiter::of(MOST_WRITES) }
    }

    /// The same worker's store for the reads of votes.
    pub fn for_votes(store: Arc<dyn Store>) -> Self {
        Self { store, reads: CallLimiter::of(MOST_READS), writes: CallLimiter::of(MOST_WRITES) }
    }
}

#[async_trait]
impl Store for Bounded {
    async fn contact(&self) -> Result<(), StoreError> {
        self.store.contact().await
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        self.reads.pass(self.store.now()).await
    }

    fn needs_mending(&self) -> bool {
        self.store.needs_mending()
    }
}

#[async_trait]
impl Polls for Bounded {
    fn partitions(&self, id: PollId) -> Partitions {
        self.store.partitions(id)
    }

    async fn create_poll(
        &self,
        poll: &Poll,
        idempotency: Option<&IdempotencyKey>,
        events: &[NewEvent],
    ) -> Result<Creation, StoreError> {
        self.writes.pass(self.store.create_poll(poll, idempotency, events)).await
    }

    async fn made_before(&self, site: &SiteId, idempotency: &IdempotencyKey) -> Result<Option<Poll>, StoreError> {
        self.reads.pass(self.store.made_before(site, idempotency)).await
    }

    async fn poll(&self, id: PollId) -> Result<Option<Poll>, StoreError> {
        self.reads.pass(self.store.poll(id)).await
    }

    async fn polls(&self, site: &SiteId, before: Option<ListCursor>, limit: usize) -> Result<Vec<Poll>, StoreError> {
        self.reads.pass(self.store.polls(site, before, limit)).await
    }

    async fn replace_poll(&self, edit: &Edit, events: &[NewEvent]) -> Result<Replacement, StoreError> {
        self.writes.pass(self.store.replace_poll(edit, events)).await
    }

    async fn owner(&self, id: PollId) -> Result<Option<SiteId>, StoreError> {
        self.reads.pass(self.store.owner(id)).await
    }

    async fn delete_poll(&self, id: PollId, events: &[NewEvent]) -> Result<bool, StoreError> {
        self.writes.pass(self.store.delete_poll(id, events)).await
    }
}

#[async_trait]
impl Ballots for Bounded {
    /// Not bounded here: the ballot batcher calls the store itself and has its own bound.
    async fn cast(&self, poll: &Poll, partition: u16, ballots: &[Ballot]) -> Result<BatchOutcome, StoreError> {
        self.store.cast(poll, partition, ballots).await
    }

    async fn upkeep(&self, poll: &Poll, partition: u16) -> Result<(), StoreError> {
        self.store.upkeep(poll, partition).await
    }

    async fn ballot(&self, poll: &Poll, voter: VoterDigest) -> Result<Option<Counters>, StoreError> {
        self.reads.pass(self.store.ballot(poll, voter)).await
    }

    async fn ballot_answer(&self, poll: &Poll, voter: VoterDigest) -> Result<Option<Text>, StoreError> {
        self.reads.pass(self.store.ballot_answer(poll, voter)).await
    }

    async fn ballots(&self, poll: &Poll, from: Option<BallotCursor>) -> Result<Option<BallotPage>, StoreError> {
        self.reads.pass(self.store.ballots(poll, from)).await
    }

    async fn tally(&self, poll: &Poll) -> Result<Option<Vec<PartitionTally>>, StoreError> {
        self.reads.pass(self.store.tally(poll)).await
    }

    async fn labels(&self, poll: &Poll) -> Result<Option<Vec<PartitionLabels>>, StoreError> {
        self.reads.pass(self.store.labels(poll)).await
    }

    async fn answers(&self, poll: &Poll) -> Result<Vec<CountedAnswer>, StoreError> {
        self.reads.pass(self.store.answers(poll)).await
    }

    async fn decide_answer(
        &self,
        poll: &Poll,
        answer: AnswerId,
        state: AnswerState,
        events: &[NewEvent],
    ) -> Result<Option<CountedAnswer>, StoreError> {
        self.writes.pass(self.store.decide_answer(poll, answer, state, events)).await
    }

    async fn raise_epoch(&self, poll: &Poll, partition: u16, seen: Position) -> Result<bool, StoreError> {
        self.writes.pass(self.store.raise_epoch(poll, partition, seen)).await
    }

    async fn minutes(&self, poll: &Poll, range: Range<Minute>) -> Result<Minutes, StoreError> {
        self.reads.pass(self.store.minutes(poll, range)).await
    }
}

#[async_trait]
impl Publishers for Bounded {
    async fn put_site(
        &self,
        id: &SiteId,
        settings: SiteSettings,
        events: &[NewEvent],
    ) -> Result<(Site, bool), StoreError> {
        self.writes.pass(self.store.put_site(id, settings, events)).await
    }

    async fn replace_site(
        &self,
        id: &SiteId,
        settings: SiteSettings,
        version: Option<Timestamp>,
        events: &[NewEvent],
    ) -> Result<SiteReplacement, StoreError> {
        self.writes.pass(self.store.replace_site(id, settings, version, events)).await
    }

    async fn site(&self, id: &SiteId) -> Result<Option<Site>, StoreError> {
        self.reads.pass(self.store.site(id)).await
    }

    async fn sites(&self, after: Option<&SiteId>, limit: usize) -> Result<Vec<Site>, StoreError> {
        self.reads.pass(self.store.sites(after, limit)).await
    }

    async fn delete_site(&self, id: &SiteId) -> Result<SiteDeletion, StoreError> {
        self.writes.pass(self.store.delete_site(id)).await
    }

    async fn add_key(&self, key: &ApiKey, events: &[NewEvent]) -> Result<bool, StoreError> {
        self.writes.pass(self.store.add_key(key, events)).await
    }

    async fn key(&self, id: &KeyId) -> Result<Option<ApiKey>, StoreError> {
        self.reads.pass(self.store.key(id)).await
    }

    async fn keys(&self, site: &SiteId) -> Result<Vec<ApiKey>, StoreError> {
        self.reads.pass(self.store.keys(site)).await
    }

    async fn revoke_key(&self, id: &KeyId, events: &[NewEvent]) -> Result<bool, StoreError> {
        self.writes.pass(self.store.revoke_key(id, events)).await
    }
}

#[async_trait]
impl Articles for Bounded {
    async fn put_article(&self, site: &SiteId, article: &Announced, most: usize) -> Result<ArticlePutting, StoreError> {
        self.writes.pass(self.store.put_article(site, article, most)).await
    }

    async fn article(&self, site: &SiteId, key: &ArticleKey) -> Result<Option<Announced>, StoreError> {
        self.reads.pass(self.store.article(site, key)).await
    }

    async fn articles(
        &self,
        site: &SiteId,
        before: Option<&ArticleCursor>,
        limit: usize,
    ) -> Result<Vec<Announced>, StoreError> {
        self.reads.pass(self.store.articles(site, before, limit)).await
    }

    async fn delete_article(&self, site: &SiteId, id: &ArticleId) -> Result<bool, StoreError> {
        self.writes.pass(self.store.delete_article(site, id)).await
    }
}

#[async_trait]
impl Places for Bounded {
    async fn put_place(&self, place: &Place, event: &NewEvent) -> Result<PlacePut, StoreError> {
        self.writes.pass(self.store.put_place(place, event)).await
    }

    async fn place(&self, site: &SiteId, id: &PlaceId) -> Result<Option<Place>, StoreError> {
        self.reads.pass(self.store.place(site, id)).await
    }

    async fn places(&self, site: &SiteId) -> Result<Vec<Place>, StoreError> {
        self.reads.pass(self.store.places(site)).await
    }

    async fn delete_place(&self, site: &SiteId, id: &PlaceId, event: &NewEvent) -> Result<bool, StoreError> {
        self.writes.pass(self.store.delete_place(site, id, event)).await
    }
}

#[async_trait]
impl Quotas for Bounded {
    async fn take_quota(&self, request: &TokenRequest) -> Result<TokenReply, StoreError> {
        self.writes.pass(self.store.take_quota(request)).await
    }
}

#[async_trait]
impl Events for Bounded {
    async fn events(&self, site: &SiteId, after: Option<EventId>, limit: usize) -> Result<Vec<Event>, StoreError> {
        self.reads.pass(self.store.events(site, after, limit)).await
    }

    async fn events_before(
        &self,
        site: &SiteId,
        before: Option<EventId>,
        limit: usize,
    ) -> Result<Vec<Event>, StoreError> {
        self.reads.pass(self.store.events_before(site, before, limit)).await
    }

    async fn relay_events(&self) -> Result<Vec<SiteId>, StoreError> {
        self.writes.pass(self.store.relay_events()).await
    }

    async fn begin_logs(&self) -> Result<(), StoreError> {
        self.writes.pass(self.store.begin_logs()).await
    }

    async fn due_moves(&self, limit: usize) -> Result<Vec<MoveReminder>, StoreError> {
        self.reads.pass(self.store.due_moves(limit)).await
    }

    async fn tell_due_moves(&self, reminder: MoveReminder) -> Result<Option<SiteId>, StoreError> {
        self.writes.pass(self.store.tell_due_moves(reminder)).await
    }

    async fn forget_events(&self, site: &SiteId, before: Timestamp) -> Result<(), StoreError> {
        self.writes.pass(self.store.forget_events(site, before)).await
    }
}

#[async_trait]
impl Sessions for Bounded {
    async fn add_session(&self, hash: KeyHash, session: &Session) -> Result<(), StoreError> {
        self.writes.pass(self.store.add_session(hash, session)).await
    }

    async fn session(&self, hash: KeyHash) -> Result<Option<Session>, StoreError> {
        self.reads.pass(self.store.session(hash)).await
    }

    async fn end_session(&self, hash: KeyHash) -> Result<Option<Session>, StoreError> {
        self.writes.pass(self.store.end_session(hash)).await
    }

    async fn end_session_at(&self, hash: KeyHash, site: &SiteId, event: &NewEvent) -> Result<bool, StoreError> {
        self.writes.pass(self.store.end_session_at(hash, site, event)).await
    }

    async fn sessions_in(&self, realm: &Realm, limit: usize) -> Result<Vec<(KeyHash, Session)>, StoreError> {
        self.reads.pass(self.store.sessions_in(realm, limit)).await
    }
}

#[async_trait]
impl Webhooks for Bounded {
    async fn sites_with_webhooks(&self) -> Result<Vec<SiteId>, StoreError> {
        self.reads.pass(self.store.sites_with_webhooks()).await
    }

    async fn put_webhook(&self, hook: &Webhook, event: &NewEvent) -> Result<WebhookPut, StoreError> {
        self.writes.pass(self.store.put_webhook(hook, event)).await
    }

    async fn webhook(&self, site: &SiteId, id: &WebhookId) -> Result<Option<Webhook>, StoreError> {
        self.reads.pass(self.store.webhook(site, id)).await
    }

    async fn webhooks(&self, site: &SiteId) -> Result<Vec<Webhook>, StoreError> {
        self.reads.pass(self.store.webhooks(site)).await
    }

    async fn delete_webhook(&self, site: &SiteId, id: &WebhookId, event: &NewEvent) -> Result<bool, StoreError> {
        self.writes.pass(self.store.delete_webhook(site, id, event)).await
    }

    async fn lease_webhooks(&self, site: &SiteId, holder: &str, ttl: Duration) -> Result<bool, StoreError> {
        self.writes.pass(self.store.lease_webhooks(site, holder, ttl)).await
    }

    async fn webhook_cursor(&self, site: &SiteId, id: &WebhookId) -> Result<Option<EventId>, StoreError> {
        self.reads.pass(self.store.webhook_cursor(site, id)).await
    }

    async fn queue_deliveries(&self, queued: &QueuedDeliveries<'_>) -> Result<Queueing, StoreError> {
        self.writes.pass(self.store.queue_deliveries(queued)).await
    }

    async fn due_deliveries(&self, site: &SiteId, id: &WebhookId, limit: usize) -> Result<Vec<Delivery>, StoreError> {
        self.reads.pass(self.store.due_deliveries(site, id, limit)).await
    }

    async fn put_delivery(
        &self,
        site: &SiteId,
        id: &WebhookId,
        delivery: &Delivery,
        holder: Option<&str>,
    ) -> Result<bool, StoreError> {
        self.writes.pass(self.store.put_delivery(site, id, delivery, holder)).await
    }

    async fn delivery(&self, site: &SiteId, id: &WebhookId, event: EventId) -> Result<Option<Delivery>, StoreError> {
        self.reads.pass(self.store.delivery(site, id, event)).await
    }

    async fn deliveries(
        &self,
        site: &SiteId,
        id: &WebhookId,
        before: Option<EventId>,
        limit: usize,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.reads.pass(self.store.deliveries(site, id, before, limit)).await
    }
}

#[async_trait]
impl TransparencyLogs for Bounded {
    async fn lease_log(&self, site: &SiteId, holder: &str, ttl: Duration) -> Result<bool, StoreError> {
        self.writes.pass(self.store.lease_log(site, holder, ttl)).await
    }

    async fn return_log(&self, site: &SiteId, holder: &str) -> Result<(), StoreError> {
        self.writes.pass(self.store.return_log(site, holder)).await
    }

    async fn log_files(&self, site: &SiteId, names: &[String]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.reads.pass(self.store.log_files(site, names)).await
    }

    async fn write_log(&self, site: &SiteId, write: &LogWrite) -> Result<bool, StoreError> {
        self.writes.pass(self.store.write_log(site, write)).await
    }

    async fn publish_log(&self, site: &SiteId, place: &str) -> Result<bool, StoreError> {
        self.writes.pass(self.store.publish_log(site, place)).await
    }
}

#[async_trait]
impl Views for Bounded {
    async fn count_views(&self, batch: &ViewBatch) -> Result<(), StoreError> {
        self.writes.pass(self.store.count_views(batch)).await
    }

    async fn poll_views(&self, site: &SiteId, poll: PollId) -> Result<u64, StoreError> {
        self.reads.pass(self.store.poll_views(site, poll)).await
    }

    async fn ranking(
        &self,
        site: &SiteId,
        measure: Measure,
        window: TrendingWindow,
        most: usize,
    ) -> Result<Vec<ItemScore>, StoreError> {
        self.reads.pass(self.store.ranking(site, measure, window, most)).await
    }
}

#[async_trait]
impl Templates for Bounded {
    async fn put_template(&self, template: &Template, events: &[NewEvent]) -> Result<TemplatePut, StoreError> {
        self.writes.pass(self.store.put_template(template, events)).await
    }

    async fn template(&self, site: &SiteId, id: &TemplateId) -> Result<Option<Template>, StoreError> {
        self.reads.pass(self.store.template(site, id)).await
    }

    async fn templates(&self, site: &SiteId) -> Result<Vec<Template>, StoreError> {
        self.reads.pass(self.store.templates(site)).await
    }

    async fn delete_template(&self, site: &SiteId, id: &TemplateId, events: &[NewEvent]) -> Result<bool, StoreError> {
        self.writes.pass(self.store.delete_template(site, id, events)).await
    }

    async fn make_article_poll(&self, new: &NewArticlePoll) -> Result<Making, StoreError> {
        self.writes.pass(self.store.make_article_poll(new)).await
    }

    async fn vouch(
        &self,
        site: &SiteId,
        template: &TemplateId,
        poll: PollId,
        witness: Witness,
    ) -> Result<ArticleStatus, StoreError> {
        self.writes.pass(self.store.vouch(site, template, poll, witness)).await
    }

    async fn forget_voters(&self, site: &SiteId, template: &TemplateId, poll: PollId) -> Result<(), StoreError> {
        self.writes.pass(self.store.forget_voters(site, template, poll)).await
    }

    async fn article_polls(
        &self,
        site: &SiteId,
        template: &TemplateId,
        after: Option<ListCursor>,
        limit: usize,
    ) -> Result<Vec<ListCursor>, StoreError> {
        self.reads.pass(self.store.article_polls(site, template, after, limit)).await
    }
}
