//! Articles that their publisher has announced.

use serde::{Deserialize, Serialize};

use super::{ArticleAddress, ArticleId, ArticleKey};
use crate::poll::{Text, TextLimit, Timestamp, WebAddress};

/// An article's title.
pub const TITLE: TextLimit = TextLimit { characters: 300, bytes: 4_800 };
/// The section of a site that an article stands in.
pub const SECTION: TextLimit = TextLimit { characters: 64, bytes: 1_024 };
/// The most articles of a site that are kept. Beyond that, the one that was published first goes.
pub const MOST_ANNOUNCED: usize = 100_000;

/// An article as its publisher has announced it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announced {
    /// Its publisher's id for it.
    pub id: ArticleId,
    pub title: Text,
    /// Where it is read, as it was announced.
    pub url: WebAddress,
    /// The same in its one form, by the rules that its site had then.
    pub address: ArticleAddress,
    /// The address that it was first announced with, by which its polls are named: so what readers said before the
    /// announcement stays with the article, and also when its address changes. `None` if that address was another
    /// article's: then its polls are named by its id. [`Articles::put_article`](crate::store::Articles::put_article)
    /// decides.
    #[serde(default)]
    pub first_address: Option<ArticleAddress>,
    /// The section of its site that it stands in.
    pub section: Option<Text>,
    /// When it was published, as its publisher says.
    pub published_at: Timestamp,
    /// When it was last announced, by the store's clock.
    pub announced_at: Timestamp,
}

/// Where an article stands in its site's list, which is in the order of publication: those of one moment are in the
/// order of their ids.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ArticleCursor {
    /// When it was published.
    pub published_at: Timestamp,
    /// Which it is.
    pub id: ArticleId,
}

impl Announced {
    /// Where it stands in its site's list.
    pub fn cursor(&self) -> ArticleCursor {
        ArticleCursor { published_at: self.published_at, id: self.id.clone() }
    }

    /// What its polls and views are named by.
    pub fn key(&self) -> ArticleKey {
        self.first_address.clone().map_or_else(|| ArticleKey::Id(self.id.clone()), ArticleKey::Address)
    }

    /// All its names.
    pub fn keys(&self) -> [ArticleKey; 3] {
        [ArticleKey::Id(self.id.clone()), ArticleKey::Address(self.address.clone()), self.key()]
    }
}
