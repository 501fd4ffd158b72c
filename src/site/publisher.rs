//! Who acts for a site.

use super::{Actor, ApiKey, Person, Scope, Scopes};
use crate::poll::SiteId;

/// A publisher who was recognised.
#[derive(Debug, Clone)]
pub enum Publisher {
    /// The operator's own key: everything, for every site.
    Admin,
    /// A site's key.
    Site(ApiKey),
    /// A person who is signed in to the newsroom, as what they are at this site.
    Person {
        /// Who.
        person: Person,
        /// Where; their grants everywhere else do not count.
        site: SiteId,
    },
}

/// A key was shown for a site that is not its own. The answer does not say whether that site exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key acts for another site")]
pub struct OtherSite;

impl Publisher {
    /// Who acts, as the log of a site names them.
    pub fn actor(&self) -> Actor {
        match self {
            Self::Admin => Actor::Admin,
            Self::Site(key) => Actor::Key(key.id.clone()),
            Self::Person { person, .. } => Actor::Person(person.name.clone()),
        }
    }

    /// What the publisher may do.
    pub fn scopes(&self) -> Scopes {
        match self {
            Self::Admin => Scopes::all(),
            Self::Site(key) => key.scopes.clone(),
            Self::Person { person, site } => {
                person.role_at(site).map_or_else(|| Scopes::from(Vec::new()), super::Role::scopes)
            }
        }
    }

    /// Whether the publisher acts for a site.
    pub fn acts_for(&self, site: &SiteId) -> bool {
        match self {
            Self::Admin => true,
            Self::Site(key) => key.site == *site,
            Self::Person { site: own, .. } => own == site,
        }
    }

    /// Whether the publisher acts for a site and holds a scope.
    pub fn may(&self, scope: Scope, site: &SiteId) -> bool {
        self.acts_for(site) && self.scopes().has(scope)
    }

    /// Whether the publisher may do what only the operator may: make sites, and delete them.
    pub fn is_operator(&self) -> bool {
        match self {
            Self::Admin => true,
            Self::Site(_) => false,
            Self::Person { person, .. } => person.is_operator(),
        }
    }

    /// The site a request is for: the one it names, or the publisher's own; `default` for the admin key.
    ///
    /// # Errors
    /// It names a site the publisher does not act for.
    pub fn site(&self, named: Option<SiteId>) -> Result<SiteId, OtherSite> {
        match (named, self) {
            (Some(site), publisher) if publisher.acts_for(&site) => Ok(site),
            (Some(_), _) => Err(OtherSite),
            (None, Self::Admin) => Ok(SiteId::default()),
            (None, Self::Site(ApiKey { site, .. }) | Self::Person { site, .. }) => Ok(site.clone()),
        }
    }
}
