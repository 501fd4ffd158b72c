//! Leases: one of several does what is to be done once.

use std::{collections::HashMap, time::Duration};

use parking_lot::Mutex;

use crate::poll::{SiteId, Timestamp};

/// Who works for which site, and until when. In memory: one process has the file, and when it ends, so do its leases.
#[derive(Default)]
pub(super) struct SiteLeases(Mutex<HashMap<SiteId, (String, Timestamp)>>);

impl SiteLeases {
    pub(super) fn take(&self, site: &SiteId, holder: &str, now: Timestamp, ttl: Duration) -> bool {
        let mut held = self.0.lock();
        if held.get(site).is_some_and(|(other, until)| other != holder && now < *until) {
            return false;
        }
        let ttl = i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX);
        let until = Timestamp::from_millis(now.as_millis().saturating_add(ttl));
        held.retain(|_, (_, until)| now < *until);
        held.insert(site.clone(), (holder.to_owned(), until));
        true
    }

    pub(super) fn has(&self, site: &SiteId, holder: &str, now: Timestamp) -> bool {
        self.0.lock().get(site).is_some_and(|(held_by, until)| held_by == holder && now < *until)
    }

    pub(super) fn give_back(&self, site: &SiteId, holder: &str) {
        let mut held = self.0.lock();
        if held.get(site).is_some_and(|(held_by, _)| held_by == holder) {
            held.remove(site);
        }
    }
}
