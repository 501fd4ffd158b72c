//! A quota that all replicas share, without a store call for every request.
//!
//! Each replica has credit for every client: at most a tenth of the quota at any moment, of which a tenth of the quota
//! comes back in each window. While it lasts the store is not asked, so an ordinary reader costs no store call. Once it
//! is spent, a tenth of the quota is taken from the store, and becomes credit; so a busy client costs one call per
//! tenth. What comes back by itself and what was taken fill the same tenth. So *N* replicas together never have more
//! than the whole quota in the store and *N* tenths, however long a client has saved up and whichever replica it uses.
//!
//! One call is in flight for a client at a time; its other requests wait for it. A refusal of the store is remembered
//! until the time it named, so a client beyond its quota costs no calls either.
//!
//! A store that does not answer within [`TAKE_TIMEOUT`] is not asked again for [`REST`], and every request passes here
//! meanwhile: the [local limiter](super::local), which has counted it before, decides alone. Then a replica admits a
//! client the whole quota by itself, and never more.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use parking_lot::{Mutex, MutexGuard};
use rustc_hash::FxHashMap;
use tokio::sync::Mutex as Turn;

use super::{
    Quota, QuotaName, Subject,
    keys::{KeyHasher, KeyTable},
    local::Uptime,
};
use crate::{
    secret::Secret,
    store::{QuotaKey, Store, StoreError, TokenReply, TokenRequest},
    telemetry::Metrics,
};

/// How long a request waits for the store before the local tier alone decides.
pub const TAKE_TIMEOUT: Duration = Duration::from_millis(250);
/// How long a store that did not answer is not asked.
pub const REST: Duration = Duration::from_secs(1);
/// The most clients beyond their tenth that are handled here at once; for more of them the local tier decides alone.
const MOST_BUSY: usize = 16_384;

/// One shared quota, on one replica.
pub struct SharedQuota {
    name: QuotaName,
    quota: Quota,
    /// The prefix of the networks it is counted for; 0 if it is not counted for wider networks.
    bits: u8,
    tenth: u64,
    /// How long a token of credit takes to come back by itself, in nanoseconds: a tenth in each window.
    period: u64,
    clock: Uptime,
    /// When each client's credit is whole, in the clock's nanoseconds.
    credit: KeyTable,
    hasher: KeyHasher,
    busy: Mutex<FxHashMap<u64, Arc<Busy>>>,
    /// Until when the store is not asked.
    away_until: AtomicU64,
    secret: [u8; 32],
}

/// A client beyond its tenth. The request that has the turn asks the store; the value is the time until which the store
/// has refused.
type Busy = Turn<u64>;

impl SharedQuota {
    /// A shared quota. By the secret nobody who reads the store can tell which clients its keys stand for.
    pub fn new(name: QuotaName, quota: Quota, bits: u8, secret: &Secret, most_keys: usize, clock: Uptime) -> Self {
        let tenth = u64::from(quota.tenth().get());
        Self {
            name,
            quota,
            bits,
            tenth,
            period: u64::from(quota.window_secs.get()) * 1_000_000_000 / tenth,
            clock,
            credit: KeyTable::with_most(most_keys),
            hasher: KeyHasher::new(),
            busy: Mutex::default(),
            away_until: AtomicU64::new(0),
            secret: blake3::derive_key("sawt 2026 shared quotas: whom a key stands for", secret.expose().as_bytes()),
        }
    }

    /// Spends a token of credit, if there is one. Never waits.
    pub fn draw(&self, subject: &Subject) -> bool {
        self.spend(self.key_of(subject)).is_ok()
    }

    /// Returns a spent token.
    pub fn give_back(&self, subject: &Subject) {
        self.add(self.key_of(subject), 1);
    }

    /// Spends a token for a request that found no credit, and takes more from the store if necessary.
    ///
    /// # Errors
    /// All replicas together have admitted as much as the quota allows; the error is the time until this replica may
    /// admit another.
    pub async fn take(&self, subject: &Subject, store: &dyn Store, metrics: &Metrics) -> Result<(), Duration> {
        let ask = async |request: TokenRequest| {
            let asked = Instant::now();
            let answer = tokio::time::timeout(TAKE_TIMEOUT, store.take_quota(&request)).await;
            let answer = answer.unwrap_or_else(|late| Err(StoreError::unavailable(late)));
            match &answer {
                Ok(_) => metrics.observe_store_call("take_quota", asked.elapsed()),
                Err(_) => metrics.count_store_failure("take_quota"),
            }
            answer
        };
        self.take_by(subject, ask).await
    }

    /// The same, with the store's part in it given.
    async fn take_by(
        &self,
        subject: &Subject,
        ask: impl AsyncFnOnce(TokenRequest) -> Result<TokenReply, StoreError>,
    ) -> Result<(), Duration> {
        let key = self.key_of(subject);
        if self.is_store_away() {
            return Ok(());
        }
        let Some(busy) = self.busy(key) else { return Ok(()) };
        let mut refused_until = busy.lock().await;
        // The request before may have taken enough, or found that there is nothing to take.
        let Err(credit_wait) = self.spend(key) else { return Ok(()) };
        if self.is_store_away() {
            return Ok(());
        }
        let now = self.clock.nanos();
        if now < *refused_until {
            return Err(Duration::from_nanos((*refused_until - now).min(credit_wait)));
        }
        match ask(self.request_for(subject)).await {
            Ok(TokenReply::Granted) => {
                self.add(key, self.tenth);
                // One of the tokens just granted is for this request.
                let _ = self.spend(key);
                Ok(())
            }
            Ok(TokenReply::Refused { wait }) => {
                let wait = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
                *refused_until = self.clock.nanos().saturating_add(wait);
                Err(Duration::from_nanos(wait.min(credit_wait)))
            }
            Err(_) => {
                let rest = u64::try_from(REST.as_nanos()).unwrap_or(u64::MAX);
                self.away_until.store(self.clock.nanos().saturating_add(rest), Relaxed);
                Ok(())
            }
        }
    }

    /// Forgets clients whose credit is whole, and whom the store would not refuse any more.
    pub fn sweep(&self) {
        let now = self.clock.nanos();
        self.credit.retain(|whole| whole > now);
        let mut all = self.all_busy();
        all.retain(|_, busy| match busy.try_lock() {
            Ok(refused_until) => *refused_until > now,
            Err(_) => true,
        });
        all.shrink_to_fit();
    }

    fn key_of(&self, subject: &Subject) -> u64 {
        self.hasher.hash(subject.key())
    }

    /// Takes one token of a client's credit; the error is how many nanoseconds until one is back.
    fn spend(&self, key: u64) -> Result<(), u64> {
        let now = self.clock.nanos();
        let most = now + self.tenth * self.period;
        self.credit.update(key, |whole| {
            let after = whole.unwrap_or(now).max(now) + self.period;
            if after > most { (Err(after - most), None) } else { (Ok(()), Some(after)) }
        })
    }

    /// Adds tokens to a client's credit. Tokens beyond a tenth are lost: no credit is whole in the past.
    fn add(&self, key: u64, tokens: u64) {
        let add = |whole: Option<u64>| ((), whole.map(|whole| whole.saturating_sub(tokens * self.period)));
        self.credit.update(key, add);
    }

    fn is_store_away(&self) -> bool {
        self.clock.nanos() < self.away_until.load(Relaxed)
    }

    /// The state of a client beyond its tenth; `None` if there are too many of them.
    fn busy(&self, key: u64) -> Option<Arc<Busy>> {
        let mut all = self.all_busy();
        if let Some(busy) = all.get(&key) {
            return Some(Arc::clone(busy));
        }
        if all.len() >= MOST_BUSY {
            return None;
        }
        Some(Arc::clone(all.entry(key).or_default()))
    }

    fn all_busy(&self) -> MutexGuard<'_, FxHashMap<u64, Arc<Busy>>> {
        self.busy.lock()
    }

    fn request_for(&self, subject: &Subject) -> TokenRequest {
        let mut key = [0; 16];
        let mut hasher = blake3::Hasher::new_keyed(&self.secret);
        hasher.update(&subject.key().to_be_bytes());
        // A network's first address is that of the first network within it, too.
        if self.bits > 0 {
            hasher.update(&[self.bits]);
        }
        hasher.finalize_xof().fill(&mut key);
        TokenRequest {
            name: self.name.as_str(),
            key: QuotaKey::from_bytes(key),
            limit: self.quota.limit,
            window_secs: self.quota.window_secs,
            quantity: self.quota.tenth(),
        }
    }
}

#[cfg(test)]
mod tests;
