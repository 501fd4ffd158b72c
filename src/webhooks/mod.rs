//! Webhooks: what happens on a site is sent to the addresses that its publishers name, by Standard Webhooks 1.0
//! (<https://www.standardwebhooks.com>).
//!
//! A supervised task of each replica looks after the sites that have webhooks. The replica that holds a site's lease
//! does the work for it, and holds on to the lease while it does. For each webhook that is enabled it takes a *turn*:
//!
//! 1. It reads the site's log behind the webhook's cursor, queues what the webhook is told, and moves the cursor, in one
//!    step ([`Webhooks`](crate::store::Webhooks)).
//! 2. It sends what is due ([`message`], [`sender`]), one after the other, so that what happened first comes first. What
//!    failed is due again later ([`retries`]) and delays nothing else.
//!
//! Webhooks have turns of their own, at the same time: a receiver that hangs delays only what is sent to itself. A
//! replica that is killed in the middle of a try has not noted it, and the next one makes it again, with the same
//! `webhook-id`: receivers that must not act twice remember ids.
//!
//! The crate `standardwebhooks` is not used: of all this it has only the signature, ten lines over `ring`, and it
//! brings an HMAC of its own, and an older `http` and `base64`, for them. Tests check what is sent with the libraries
//! that receivers use.

mod message;
mod retries;
mod sender;
#[cfg(test)]
mod tests;
mod turn;

use std::{collections::HashSet, sync::Arc, time::Duration};

use tokio::task::JoinSet;

pub use self::sender::{NOT_IN_TIME, NOWHERE_OUTSIDE};

use self::sender::WebhookSender;
use crate::{
    events::{EventSignal, SiteTurn, TaskLog},
    net::outside::Outside,
    poll::SiteId,
    secret::{hex, random_bytes},
    site::{BaseAddress, WebhookId},
    store::{Store, StoreError},
    telemetry::Metrics,
};

/// How often is looked for what is due, and for what other replicas have left.
const EVERY: Duration = Duration::from_secs(1);

/// For how long a lease is taken: for longer than a try takes ([`sender::TRY_TIMEOUT`]). For so long nothing is sent if
/// the replica that holds it is killed.
const LEASE: Duration = Duration::from_secs(25);

/// What delivers is made of.
pub struct Dispatcher {
    store: Arc<dyn Store>,
    signal: Arc<EventSignal>,
    sender: WebhookSender,
    metrics: Arc<Metrics>,
    /// Where readers find polls.
    public_url: Option<BaseAddress>,
    /// By what name it takes leases.
    holder: String,
}

impl Dispatcher {
    /// A replica's.
    pub fn new(
        store: Arc<dyn Store>,
        signal: Arc<EventSignal>,
        outside: Outside,
        metrics: Arc<Metrics>,
        public_url: Option<BaseAddress>,
    ) -> Self {
        let holder = hex(&random_bytes::<8>());
        Self { store, signal, sender: WebhookSender::new(outside), metrics, public_url, holder }
    }
}

/// Delivers until it is dropped.
pub async fn deliver(dispatcher: Arc<Dispatcher>) {
    let mut due = dispatcher.signal.turns(EVERY);
    let mut log = TaskLog::of("webhooks");
    // Dropped with this task, they end.
    let mut turns = JoinSet::new();
    let mut busy = HashSet::new();
    loop {
        let site = tokio::select! {
            turn = due.next() => match turn {
                Some(SiteTurn::Grown(site)) => Some(site),
                Some(SiteTurn::Missed | SiteTurn::Due) => None,
                None => return,
            },
            Some(ended) = turns.join_next_with_id() => {
                let id = match &ended {
                    Ok((id, _)) => *id,
                    Err(error) => error.id(),
                };
                busy.retain(|(_, _, turn)| *turn != id);
                if let Ok((_, result)) = ended {
                    log.note(result);
                }
                continue;
            }
        };
        let Some(hooks) = log.note(dispatcher.hooks_with_turns(site).await) else { continue };
        for (site, id) in hooks {
            if busy.iter().any(|(busy_site, busy_id, _)| *busy_site == site && *busy_id == id) {
                continue;
            }
            let (dispatcher, of_turn) = (Arc::clone(&dispatcher), (site.clone(), id.clone()));
            let turn = turns.spawn(async move { dispatcher.turn(&of_turn.0, &of_turn.1).await });
            busy.insert((site, id, turn.id()));
        }
    }
}

impl Dispatcher {
    /// The webhooks that may be due, of one site or of all, where this replica has the lease.
    async fn hooks_with_turns(&self, site: Option<SiteId>) -> Result<Vec<(SiteId, WebhookId)>, StoreError> {
        let sites = match site {
            Some(site) => vec![site],
            None => self.store.sites_with_webhooks().await?,
        };
        let mut found = Vec::new();
        for site in sites {
            let hooks = self.store.webhooks(&site).await?;
            let mut enabled = hooks.into_iter().filter(|hook| hook.disabled.is_none()).peekable();
            if enabled.peek().is_some() && self.store.lease_webhooks(&site, &self.holder, LEASE).await? {
                found.extend(enabled.map(|hook| (site.clone(), hook.id)));
            }
        }
        Ok(found)
    }
}
