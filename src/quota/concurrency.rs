//! How many of something a client may have at a time: connections, streams, requests under way.
//!
//! There is a limit in all, and one per client. These alone would let a few clients together have everything. So a
//! client may also have at most half as many as are free: the fewer are free, the fewer one client may add, and a client
//! that has none is served until the last. IPv6 clients also count in the [wider networks](super::WIDER) around
//! them, by the same rule.
//!
//! A permit is returned when it is dropped. Memory is used only for clients that have permits.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use super::{Subject, WIDER};

/// The limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConcurrencyLimits {
    /// For all clients together.
    pub in_all: usize,
    /// For one client.
    pub per_client: usize,
}

/// Counts what clients have at a time.
pub struct ConcurrencyLimiter {
    limits: ConcurrencyLimits,
    taken: AtomicUsize,
    /// By client, and the prefix length of a wider network; only those that have any.
    by_client: Mutex<FxHashMap<(u128, u8), usize>>,
}

/// Why there is no permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoPermit {
    /// All are taken.
    Full,
    /// The client has its share.
    ClientFull,
}

/// One of them, returned when dropped.
pub struct Permit {
    limiter: Arc<ConcurrencyLimiter>,
    client: Option<Subject>,
}

impl ConcurrencyLimiter {
    /// Nothing is taken yet.
    pub fn new(limits: ConcurrencyLimits) -> Self {
        Self { limits, taken: AtomicUsize::new(0), by_client: Mutex::default() }
    }

    /// How many are taken.
    pub fn taken(&self) -> usize {
        self.taken.load(Relaxed)
    }

    /// How many there may be.
    pub fn limits(&self) -> ConcurrencyLimits {
        self.limits
    }

    /// Takes one for a client; `None` may be many clients, and has no limit of its own.
    ///
    /// # Errors
    /// All are taken, or the client's share.
    pub fn take(self: &Arc<Self>, client: Option<Subject>) -> Result<Permit, NoPermit> {
        let mut by_client = self.by_client.lock();
        let free = self.limits.in_all.saturating_sub(self.taken());
        if free == 0 {
            return Err(NoPermit::Full);
        }
        if let Some(client) = &client {
            let is_full = |(key, times): ((u128, u8), usize)| {
                let has = by_client.get(&key).copied().unwrap_or(0);
                has >= self.limits.per_client.saturating_mul(times).min(free / 2).max(1)
            };
            if counted_as(client).any(is_full) {
                return Err(NoPermit::ClientFull);
            }
            for (key, _) in counted_as(client) {
                *by_client.entry(key).or_insert(0) += 1;
            }
        }
        self.taken.fetch_add(1, Relaxed);
        Ok(Permit { limiter: Arc::clone(self), client })
    }

    /// How many a client has.
    pub fn taken_by(&self, client: &Subject) -> usize {
        self.by_client.lock().get(&(client.key(), 0)).copied().unwrap_or(0)
    }
}

/// The keys that a client counts under: itself, and the wider networks around it with their factors.
fn counted_as(client: &Subject) -> impl Iterator<Item = ((u128, u8), usize)> {
    let wider = WIDER.into_iter().filter_map(|(bits, times)| {
        let network = client.wider(bits)?;
        Some(((network.key(), bits), usize::try_from(times).unwrap_or(1)))
    });
    std::iter::once(((client.key(), 0), 1)).chain(wider)
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut by_client = self.limiter.by_client.lock();
        self.limiter.taken.fetch_sub(1, Relaxed);
        for (key, _) in self.client.iter().flat_map(counted_as) {
            if let Some(has) = by_client.get_mut(&key) {
                *has -= 1;
                if *has == 0 {
                    by_client.remove(&key);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quota::tests::{network, subject};

    fn limiter(in_all: usize, per_client: usize) -> Arc<ConcurrencyLimiter> {
        Arc::new(ConcurrencyLimiter::new(ConcurrencyLimits { in_all, per_client }))
    }

    /// Takes as many as a client may have.
    fn take_all(limiter: &Arc<ConcurrencyLimiter>, client: Subject) -> Vec<Permit> {
        std::iter::from_fn(|| limiter.take(Some(client)).ok()).collect()
    }

    #[test]
    fn nobody_has_more_than_a_share_and_what_is_given_back_is_taken_again() {
        let limiter = limiter(100, 3);
        let mut first = take_all(&limiter, subject(1));
        assert_eq!((first.len(), limiter.taken(), limiter.taken_by(&subject(1))), (3, 3, 3));
        assert_eq!(limiter.take(Some(subject(1))).err(), Some(NoPermit::ClientFull));
        first.pop();
        assert!(limiter.take(Some(subject(1))).is_ok());
        drop(first);
        assert_eq!(limiter.taken(), 0);
        assert!(limiter.by_client.lock().is_empty(), "who has nothing is forgotten");
    }

    /// Four addresses filled all places for streams: 5,000 of 20,000 each.
    #[test]
    fn a_few_clients_together_leave_something_to_everybody_else() {
        let limiter = limiter(20_000, 5_000);
        let greedy: Vec<_> = (1..=4).map(|client| take_all(&limiter, subject(client))).collect();
        let has: Vec<_> = greedy.iter().map(Vec::len).collect();
        assert_eq!(has[0], 5_000);
        assert!(limiter.taken() < 17_500, "{has:?}");
        let honest: Vec<_> = (100..1_100).flat_map(|client| limiter.take(Some(subject(client)))).collect();
        assert_eq!(honest.len(), 1_000);
    }

    #[test]
    fn whoever_has_nothing_yet_is_served_to_the_very_last() {
        let limiter = limiter(10, 10);
        let permits: Vec<_> = (0..10).map(|client| limiter.take(Some(subject(client))).ok().unwrap()).collect();
        assert_eq!(limiter.take(Some(subject(11))).err(), Some(NoPermit::Full));
        assert_eq!(limiter.take(None).err(), Some(NoPermit::Full));
        drop(permits);
        // Of whom nobody knows how many they are, nobody can say that they have had their share.
        let permits: Vec<_> = (0..10).flat_map(|_| limiter.take(None)).collect();
        assert_eq!(permits.len(), 10);
    }

    #[test]
    fn whoever_has_many_ipv6_networks_has_the_share_of_a_few() {
        let limiter = limiter(100_000, 10);
        let taken: Vec<_> = (0..65_536).flat_map(|number| limiter.take(Some(network(number, 64)))).collect();
        assert_eq!(taken.len(), 80);
        drop(taken);
        let taken: Vec<_> = (0..5).flat_map(|_| 0..256).flat_map(|of| limiter.take(Some(network(of, 64)))).collect();
        assert_eq!(taken.len(), 40);
        drop(taken);
        assert!(limiter.by_client.lock().is_empty());
    }
}
