//! Answers of the store that hold for a while, kept for all workers of a replica.

use std::{
    hash::Hash,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use crate::store::StoreError;

/// Answers by what was asked for. One is read again once it is old; while the store does not answer, the old one holds.
pub struct StaleIfErrorCache<K, V> {
    kept: Mutex<FxHashMap<K, (V, Instant)>>,
    fresh_for: Duration,
    most: usize,
}

impl<K: Eq + Hash + Clone, V: Clone> StaleIfErrorCache<K, V> {
    /// A cache whose answers are fresh for so long. Beyond so many it begins anew.
    pub fn new(fresh_for: Duration, most: usize) -> Self {
        Self { kept: Mutex::default(), fresh_for, most }
    }

    /// An answer.
    ///
    /// # Errors
    /// What reading it failed with, if none is known.
    pub async fn get(&self, key: &K, read: impl Future<Output = Result<V, StoreError>>) -> Result<V, StoreError> {
        let stale = {
            let mut kept = self.kept.lock();
            match kept.get_mut(key) {
                Some((answer, read_at)) if read_at.elapsed() < self.fresh_for => return Ok(answer.clone()),
                Some((answer, read_at)) => {
                    // One reader reads it again; the others use what is there until that is done.
                    *read_at = Instant::now();
                    Some(answer.clone())
                }
                None => None,
            }
        };
        match (read.await, stale) {
            (Ok(answer), _) => {
                self.put(key.clone(), answer.clone());
                Ok(answer)
            }
            (Err(StoreError::Unavailable(_) | StoreError::Overloaded), Some(stale)) => Ok(stale),
            (Err(error), _) => Err(error),
        }
    }

    /// Keeps an answer.
    pub fn put(&self, key: K, answer: V) {
        let mut kept = self.kept.lock();
        if kept.len() >= self.most && !kept.contains_key(&key) {
            kept.clear();
        }
        kept.insert(key, (answer, Instant::now()));
    }

    /// An answer that is fresh.
    pub fn if_fresh(&self, key: &K) -> Option<V> {
        let kept = self.kept.lock();
        kept.get(key).filter(|(_, read_at)| read_at.elapsed() < self.fresh_for).map(|(answer, _)| answer.clone())
    }

    /// Forgets an answer.
    pub fn forget(&self, key: &K) {
        self.kept.lock().remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_old_answer_holds_while_the_store_is_away_and_no_longer() {
        let cache = StaleIfErrorCache::new(Duration::ZERO, 8);
        let away = || async { Err(StoreError::unavailable("away")) };
        assert!(cache.get(&1, away()).await.is_err());
        assert_eq!(cache.get(&1, async { Ok(7) }).await.unwrap(), 7);
        assert_eq!(cache.get(&1, away()).await.unwrap(), 7);
        assert_eq!(cache.get(&1, async { Ok(8) }).await.unwrap(), 8);
        assert!(cache.get(&1, async { Err(StoreError::Corrupt(String::new())) }).await.is_err());
    }

    #[test]
    fn whoever_asks_for_one_after_the_other_fills_no_memory() {
        let cache = StaleIfErrorCache::new(Duration::from_secs(9), 8);
        for key in 0..100 {
            cache.put(key, ());
        }
        assert!(cache.kept.lock().len() <= 8 && cache.if_fresh(&99).is_some());
    }
}
