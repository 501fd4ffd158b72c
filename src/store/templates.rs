//! Templates of sites, and the polls that articles come to have by them.

use async_trait::async_trait;

use super::StoreError;
use crate::{
    article::{NewArticlePoll, Template, TemplateId},
    poll::{ListCursor, Poll, PollId, SiteId},
    site::NewEvent,
};

/// What polls of articles are made of.
#[async_trait]
pub trait Templates: Send + Sync {
    /// Puts a template: makes it, or replaces it. Polls that it has made stay as they are.
    async fn put_template(&self, template: &Template, events: &[NewEvent]) -> Result<TemplatePut, StoreError>;

    /// One template.
    async fn template(&self, site: &SiteId, id: &TemplateId) -> Result<Option<Template>, StoreError>;

    /// A site's templates, in the order of their ids.
    async fn templates(&self, site: &SiteId) -> Result<Vec<Template>, StoreError>;

    /// Deletes a template with all its polls. Nobody finds it once this has begun, and no poll is made of it. A
    /// deletion that was cut short is finished by the same call again, and its site can't be deleted before. Returns
    /// whether there was one, or a part of one.
    async fn delete_template(&self, site: &SiteId, id: &TemplateId, events: &[NewEvent]) -> Result<bool, StoreError>;

    /// Makes an article's poll, unless there is one. Several replicas may do this at once, and each may be cut short
    /// at any step: the first definition that was written is the poll's, with its key, and the same call again makes
    /// what is missing. Such a poll is in no list of its site's polls.
    ///
    /// If the template has as many polls as it may, the oldest provisional one is deleted for it; polls of announced
    /// articles, and those in which enough clients have voted, stay.
    async fn make_article_poll(&self, new: &NewArticlePoll) -> Result<Making, StoreError>;

    /// Notes who vouches for a poll: it is provisional until [`HONEST_CLIENTS`](crate::article::HONEST_CLIENTS) clients
    /// or its publisher do.
    async fn vouch(
        &self,
        site: &SiteId,
        template: &TemplateId,
        poll: PollId,
        witness: Witness,
    ) -> Result<ArticleStatus, StoreError>;

    /// Forgets who voted in an article's poll, if it is closed: its counts stay. It does not count any more among
    /// those that its template may have. Does nothing if the poll is open.
    async fn forget_voters(&self, site: &SiteId, template: &TemplateId, poll: PollId) -> Result<(), StoreError>;

    /// The polls of a template whose voters are on record, the oldest first: at most `limit` of those behind a place.
    async fn article_polls(
        &self,
        site: &SiteId,
        template: &TemplateId,
        after: Option<ListCursor>,
        limit: usize,
    ) -> Result<Vec<ListCursor>, StoreError>;
}

/// A client that has voted in a provisional poll, as a hash under the service's secret.
pub type ClientDigest = [u8; 8];

/// Who vouches that a poll's article is no invention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Witness {
    /// A client that has voted in it.
    Client(ClientDigest),
    /// The publisher, who has announced the article by now.
    Publisher,
}

/// What a poll of an article is among those of its template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArticleStatus {
    /// It goes when there is no room for another.
    Provisional,
    /// It stays.
    Honest,
    /// It is not there, or not any more.
    NotListed,
}

/// What [`Templates::put_template`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemplatePut {
    /// It is new.
    Made,
    /// It replaced another.
    Replaced,
    /// There is no such site.
    NoSite,
    /// The site has as many templates as it may.
    TooMany,
}

/// What [`Templates::make_article_poll`] did.
#[expect(clippy::large_enum_variant, reason = "one is made for each article, and taken apart at once")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Making {
    /// The poll is there, as it was made now or before.
    Made(Poll),
    /// There is no such template, or no such site.
    NoTemplate,
    /// The article is not announced.
    NotAnnounced,
    /// The template has as many polls as it may, and none of them is provisional.
    Full,
}
