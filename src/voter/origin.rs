//! The site and the day for which a voter was first made.

use crate::{
    poll::{SiteId, Timestamp},
    secret::first_bytes,
};

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// The site and the day for which a voter was first made. Every token of theirs says so, however often it is renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FirstMade {
    /// Days since 1970, by UTC.
    pub(super) day: u16,
    /// A hash of the site's id; zero if the voter was made for no site.
    pub(super) site: [u8; 8],
}

impl FirstMade {
    /// Now, for this site, or for none.
    pub fn at(now: Timestamp, site: Option<&SiteId>) -> Self {
        let day = u16::try_from(now.as_millis().div_euclid(DAY_MILLIS)).unwrap_or(u16::MAX);
        Self { day, site: site.map(digest).unwrap_or_default() }
    }
}

fn digest(site: &SiteId) -> [u8; 8] {
    first_bytes(blake3::derive_key("sawt 2026-11-29 site in a voter token", site.as_str().as_bytes()))
}
