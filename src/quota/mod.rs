//! How many requests a client, a voter or a key may make.
//!
//! Five quotas, each a setting: `vote` per voter, `mint` and `client` (all writes) and `read` per client, `admin` per
//! key. All are counted by the generic cell rate algorithm (GCRA): a quota of 10 in 60 seconds is ten tokens, each of
//! which is back six seconds after it was spent. So there is no window whose turn lets twice as much through, and what
//! is kept of a key is one number: the moment at which all its tokens are back.
//!
//! **Two tiers.** The [local limiter](local) counts every quota, in this replica's memory, at some tenths of a
//! microsecond. `mint` and `client` also hold across replicas, by [lease]: the first tenth of a quota passes on
//! each replica's own account, and beyond that tokens are taken from the store, a tenth at a time. An ordinary reader
//! never spends a tenth, and so never costs a store call. Where the store is one replica's own file there is nothing
//! to share, and the local tier is all there is. If the store does not answer, the local tier alone decides.
//!
//! **Memory.** A key whose tokens are all back is as good as unknown, and is swept out. However many keys there are at
//! once, each table has a hard cap: see [`local`]. All tables of a replica together stay under 48 MiB.
//!
//! A quota is about load and nuisance, and never about who has voted: that is the store's to decide. So whatever is
//! uncertain here is decided for the client.

mod keys;
pub mod lease;
pub mod local;

use std::{fmt, num::NonZeroU32, str::FromStr, sync::Arc, time::Duration};

use crate::{
    secret::{KeyHash, Secret},
    store::Store,
    telemetry::{Metrics, QuotaOutcome},
};
use lease::Leases;
use local::{LocalLimiter, Uptime};

/// The most keys of the local limiter of votes: half a million voters a minute each spend one token, which is back
/// after 6 seconds.
const MOST_VOTERS: usize = 64 * 14_336;
/// The most keys of every other table.
const MOST_KEYS: usize = 64 * 3_584;

/// How often keys whose tokens are all back are swept out.
pub const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// So many requests in so many seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Requests, 1 to 1,000,000.
    pub limit: NonZeroU32,
    /// Seconds, 1 to 86,400.
    pub window_secs: NonZeroU32,
}

impl Quota {
    /// How a quota is written.
    pub const RULE: &'static str =
        "must be REQUESTS/SECONDSs like 10/60s, with 1 to 1000000 requests in 1 to 86400 seconds, or off";

    /// How long one token takes to come back.
    pub fn period(self) -> Duration {
        Duration::from_secs(self.window_secs.get().into()) / self.limit.get()
    }

    /// What passes on a replica's own account, and is leased at a time: a tenth, and at least one.
    pub fn tenth(self) -> NonZeroU32 {
        NonZeroU32::new(self.limit.get() / 10).unwrap_or(NonZeroU32::MIN)
    }
}

impl FromStr for Quota {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let within = |text: &str, most: u32| -> Option<NonZeroU32> {
            let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|number: &NonZeroU32| is_plain && number.get() <= most)
        };
        let parse = || {
            let (limit, window) = text.split_once('/')?;
            Some(Self { limit: within(limit, 1_000_000)?, window_secs: within(window.strip_suffix('s')?, 86_400)? })
        };
        parse().ok_or(Self::RULE)
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}s", self.limit, self.window_secs)
    }
}

/// Which quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    /// Votes cast and withdrawn, per voter.
    Vote,
    /// Voters made, per client.
    Mint,
    /// Everything that may change something, per client.
    Client,
    /// Everything else, per client.
    Read,
    /// Requests by publishers, per key.
    Admin,
}

impl Name {
    /// How many there are.
    pub const COUNT: usize = 5;

    /// Its place among them.
    pub fn place(self) -> usize {
        match self {
            Self::Vote => 0,
            Self::Mint => 1,
            Self::Client => 2,
            Self::Read => 3,
            Self::Admin => 4,
        }
    }

    /// The name in settings (`SAWT_QUOTA_…`), headers and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Vote => "vote",
            Self::Mint => "mint",
            Self::Client => "client",
            Self::Read => "read",
            Self::Admin => "admin",
        }
    }
}

/// The quotas in force; `None` is off.
#[derive(Debug, Clone, Copy, Default)]
pub struct Policies {
    /// Per voter.
    pub vote: Option<Quota>,
    /// Voters made per client.
    pub mint: Option<Quota>,
    /// All writes per client.
    pub client: Option<Quota>,
    /// Reads per client.
    pub read: Option<Quota>,
    /// Per key.
    pub admin: Option<Quota>,
    /// Only count what would be refused, and refuse nothing.
    pub shadow: bool,
}

/// Whom a quota is counted for, as 16 bytes that are alike for the same one and no other: a client's, a voter's, or
/// those of a key's hash. Prints as nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Subject([u8; 16]);

impl From<[u8; 16]> for Subject {
    fn from(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl From<KeyHash> for Subject {
    /// The hash's first 16 bytes.
    fn from(hash: KeyHash) -> Self {
        let mut bytes = [0; 16];
        for (byte, of_hash) in bytes.iter_mut().zip(<[u8; 32]>::from(hash)) {
            *byte = of_hash;
        }
        Self(bytes)
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Subject(…)")
    }
}

/// How somebody stands with a quota after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Which.
    pub name: Name,
    /// The quota.
    pub quota: Quota,
    /// How many more requests would be admitted now.
    pub remaining: u32,
    /// When one more is, in whole seconds from now, rounded up; after a refusal at least 1.
    pub next_secs: u64,
}

/// What is said to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The quota is off, or only counts.
    Unlimited,
    /// It may go on.
    Admitted(Standing),
    /// This replica's own share is spent: [`Quotas::lease`] decides.
    Undecided(Standing),
    /// It may not.
    Refused(Standing),
}

/// The quotas of a replica.
pub struct Quotas {
    vote: Option<Tiers>,
    mint: Option<Tiers>,
    client: Option<Tiers>,
    read: Option<Tiers>,
    admin: Option<Tiers>,
    is_shadow: bool,
    metrics: Arc<Metrics>,
}

/// One quota, at both tiers.
struct Tiers {
    name: Name,
    quota: Quota,
    local: LocalLimiter,
    shared: Option<Leases>,
}

impl Quotas {
    /// The quotas in force. With a secret, the same on every replica, `mint` and `client` are shared by way of the
    /// store; whoever reads the store finds hashes under it, and no address.
    pub fn new(policies: &Policies, sharing: Option<&Secret>, clock: &Uptime, metrics: Arc<Metrics>) -> Self {
        let tiers = |name: Name, quota: Option<Quota>, most_keys: usize, sharing: Option<&Secret>| {
            quota.map(|quota| Tiers {
                name,
                quota,
                local: LocalLimiter::new(quota, most_keys, clock.clone()),
                shared: sharing.map(|secret| Leases::new(name, quota, secret, MOST_KEYS, clock.clone())),
            })
        };
        Self {
            vote: tiers(Name::Vote, policies.vote, MOST_VOTERS, None),
            mint: tiers(Name::Mint, policies.mint, MOST_KEYS, sharing),
            client: tiers(Name::Client, policies.client, MOST_KEYS, sharing),
            read: tiers(Name::Read, policies.read, MOST_KEYS, None),
            admin: tiers(Name::Admin, policies.admin, MOST_KEYS, None),
            is_shadow: policies.shadow,
            metrics,
        }
    }

    /// Counts a request, and says what this replica alone can say of it. Never waits.
    pub fn admit(&self, name: Name, subject: &Subject) -> Verdict {
        let Some(tiers) = self.tiers(name) else { return Verdict::Unlimited };
        match tiers.local.admit(subject) {
            Ok(remaining) => {
                let standing = tiers.standing(remaining);
                match &tiers.shared {
                    Some(shared) if !shared.draw(subject) => Verdict::Undecided(standing),
                    Some(_) | None => self.admitted(standing),
                }
            }
            Err(wait) => self.refused(tiers, wait),
        }
    }

    /// Decides on a request that [`Quotas::admit`] was undecided about: by what was leased from the store, or is now.
    /// Takes as long as one store call at the most, and no longer than [`lease::PATIENCE`].
    pub async fn lease(&self, undecided: Standing, subject: &Subject, store: &dyn Store) -> Verdict {
        let Some(tiers) = self.tiers(undecided.name) else { return Verdict::Unlimited };
        let Some(shared) = &tiers.shared else { return self.admitted(undecided) };
        match shared.take(subject, store, &self.metrics).await {
            Ok(()) => self.admitted(undecided),
            Err(wait) => self.refused(tiers, wait),
        }
    }

    /// Sweeps out all keys whose tokens are all back. To be called every [`SWEEP_EVERY`]; takes some milliseconds when
    /// the tables are full.
    pub fn sweep(&self) {
        for tiers in [&self.vote, &self.mint, &self.client, &self.read, &self.admin].into_iter().flatten() {
            tiers.local.sweep();
            if let Some(shared) = &tiers.shared {
                shared.sweep();
            }
        }
    }

    fn tiers(&self, name: Name) -> Option<&Tiers> {
        match name {
            Name::Vote => self.vote.as_ref(),
            Name::Mint => self.mint.as_ref(),
            Name::Client => self.client.as_ref(),
            Name::Read => self.read.as_ref(),
            Name::Admin => self.admin.as_ref(),
        }
    }

    fn admitted(&self, standing: Standing) -> Verdict {
        self.metrics.count_quota(standing.name.as_str(), QuotaOutcome::Allowed);
        if self.is_shadow { Verdict::Unlimited } else { Verdict::Admitted(standing) }
    }

    fn refused(&self, tiers: &Tiers, wait: Duration) -> Verdict {
        let outcome = if self.is_shadow { QuotaOutcome::WouldRefuse } else { QuotaOutcome::Refused };
        self.metrics.count_quota(tiers.name.as_str(), outcome);
        if self.is_shadow {
            return Verdict::Unlimited;
        }
        let next_secs = ceil_secs(wait).max(1);
        Verdict::Refused(Standing { name: tiers.name, quota: tiers.quota, remaining: 0, next_secs })
    }
}

impl Tiers {
    /// A request was admitted: a token is back within a period, however many are left.
    fn standing(&self, remaining: u32) -> Standing {
        Standing { name: self.name, quota: self.quota, remaining, next_secs: ceil_secs(self.quota.period()) }
    }
}

fn ceil_secs(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests;
