//! Articles: announced, read, listed and taken back.

use futures_util::future::try_join_all;

use super::{PublishError, Publishing};
use crate::{
    article::{Announced, ArticleCursor, ArticleId, ArticleKey, MOST_ANNOUNCED, article_poll_id},
    poll::{SiteId, Text, Timestamp, WebAddress},
    site::{AddressRefusal, OtherSite, Publisher},
    store::{ArticlePutting, StoreError, Witness},
};

/// An article as it is announced.
pub struct NewArticle {
    pub title: Text,
    /// Where it is read.
    pub url: WebAddress,
    /// The section of its site that it stands in.
    pub section: Option<Text>,
    /// When it was published.
    pub published_at: Timestamp,
}

impl Publishing {
    /// Announces an article of a site, or what has changed of it: from then on its polls stay. Returns whether it is
    /// new.
    ///
    /// # Errors
    /// [`PublishError::OtherSite`]; [`NoSite`](PublishError::NoSite); [`Address`](PublishError::Address);
    /// [`ForeignAddress`](PublishError::ForeignAddress); what the store failed with.
    pub async fn announce(
        &self,
        publisher: &Publisher,
        site: &SiteId,
        id: ArticleId,
        new: NewArticle,
    ) -> Result<(Announced, bool), PublishError> {
        let NewArticle { title, url, section, published_at } = new;
        let site = self.site(publisher, site).await?;
        let address = site.article_address(url.as_str()).map_err(|refusal| match refusal {
            AddressRefusal::Invalid(fault) => PublishError::Address(fault),
            AddressRefusal::Foreign(address) => PublishError::ForeignAddress(address),
        })?;
        let announced_at = self.store.now().await?;
        let article = Announced { id, title, url, address, first_address: None, section, published_at, announced_at };
        let (article, is_new) = match self.store.put_article(&site.id, &article, MOST_ANNOUNCED).await? {
            ArticlePutting::Made(article) => (article, true),
            ArticlePutting::Replaced(article) => (article, false),
            ArticlePutting::NoSite => return Err(PublishError::NoSite),
        };
        self.hub.known_articles().forget(&site.id, &article);
        self.vouch_for(&site.id, &article.key()).await?;
        Ok((article, is_new))
    }

    /// Vouches for the polls that readers of an article have made by its address: none of them is an invention. If this
    /// fails, so does the announcement, which may be sent again.
    async fn vouch_for(&self, site: &SiteId, article: &ArticleKey) -> Result<(), StoreError> {
        if let ArticleKey::Id(_) = article {
            // Its publisher alone could make those.
            return Ok(());
        }
        let templates = self.store.templates(site).await?;
        let vouched = templates.iter().map(|template| {
            let poll = article_poll_id(site, article, template.id.as_str());
            self.store.vouch(site, &template.id, poll, Witness::Publisher)
        });
        try_join_all(vouched).await.map(drop)
    }

    /// An article as it was announced.
    ///
    /// # Errors
    /// [`PublishError::OtherSite`]; [`NoArticle`](PublishError::NoArticle); what the store failed with.
    pub async fn article(
        &self,
        publisher: &Publisher,
        site: &SiteId,
        id: ArticleId,
    ) -> Result<Announced, PublishError> {
        if !publisher.acts_for(site) {
            return Err(OtherSite.into());
        }
        self.store.article(site, &ArticleKey::Id(id)).await?.ok_or(PublishError::NoArticle)
    }

    /// A site's articles, those published last first: at most `limit` of those behind a place.
    ///
    /// # Errors
    /// [`PublishError::OtherSite`]; [`NoSite`](PublishError::NoSite); what the store failed with.
    pub async fn articles(
        &self,
        publisher: &Publisher,
        site: &SiteId,
        before: Option<&ArticleCursor>,
        limit: usize,
    ) -> Result<Vec<Announced>, PublishError> {
        self.site(publisher, site).await?;
        Ok(self.store.articles(site, before, limit).await?)
    }

    /// Takes an announcement back. What readers have said of the article stays.
    ///
    /// # Errors
    /// [`PublishError::OtherSite`]; [`NoArticle`](PublishError::NoArticle); what the store failed with.
    pub async fn delete_article(
        &self,
        publisher: &Publisher,
        site: &SiteId,
        id: ArticleId,
    ) -> Result<(), PublishError> {
        let article = self.article(publisher, site, id).await?;
        let is_deleted = self.store.delete_article(site, &article.id).await?;
        self.hub.known_articles().forget(site, &article);
        if is_deleted { Ok(()) } else { Err(PublishError::NoArticle) }
    }
}
