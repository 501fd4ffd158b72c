//! Who is signed in to the newsroom.

use std::{collections::BTreeSet, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{KeyId, Scope, Scopes};
use crate::{
    poll::{InvalidId, SiteId, Text, Timestamp},
    secret::KeyHash,
};

/// How long a session lasts: twelve hours, a long day at a news desk.
pub const SESSION_SECS: i64 = 12 * 60 * 60;

/// A session as it is kept. What the browser holds is kept as a hash alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Who is signed in.
    pub holder: SessionHolder,
    /// When it began, by the store's clock.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

/// Whoever signs in, and by what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum SessionHolder {
    /// Who knows the admin key of this hash.
    Admin {
        /// The key's hash: a session ends with the key.
        key: KeyHash,
    },
    /// Who knows a site's key.
    Key {
        /// The key. It is looked up at each request: a session ends with the key, and may do what it may.
        key: KeyId,
        /// Whose key it is. Sessions that an earlier build began don't say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        site: Option<SiteId>,
    },
    /// Nobody yet: an address that signs in once, as who knows the admin key.
    Link {
        /// That key's hash.
        key: KeyHash,
    },
    /// A person whom an identity provider has named.
    Person(Person),
}

/// Where the holder of a session has business: sessions are listed by it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Realm {
    /// At every site.
    Everywhere,
    /// At this one.
    Site(SiteId),
}

impl Session {
    /// Where its holder has business. Where nobody is signed in yet there is none.
    pub fn realms(&self) -> BTreeSet<Realm> {
        let of_grant = |grant: &Grant| grant.site.clone().map_or(Realm::Everywhere, Realm::Site);
        match &self.holder {
            SessionHolder::Admin { .. } => BTreeSet::from([Realm::Everywhere]),
            SessionHolder::Key { site, .. } => site.iter().cloned().map(Realm::Site).collect(),
            SessionHolder::Link { .. } => BTreeSet::new(),
            SessionHolder::Person(person) => person.grants.iter().map(of_grant).collect(),
        }
    }
}

impl SessionHolder {
    /// Whether both are the same somebody, whatever they may do by now.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Person(one), Self::Person(other)) => one.subject == other.subject,
            (Self::Key { key: one, .. }, Self::Key { key: other, .. }) => one == other,
            (Self::Admin { .. }, Self::Admin { .. }) => true,
            (Self::Admin { .. } | Self::Key { .. } | Self::Link { .. } | Self::Person(_), _) => false,
        }
    }
}

/// A session's id: the first 24 hexadecimal digits of the hash that it is kept by. It lets nobody in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SessionId(String);

impl SessionId {
    const LENGTH: usize = 24;

    /// The id of the session that is kept by this hash.
    pub fn of(hash: KeyHash) -> Self {
        let mut hex = hash.to_hex();
        hex.truncate(Self::LENGTH);
        Self(hex)
    }
}

impl FromStr for SessionId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let is_hex = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if text.len() == Self::LENGTH && is_hex {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId("a session's id: 24 characters of 0-9 and a-f"))
        }
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A person whom an identity provider has named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The provider's own name for them, which never changes.
    pub subject: String,
    /// What they are called.
    pub name: Text,
    /// What they may do, and where.
    pub grants: Vec<Grant>,
}

/// A role at a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// What.
    pub role: Role,
    /// Where; `None` is everywhere.
    pub site: Option<SiteId>,
}

/// What a person is at a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads polls and their results.
    Viewer,
    /// Makes and edits polls besides, and decides which ballots count.
    Editor,
    /// Makes keys besides.
    Publisher,
    /// Changes the site's settings besides; everywhere, also does what only the operator may.
    Admin,
}

impl Role {
    /// All of them, each of which may do all that those before it may.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Editor, Self::Publisher, Self::Admin];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Editor => "editor",
            Self::Publisher => "publisher",
            Self::Admin => "admin",
        }
    }

    /// What comes with it.
    pub fn scopes(self) -> Scopes {
        match self {
            Self::Viewer => Scopes::from(vec![Scope::PollsRead, Scope::ResultsRead]),
            Self::Editor => {
                Scopes::from(vec![Scope::PollsRead, Scope::PollsWrite, Scope::PollsModerate, Scope::ResultsRead])
            }
            Self::Publisher => {
                let all_but = Vec::from(Scopes::all()).into_iter().filter(|scope| *scope != Scope::SitesWrite);
                Scopes::from(all_but.collect::<Vec<_>>())
            }
            Self::Admin => Scopes::all(),
        }
    }
}

impl Person {
    /// The highest role at a site; `None` names one who may do nothing there.
    pub fn role_at(&self, site: &SiteId) -> Option<Role> {
        let at_site = |grant: &&Grant| grant.site.as_ref().is_none_or(|of| of == site);
        self.grants.iter().filter(at_site).map(|grant| grant.role).max()
    }

    /// Whether they may do all that the operator may.
    pub fn is_operator(&self) -> bool {
        self.grants.iter().any(|grant| grant.site.is_none() && grant.role == Role::Admin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(grants: &[(Role, Option<&str>)]) -> Person {
        let grants = grants.iter().map(|(role, site)| Grant { role: *role, site: site.map(|id| id.parse().unwrap()) });
        let name = Text::parse("هدى", crate::site::NAME).unwrap();
        Person { subject: "7".to_owned(), name, grants: grants.collect() }
    }

    #[test]
    fn of_two_roles_at_a_site_the_higher_one_counts_and_none_counts_elsewhere() {
        let site = |id: &str| id.parse::<SiteId>().unwrap();
        let one = person(&[(Role::Viewer, None), (Role::Editor, Some("news")), (Role::Viewer, Some("news"))]);
        assert_eq!(one.role_at(&site("news")), Some(Role::Editor));
        assert_eq!(one.role_at(&site("sport")), Some(Role::Viewer));
        let other = person(&[(Role::Admin, Some("news"))]);
        assert_eq!(other.role_at(&site("sport")), None);
        assert!(!other.is_operator() && person(&[(Role::Admin, None)]).is_operator());
    }

    #[test]
    fn a_higher_role_lacks_nothing_of_a_lower_one() {
        for (lower, higher) in Role::ALL.iter().zip(Role::ALL.iter().skip(1)) {
            assert!(lower < higher);
            assert_eq!(lower.scopes().missing_from(&higher.scopes()), None, "{lower:?}");
        }
    }
}
