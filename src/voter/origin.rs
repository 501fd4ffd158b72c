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

    /// Whether that was today, by UTC.
    pub fn is_of_day(&self, now: Timestamp) -> bool {
        self.day == Self::at(now, None).day
    }

    /// Whether that was for another site than this; whoever was made for none was not.
    pub fn is_for_another_than(&self, site: SiteDigest) -> bool {
        self.site != <[u8; 8]>::default() && self.site != site.0
    }
}

/// What tokens say of a site. Hashed once for all votes in a poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SiteDigest([u8; 8]);

impl SiteDigest {
    /// A site's.
    pub fn of(site: &SiteId) -> Self {
        Self(digest(site))
    }
}

fn digest(site: &SiteId) -> [u8; 8] {
    first_bytes(blake3::derive_key("sawt 2026-11-29 site in a voter token", site.as_str().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_voter_is_of_another_site_only_if_they_were_made_for_one() {
        let [here, there] = ["here", "there"].map(|id| id.parse::<SiteId>().unwrap());
        let is_foreign = |site| FirstMade::at(Timestamp::EARLIEST, site).is_for_another_than(SiteDigest::of(&here));
        assert_eq!([Some(&here), Some(&there), None].map(is_foreign), [false, true, false]);
    }
}
