//! How many requests a client, a voter or a key may make.
//!
//! Each quota is a setting: `vote` per voter, `ballot` per client and poll, `mint`, `article`, `sign_in`,
//! `client` (all writes) and `read` per client, `admin` per key. All are counted by the generic cell rate algorithm
//! (GCRA): a quota of 10 in 60 seconds is ten tokens, and each comes back six seconds after it was spent. So no window
//! ends that would let twice as much through, and one number is kept of a key: the moment at which all its tokens are
//! back.
//!
//! **Two tiers.** The [local limiter](local) counts every quota, in this replica's memory, at some tenths of a
//! microsecond. `ballot`, `mint`, `article`, `sign_in` and `client` also hold across replicas, by [credit]: each replica
//! admits the first tenth of a quota by itself, and beyond that takes tokens from the store, a tenth at a time. An
//! ordinary reader never spends a tenth, and so never costs a store call. Where the store is one replica's own file,
//! nothing is shared and the local tier is all there is. If the store does not answer, the local tier alone decides.
//!
//! **IPv6.** A client is a /64, and whoever has one easily has more: providers give a subscriber a /56 or a /48, which
//! are 256 or 65,536 of them. So a request by IPv6 also counts in the [wider networks](WIDER) around its client, whose
//! quotas are multiples of its own. They grow far slower than the networks do, and still leave room for a mobile carrier
//! that numbers its subscribers out of one /48. A request is admitted if all admit it, at both tiers. Answers tell of the
//! client's own quota, and of a wider one only when that refuses. IPv4 pays nothing for this.
//!
//! **Ballots.** Voter tokens can be saved up and used in one poll all at once. `ballot` bounds how many ballots of one
//! client a poll counts. Only a counted ballot stays spent: a retry, a change or a refusal is given back, which costs a
//! look-up then, and nothing on the way of a ballot that counts.
//!
//! **Memory.** A key whose tokens are all back is forgotten. Each table has a hard cap however many keys there are: see
//! [`local`]. All tables of a replica together stay under 80 MiB.
//!
//! How much of something a client may have at a time is another matter: see [`ConcurrencyLimiter`].
//!
//! Quotas limit load and nuisance. Who has voted is decided by the store alone. So whatever is uncertain here is decided
//! for the client.

mod concurrency;
pub mod credit;
mod keys;
pub mod local;
mod policy;
mod recent;
mod subject;

use std::{sync::Arc, time::Duration};

use crate::{
    poll::VoterId,
    secret::Secret,
    store::Store,
    telemetry::{Metrics, QuotaOutcome},
};
pub use concurrency::{ConcurrencyLimiter, ConcurrencyLimits, NoPermit, Permit};
use credit::SharedQuota;
use local::{LocalLimiter, Uptime};
pub use policy::{Policies, Quota, QuotaName};
use recent::RecentVoters;
pub use subject::Subject;

/// The most keys of the local limiter of votes: half a million voters a minute each spend one token, which is back
/// after 6 seconds.
const MOST_VOTERS: usize = 64 * 14_336;
/// The most keys of every other table of clients or keys.
const MOST_KEYS: usize = 64 * 3_584;
/// The most keys of a table of wider networks, of which there are fewer.
const MOST_WIDER: usize = 64 * 896;

/// The networks that a request by IPv6 counts in besides its client, if they are wider than that, by the bits of their
/// prefix; and how many times a client's quota each has.
pub const WIDER: [(u8, u32); 3] = [(64, 2), (56, 4), (48, 8)];

/// How often keys whose tokens are all back are swept out.
pub const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// The state of somebody's quota after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaState {
    /// Which.
    pub name: QuotaName,
    pub quota: Quota,
    /// How many more requests would be admitted now.
    pub remaining: u32,
    /// When one more is, in whole seconds from now, rounded up; after a refusal at least 1.
    pub next_secs: u64,
}

/// What is said to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The quota is off, or only counts.
    Unlimited,
    /// The quota only counts, and would have refused it: no token was spent.
    WouldRefuse,
    /// It may go on.
    Admitted(QuotaState),
    /// This replica's own share is spent: [`QuotaLimiter::ask_store`] decides.
    Undecided(Undecided),
    /// It may not.
    Refused(QuotaState),
}

/// A request on which the store has to be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Undecided {
    /// The quota's state if it is admitted.
    pub quota_state: QuotaState,
    /// Where this replica's share is spent: a bit for the client's own, and one for each of [`WIDER`].
    spent: u8,
}

/// The quotas of a replica.
pub struct QuotaLimiter {
    vote: Option<Tiers>,
    ballot: Option<Tiers>,
    mint: Option<Tiers>,
    article: Option<Tiers>,
    sign_in: Option<Tiers>,
    client: Option<Tiers>,
    read: Option<Tiers>,
    admin: Option<Tiers>,
    recent_voters: RecentVoters,
    is_shadow: bool,
    metrics: Arc<Metrics>,
}

/// One quota: of a client, voter or key, and of the networks around a client.
struct Tiers {
    name: QuotaName,
    quota: Quota,
    own: Tier,
    /// One for each of [`WIDER`], if it is a quota of clients.
    wider: Vec<Tier>,
}

/// One table of it, at both tiers.
struct Tier {
    local: LocalLimiter,
    shared: Option<SharedQuota>,
}

impl QuotaLimiter {
    /// The quotas in force. With a secret, which must be the same on every replica, `ballot`, `mint`, `article`, `sign_in`
    /// and `client` are shared through the store; whoever reads the store finds hashes under the secret, and no address.
    pub fn new(policies: &Policies, sharing: Option<&Secret>, clock: &Uptime, metrics: Arc<Metrics>) -> Self {
        let tier = |name: QuotaName, quota: Quota, bits: u8, most_keys: usize, sharing: Option<&Secret>| Tier {
            local: LocalLimiter::new(quota, most_keys, clock.clone()),
            shared: sharing
                .map(|secret| SharedQuota::new(name, quota, bits, secret, most_keys.min(MOST_KEYS), clock.clone())),
        };
        let tiers = |name: QuotaName, quota: Option<Quota>, most_keys: usize| {
            quota.map(|quota| Tiers { name, quota, own: tier(name, quota, 0, most_keys, None), wider: Vec::new() })
        };
        let of_clients = |name: QuotaName, quota: Option<Quota>, sharing: Option<&Secret>| {
            let wider = |quota: Quota| {
                WIDER.map(|(bits, times)| tier(name, quota.times(times), bits, MOST_WIDER, sharing)).into()
            };
            quota.map(|quota| Tiers { name, quota, own: tier(name, quota, 0, MOST_KEYS, sharing), wider: wider(quota) })
        };
        Self {
            vote: tiers(QuotaName::Vote, policies.vote, MOST_VOTERS),
            ballot: of_clients(QuotaName::Ballot, policies.ballot, sharing),
            mint: of_clients(QuotaName::Mint, policies.mint, sharing),
            article: of_clients(QuotaName::Article, policies.article, sharing),
            sign_in: of_clients(QuotaName::SignIn, policies.sign_in, sharing),
            client: of_clients(QuotaName::Client, policies.client, sharing),
            read: of_clients(QuotaName::Read, policies.read, None),
            admin: tiers(QuotaName::Admin, policies.admin, MOST_KEYS),
            recent_voters: RecentVoters::new(clock.clone()),
            is_shadow: policies.shadow,
            metrics,
        }
    }

    /// Counts a request, and says what this replica alone can say of it. Never waits.
    pub fn admit(&self, name: QuotaName, subject: &Subject) -> Decision {
        let Some(tiers) = self.tiers(name) else { return Decision::Unlimited };
        match tiers.admit(subject) {
            Ok((remaining, 0)) => self.admitted(tiers.quota_state(remaining)),
            Ok((remaining, spent)) => {
                Decision::Undecided(Undecided { quota_state: tiers.quota_state(remaining), spent })
            }
            Err(wait) => self.refused(tiers, wait),
        }
    }

    /// Counts a voter who comes without a token in `mint`, as [`admit`](Self::admit) counts a request; `None` if the
    /// same was [admitted](Self::note_voter) within the last minute, and so is not counted again.
    pub fn admit_voter(&self, voter: &VoterId, client: &Subject) -> Option<Decision> {
        let is_retry = self.recent_voters.has(voter);
        (!is_retry).then(|| self.admit(QuotaName::Mint, client))
    }

    /// Remembers that a voter was admitted.
    pub fn note_voter(&self, voter: &VoterId) {
        self.recent_voters.note(voter);
    }

    /// Takes back that a request was counted, if a token was [spent](Decision::noted) on it.
    pub fn give_back(&self, name: QuotaName, subject: &Subject) {
        let Some(tiers) = self.tiers(name) else { return };
        for (_, tier, subject) in tiers.of(subject) {
            tier.local.give_back(&subject);
            if let Some(shared) = &tier.shared {
                shared.give_back(&subject);
            }
        }
    }

    /// Decides on a request that [`QuotaLimiter::admit`] was undecided about: by what was taken from the store, or is
    /// now. Takes as long as one store call at the most, and no longer than [`credit::TAKE_TIMEOUT`], for each table in
    /// which this replica's share is spent.
    pub async fn ask_store(&self, undecided: Undecided, subject: &Subject, store: &dyn Store) -> Decision {
        let Undecided { quota_state, spent } = undecided;
        let Some(tiers) = self.tiers(quota_state.name) else { return Decision::Unlimited };
        for (_, tier, subject) in tiers.of(subject).filter(|(nth, ..)| spent & (1 << nth) != 0) {
            let Some(shared) = &tier.shared else { continue };
            if let Err(wait) = shared.take(&subject, store, &self.metrics).await {
                return self.refused(tiers, wait);
            }
        }
        self.admitted(quota_state)
    }

    /// Sweeps out all keys whose tokens are all back. To be called every [`SWEEP_EVERY`]; takes some milliseconds when
    /// the tables are full.
    pub fn sweep(&self) {
        let of_clients = [&self.ballot, &self.mint, &self.article, &self.sign_in, &self.client, &self.read];
        let all = of_clients.into_iter().chain([&self.vote, &self.admin]);
        for tier in all.flatten().flat_map(|tiers| std::iter::once(&tiers.own).chain(&tiers.wider)) {
            tier.local.sweep();
            if let Some(shared) = &tier.shared {
                shared.sweep();
            }
        }
    }

    fn tiers(&self, name: QuotaName) -> Option<&Tiers> {
        match name {
            QuotaName::Vote => self.vote.as_ref(),
            QuotaName::Ballot => self.ballot.as_ref(),
            QuotaName::Mint => self.mint.as_ref(),
            QuotaName::Article => self.article.as_ref(),
            QuotaName::SignIn => self.sign_in.as_ref(),
            QuotaName::Client => self.client.as_ref(),
            QuotaName::Read => self.read.as_ref(),
            QuotaName::Admin => self.admin.as_ref(),
        }
    }

    fn admitted(&self, quota_state: QuotaState) -> Decision {
        self.metrics.count_quota(quota_state.name.as_str(), QuotaOutcome::Allowed);
        if self.is_shadow { Decision::Unlimited } else { Decision::Admitted(quota_state) }
    }

    fn refused(&self, tiers: &Tiers, wait: Duration) -> Decision {
        let outcome = if self.is_shadow { QuotaOutcome::WouldRefuse } else { QuotaOutcome::Refused };
        self.metrics.count_quota(tiers.name.as_str(), outcome);
        if self.is_shadow {
            return Decision::WouldRefuse;
        }
        let next_secs = ceil_secs(wait).max(1);
        Decision::Refused(QuotaState { name: tiers.name, quota: tiers.quota, remaining: 0, next_secs })
    }
}

impl Decision {
    /// Has the state of the quota noted, if there is one to tell. Returns whether a token was spent, which may be
    /// [given back](QuotaLimiter::give_back). What is undecided counts as admitted: ask [the store](QuotaLimiter::ask_store)
    /// first, where replicas share the quota.
    ///
    /// # Errors
    /// It is refused; the error is the state.
    pub fn noted(self, note: impl FnOnce(QuotaState)) -> Result<bool, QuotaState> {
        match self {
            Self::Unlimited => Ok(true),
            Self::WouldRefuse => Ok(false),
            Self::Admitted(quota_state) | Self::Undecided(Undecided { quota_state, .. }) => {
                note(quota_state);
                Ok(true)
            }
            Self::Refused(quota_state) => {
                note(quota_state);
                Err(quota_state)
            }
        }
    }
}

impl Tiers {
    /// Counts a request in all tables it belongs to. Says how many more would be admitted, and where this replica's
    /// share is spent.
    ///
    /// A client that is refused spends nothing of the networks around it: they are its neighbours' too.
    fn admit(&self, subject: &Subject) -> Result<(u32, u8), Duration> {
        let mut remaining = self.own.local.admit(subject)?;
        let mut spent = u8::from(!self.own.draw(subject));
        // Most clients are IPv4 addresses, voters or keys, and lie in nothing wider.
        if subject.prefix.is_some() {
            for (nth, tier, network) in self.of(subject).skip(1) {
                remaining = remaining.min(tier.local.admit(&network)?);
                spent |= u8::from(!tier.draw(&network)) << nth;
            }
        }
        Ok((remaining, spent))
    }

    /// The tables a request counts in, each with its place and whom it counts there.
    fn of(&self, subject: &Subject) -> impl Iterator<Item = (usize, &Tier, Subject)> {
        let subject = *subject;
        let wider = self.wider.iter().zip(WIDER).enumerate();
        let wider = wider.filter_map(move |(nth, (tier, (bits, _)))| Some((nth + 1, tier, subject.wider(bits)?)));
        std::iter::once((0, &self.own, subject)).chain(wider)
    }

    /// A request was admitted: a token is back within a period, however many are left.
    fn quota_state(&self, remaining: u32) -> QuotaState {
        QuotaState { name: self.name, quota: self.quota, remaining, next_secs: ceil_secs(self.quota.period()) }
    }
}

impl Tier {
    /// Spends a token of this replica's own share; whether there was one.
    fn draw(&self, subject: &Subject) -> bool {
        self.shared.as_ref().is_none_or(|shared| shared.draw(subject))
    }
}

fn ceil_secs(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests;
