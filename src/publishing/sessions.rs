//! Editors who sign in to the newsroom, and stay so for a day's work.
//!
//! A browser holds 256 random bits, and the store their hash. A session says who signed in, not what they may do: at
//! each request the key that they know is looked up again, so that a session ends with its key. Nothing is cached.

use super::{PublishError, Publishing};
use crate::{
    poll::{SiteId, Timestamp},
    secret::{KeyHash, Secret},
    site::{ApiKey, Person, Publisher, SESSION_SECS, Session, SessionHolder, Site},
    store::{Store, StoreError},
};

/// How long an address that signs in once is good: an hour.
const LINK_SECS: i64 = 60 * 60;
/// The most sites that an editor is offered to choose from.
const MOST_SITES: usize = 200;

/// Who is signed in.
#[derive(Debug, Clone)]
pub enum Editor {
    /// Who knows the admin key.
    Operator,
    /// Who knows a site's key.
    Key(Box<ApiKey>),
    /// A person whom an identity provider has named.
    Person(Person),
}

impl Editor {
    /// As whom they act for a site; `None` if they have no business there.
    pub fn publisher_at(&self, site: &SiteId) -> Option<Publisher> {
        match self {
            Self::Operator => Some(Publisher::Admin),
            Self::Key(key) => (key.site == *site).then(|| Publisher::Site((**key).clone())),
            Self::Person(person) => {
                person.role_at(site).map(|_| Publisher::Person { person: person.clone(), site: site.clone() })
            }
        }
    }

    /// Whether they may do what only the operator may.
    pub fn is_operator(&self) -> bool {
        match self {
            Self::Operator => true,
            Self::Key(_) => false,
            Self::Person(person) => person.is_operator(),
        }
    }
}

impl Publishing {
    /// Begins a session of whoever holds a key; `None` if nobody holds it. Returns what the browser is to hold.
    ///
    /// # Errors
    /// What the store failed with.
    pub async fn sign_in(&self, key: &str) -> Result<Option<Secret>, PublishError> {
        let holder = match self.key_holder(key, KeyHash::of(key)).await? {
            Some(Publisher::Admin) => SessionHolder::Admin { key: self.admin_key },
            Some(Publisher::Site(key)) => SessionHolder::Key { key: key.id },
            Some(Publisher::Person { .. }) | None => return Ok(None),
        };
        self.begin_session(holder, SESSION_SECS).await.map(Some)
    }

    /// Begins a session of a person whom an identity provider has named.
    ///
    /// # Errors
    /// What the store failed with.
    pub async fn sign_in_person(&self, person: Person) -> Result<Secret, PublishError> {
        self.begin_session(SessionHolder::Person(person), SESSION_SECS).await
    }

    /// Begins a session by such a link, which is used up by that; `None` if it is no link, or not any more.
    ///
    /// # Errors
    /// What the store failed with.
    pub async fn sign_in_by_link(&self, link: &str) -> Result<Option<Secret>, PublishError> {
        let hash = KeyHash::of(link);
        // Looked at first: what is no link is not ended.
        let is_link =
            |session: &Session| matches!(session.holder, SessionHolder::Link { key } if key == self.admin_key);
        if !self.store.session(hash).await?.as_ref().is_some_and(is_link) {
            return Ok(None);
        }
        match self.store.end_session(hash).await? {
            Some(_) => self.begin_session(SessionHolder::Admin { key: self.admin_key }, SESSION_SECS).await.map(Some),
            None => Ok(None),
        }
    }

    /// Who is signed in by what a browser holds; `None` if nobody is, or not any more.
    ///
    /// # Errors
    /// What the store failed with.
    pub async fn editor(&self, held: &str) -> Result<Option<Editor>, PublishError> {
        let Some(session) = self.store.session(KeyHash::of(held)).await? else { return Ok(None) };
        Ok(match session.holder {
            SessionHolder::Admin { key } => (key == self.admin_key).then_some(Editor::Operator),
            SessionHolder::Key { key } => self.store.key(&key).await?.map(|key| Editor::Key(Box::new(key))),
            SessionHolder::Link { .. } => None,
            SessionHolder::Person(person) => Some(Editor::Person(person)),
        })
    }

    /// Ends a session, at once and everywhere.
    ///
    /// # Errors
    /// What the store failed with.
    pub async fn sign_out(&self, held: &str) -> Result<(), PublishError> {
        self.store.end_session(KeyHash::of(held)).await?;
        Ok(())
    }

    /// The sites an editor may choose from, in the order of their ids: at most the first 200.
    ///
    /// # Errors
    /// What the store failed with.
    pub async fn sites_of(&self, editor: &Editor) -> Result<Vec<Site>, PublishError> {
        let named: Vec<SiteId> = match editor {
            Editor::Operator => return self.sites(None, MOST_SITES).await,
            Editor::Key(key) => vec![key.site.clone()],
            Editor::Person(person) if person.grants.iter().any(|grant| grant.site.is_none()) => {
                return self.sites(None, MOST_SITES).await;
            }
            Editor::Person(person) => person.grants.iter().filter_map(|grant| grant.site.clone()).collect(),
        };
        let mut sites = Vec::new();
        for id in named.into_iter().collect::<std::collections::BTreeSet<_>>().iter().take(MOST_SITES) {
            sites.extend(self.store.site(id).await?);
        }
        Ok(sites)
    }

    async fn begin_session(&self, holder: SessionHolder, secs: i64) -> Result<Secret, PublishError> {
        Ok(begin_session(&*self.store, holder, secs).await?)
    }
}

/// Makes what signs in once, within an hour, as who knows the admin key of this hash.
///
/// # Errors
/// What the store failed with.
pub async fn make_link(store: &dyn Store, admin_key: KeyHash) -> Result<Secret, StoreError> {
    begin_session(store, SessionHolder::Link { key: admin_key }, LINK_SECS).await
}

async fn begin_session(store: &dyn Store, holder: SessionHolder, secs: i64) -> Result<Secret, StoreError> {
    let (held, created_at) = (Secret::generate(), store.now().await?);
    let expires_at = Timestamp::from_millis(created_at.as_millis() + secs * 1_000);
    store.add_session(KeyHash::of(held.expose()), &Session { holder, created_at, expires_at }).await?;
    Ok(held)
}
