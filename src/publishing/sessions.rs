//! Editors who sign in to the newsroom, and stay so for a day's work.
//!
//! A browser holds 256 random bits, and the store their hash. A session says who signed in, not what they may do: at
//! each request the key that they know is looked up again, so that a session ends with its key, and a person's where no
//! identity provider is set any more. Nothing is cached.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashSet},
};

use super::{PublishError, Publishing};
use crate::{
    poll::{SiteId, Timestamp},
    secret::{KeyHash, Secret},
    site::{ApiKey, NewEvent, Person, Publisher, Realm, SESSION_SECS, Session, SessionHolder, SessionId, Site},
    store::{Store, StoreError},
};

/// How long an address that signs in once is good: an hour.
const LINK_SECS: i64 = 60 * 60;
/// The most sites that an editor is offered to choose from.
const MOST_SITES: usize = 200;
/// The most sessions that are listed.
const MOST_SESSIONS: usize = 500;

/// Somebody's session, as those may know of it who make keys at a site.
#[derive(Debug, Clone)]
pub struct ListedSession {
    /// Which it is.
    pub id: SessionId,
    /// Who is signed in, since when and until when.
    pub session: Session,
    /// The key that they know, if it is a site's.
    pub key: Option<ApiKey>,
    /// Whether who asks may end it.
    pub may_end: bool,
    hash: KeyHash,
}

impl ListedSession {
    /// Whether it is the session of the browser that holds this.
    pub fn is_held_by(&self, held: &str) -> bool {
        self.hash == KeyHash::of(held)
    }
}

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
            Some(Publisher::Site(key)) => SessionHolder::Key { key: key.id, site: Some(key.site) },
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
            SessionHolder::Key { key, .. } => self.store.key(&key).await?.map(|key| Editor::Key(Box::new(key))),
            SessionHolder::Link { .. } => None,
            SessionHolder::Person(person) => self.knows_people.then_some(Editor::Person(person)),
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
        for id in named.into_iter().collect::<BTreeSet<_>>().iter().take(MOST_SITES) {
            sites.extend(self.store.site(id).await?);
        }
        Ok(sites)
    }

    /// Who is signed in at a site, those who came last first: at most the last 500. Those who have business at every
    /// site are told of to the operator alone.
    ///
    /// # Errors
    /// [`PublishError::OtherSite`]; [`NoSite`](PublishError::NoSite); what the store failed with.
    pub async fn sessions_at(&self, publisher: &Publisher, site: &SiteId) -> Result<Vec<ListedSession>, PublishError> {
        self.site(publisher, site).await?;
        let mut found = self.store.sessions_in(&Realm::Site(site.clone()), MOST_SESSIONS).await?;
        if publisher.is_operator() {
            let everywhere = self.store.sessions_in(&Realm::Everywhere, MOST_SESSIONS).await?;
            found.extend(everywhere);
        }
        let keys = self.store.keys(site).await?;
        let listed = found.into_iter().filter_map(|(hash, session)| {
            let key = match &session.holder {
                // A session of a key that is revoked is over.
                SessionHolder::Key { key, .. } => Some(keys.iter().find(|one| one.id == *key)?.clone()),
                SessionHolder::Admin { key } if *key != self.admin_key => return None,
                SessionHolder::Person(_) if !self.knows_people => return None,
                SessionHolder::Admin { .. } | SessionHolder::Link { .. } | SessionHolder::Person(_) => None,
            };
            let may_end = publisher.is_operator() || session.realms() == BTreeSet::from([Realm::Site(site.clone())]);
            Some(ListedSession { id: SessionId::of(hash), hash, session, key, may_end })
        });
        let mut listed: Vec<_> = listed.collect();
        listed.sort_by_key(|listed| Reverse(listed.session.created_at));
        // A person may have business at this site and at every one.
        let mut seen = HashSet::new();
        listed.retain(|listed| seen.insert(listed.id.clone()));
        listed.truncate(MOST_SESSIONS);
        Ok(listed)
    }

    /// Ends a session of somebody who is signed in at a site, at once and everywhere; or all of theirs. Who has
    /// business elsewhere too is signed out by the operator alone.
    ///
    /// # Errors
    /// As [`sessions_at`](Self::sessions_at); [`NoSession`](PublishError::NoSession);
    /// [`SessionElsewhere`](PublishError::SessionElsewhere).
    pub async fn end_session_at(
        &self,
        publisher: &Publisher,
        site: &SiteId,
        id: &SessionId,
        ends_all: bool,
    ) -> Result<(), PublishError> {
        let listed = self.sessions_at(publisher, site).await?;
        let asked = listed.iter().find(|listed| listed.id == *id).ok_or(PublishError::NoSession)?;
        if !asked.may_end {
            return Err(PublishError::SessionElsewhere);
        }
        let is_theirs = |other: &&ListedSession| {
            other.id == asked.id || (ends_all && other.may_end && other.session.holder.is_same(&asked.session.holder))
        };
        let now = self.store.now().await?;
        for theirs in listed.iter().filter(is_theirs) {
            let event = NewEvent::of_ended_session(&theirs.id, &theirs.session, &publisher.actor(), now);
            self.store.end_session_at(theirs.hash, site, &event).await?;
        }
        self.signal.note_change(site);
        Ok(())
    }

    /// Ends the sessions of a key that is revoked. They let nobody in any more: so it is no matter if the store is
    /// away.
    pub(super) async fn end_sessions_of_key(&self, key: &ApiKey) {
        let ended = async {
            for (hash, session) in self.store.sessions_in(&Realm::Site(key.site.clone()), MOST_SESSIONS).await? {
                if matches!(&session.holder, SessionHolder::Key { key: of, .. } if *of == key.id) {
                    self.store.end_session(hash).await?;
                }
            }
            Ok::<_, StoreError>(())
        };
        if let Err(error) = ended.await {
            tracing::debug!(error = %error, "sessions of a key that is revoked are left to expire");
        }
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
