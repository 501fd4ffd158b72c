//! Publishers: the sites that own polls, the web origins that may embed them, and the API keys that act for them.

mod key;
mod origin;

use serde::{Deserialize, Serialize};

pub use key::{ApiKey, KeyId, NewKey, Scope, Scopes};
pub use origin::Origin;

use crate::poll::{SiteId, Timestamp};

/// The most origins a site may list.
pub const MAX_ORIGINS: usize = 100;

/// A publisher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// Who it is.
    pub id: SiteId,
    /// The web origins that may embed its polls and vote in them; none listed: all may, by token.
    pub origins: Vec<Origin>,
    /// When it was first put, by the store's clock.
    pub created_at: Timestamp,
    /// When it was last put, by the store's clock.
    pub updated_at: Timestamp,
}

impl Site {
    /// Whether the site lists this origin.
    pub fn lists(&self, origin: &str) -> bool {
        self.origins.iter().any(|listed| listed.as_str() == origin)
    }
}
