//! What was read a moment ago, and what is being read: a crowd that asks for the same costs the store one reading.

use std::{
    hash::Hash,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use tokio::sync::OnceCell;

/// Answers by what was asked for, each kept for a moment.
pub struct SingleFlightCache<K, V> {
    kept: Mutex<FxHashMap<K, Kept<V>>>,
    kept_for: Duration,
    most: usize,
}

struct Kept<V> {
    begun_at: Instant,
    answer: Arc<OnceCell<V>>,
}

impl<K: Eq + Hash, V: Clone> SingleFlightCache<K, V> {
    /// A cache that keeps an answer for so long, and at most so many. Beyond that, each request for another one reads
    /// it for itself.
    pub fn new(kept_for: Duration, most: usize) -> Self {
        Self { kept: Mutex::default(), kept_for, most }
    }

    /// An answer. It is read only if nobody has read it a moment ago.
    ///
    /// # Errors
    /// What reading it failed with. Each caller who waited for that read then reads for itself.
    pub async fn get<E>(&self, key: K, read: impl Future<Output = Result<V, E>>) -> Result<V, E> {
        let answer = self.answer(key, Instant::now());
        answer.get_or_try_init(|| read).await.cloned()
    }

    fn answer(&self, key: K, now: Instant) -> Arc<OnceCell<V>> {
        let mut kept = self.kept.lock();
        kept.retain(|_, kept| now.saturating_duration_since(kept.begun_at) < self.kept_for);
        if kept.len() >= self.most && !kept.contains_key(&key) {
            return Arc::default();
        }
        let kept = kept.entry(key).or_insert_with(|| Kept { begun_at: now, answer: Arc::default() });
        Arc::clone(&kept.answer)
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, convert::Infallible};

    use super::*;

    const KEPT_FOR: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn a_crowd_that_asks_for_the_same_costs_the_store_one_reading() {
        let (cache, readings) = (SingleFlightCache::new(KEPT_FOR, 8), Cell::new(0));
        let read = async || {
            readings.set(readings.get() + 1);
            tokio::task::yield_now().await;
            Ok::<_, Infallible>(readings.get())
        };
        let ask = |key: u8| cache.get(key, read());
        let (crowd, other) = tokio::join!(futures_util::future::join_all((0..50).map(|_| ask(1))), ask(2));
        assert!(crowd.into_iter().all(|answer| answer.is_ok()) && other.is_ok());
        assert_eq!(readings.get(), 2, "one for each");
        let later = Instant::now() + KEPT_FOR;
        assert!(cache.answer(1, later).get().is_none(), "it is read again");
    }

    #[tokio::test]
    async fn a_reading_that_failed_is_kept_from_nobody() {
        let cache = SingleFlightCache::new(KEPT_FOR, 8);
        assert_eq!(cache.get(1, async { Err("away") }).await.err(), Some("away"));
        assert!(cache.get(1, async { Ok::<_, Infallible>(7) }).await.is_ok());
    }

    #[test]
    fn whoever_asks_for_one_after_the_other_fills_no_memory() {
        let (cache, now) = (SingleFlightCache::<u32, ()>::new(KEPT_FOR, 8), Instant::now());
        for key in 0..16 {
            cache.answer(key, now);
        }
        assert_eq!(cache.kept.lock().len(), 8);
    }
}
