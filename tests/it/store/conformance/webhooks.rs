//! Webhooks, and what is on its way to them.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use sawt::{
    poll::Timestamp,
    site::{
        Actor, Attempt, Delivery, DeliveryState, EventId, EventType, MOST_WEBHOOKS, NewEvent, Webhook, WebhookFields,
    },
    store::{MOST_KEPT, MOST_WAITING, QueuedDeliveries, Queueing, SiteDeletion, Store, WebhookPut},
};

use crate::store::stage::{Stage, unused_site};

crate::registry::store_rules![
    a_webhook_is_kept_as_it_was_put_and_each_put_is_on_top_of_the_one_before,
    of_replicas_one_delivers_for_a_site_until_its_lease_is_over,
    an_event_is_queued_once_and_waits_until_it_is_over,
    no_more_wait_than_may_and_what_waits_is_never_forgotten,
];

const LONG: Duration = Duration::from_mins(10);

async fn hook(stage: &Stage) -> Webhook {
    let url = "https://hooks.example/".parse().unwrap();
    Webhook::new(stage.site.clone(), url, WebhookFields::default(), stage.now().await)
}

async fn put(stage: &Stage, hook: &Webhook) -> WebhookPut {
    stage.store.put_webhook(hook, &NewEvent::of_put_webhook(hook, &Actor::Admin)).await.unwrap()
}

/// A webhook that is kept, and its lease.
pub(crate) async fn kept_hook(stage: &Stage, holder: &str) -> Webhook {
    let hook = hook(stage).await;
    assert_eq!(put(stage, &hook).await, WebhookPut::Done);
    assert!(stage.store.lease_webhooks(&stage.site, holder, LONG).await.unwrap());
    hook
}

fn place(micros: u64) -> EventId {
    EventId::from_micros(1_795_899_306_264_000 + micros).unwrap()
}

async fn queue(stage: &Stage, hook: &Webhook, holder: &str, from: EventId, deliveries: &[Delivery]) -> Queueing {
    let to = deliveries.last().expect("some").event;
    let queued = QueuedDeliveries { site: &stage.site, webhook: &hook.id, holder, from, to, deliveries };
    stage.store.queue_deliveries(&queued).await.unwrap()
}

async fn cursor(stage: &Stage, hook: &Webhook) -> Option<EventId> {
    stage.store.webhook_cursor(&stage.site, &hook.id).await.unwrap()
}

fn attempt(at: Timestamp, failure: Option<&str>) -> Attempt {
    Attempt { at, millis: 7, status: Some(500), failure: failure.map(str::to_owned) }
}

async fn a_webhook_is_kept_as_it_was_put_and_each_put_is_on_top_of_the_one_before(store: Arc<dyn Store>) {
    use EventType::{WebhookCreated, WebhookDeleted, WebhookEdited};
    let stage = Stage::new(store.clone()).await;
    let first = hook(&stage).await;
    let second = first.rotated(first.created_at).unwrap();
    assert_eq!(put(&stage, &second).await, WebhookPut::Mismatch(None), "there is none to be on top of");
    for _ in 0..2 {
        assert_eq!(put(&stage, &first).await, WebhookPut::Done, "the same again is as good as put");
    }
    assert_eq!(cursor(&stage, &first).await, Some(EventId::at(first.created_at)));
    assert_eq!(put(&stage, &second).await, WebhookPut::Done);
    let other = first.edited(WebhookFields { is_enabled: Some(false), ..WebhookFields::default() }, first.created_at);
    assert_eq!(put(&stage, &other).await, WebhookPut::Mismatch(Some(second.revision)));
    let site = &stage.site;
    assert_eq!(store.webhook(site, &first.id).await.unwrap(), Some(second.clone()));
    assert_eq!(store.webhooks(site).await.unwrap(), [second]);
    assert!(store.sites_with_webhooks().await.unwrap().contains(site));
    // Of many who come at once no more are made than there may be.
    let others = join_all((0..MOST_WEBHOOKS + 2).map(|_| async { put(&stage, &hook(&stage).await).await })).await;
    assert_eq!(others.iter().filter(|put| **put == WebhookPut::Done).count(), MOST_WEBHOOKS - 1);
    assert_eq!(others.iter().filter(|put| **put == WebhookPut::TooMany).count(), 3);
    let nobodys = Webhook { site: unused_site(), ..hook(&stage).await };
    assert_eq!(put(&stage, &nobodys).await, WebhookPut::NoSite);
    assert_eq!(store.delete_site(site).await.unwrap(), SiteDeletion::HasWebhooks);
    for hook in store.webhooks(site).await.unwrap() {
        let event = NewEvent::of_deleted_webhook(&hook, &Actor::Admin, hook.updated_at);
        assert!(store.delete_webhook(site, &hook.id, &event).await.unwrap());
        assert!(!store.delete_webhook(site, &hook.id, &event).await.unwrap());
    }
    let told: Vec<_> = stage.log().await.iter().map(|event| event.kind).collect();
    let count = |kind| told.iter().filter(|told| **told == kind).count();
    assert_eq!([WebhookCreated, WebhookEdited, WebhookDeleted].map(count), [MOST_WEBHOOKS, 1, MOST_WEBHOOKS]);
    assert_eq!((store.webhooks(site).await.unwrap(), cursor(&stage, &first).await), (Vec::new(), None));
    assert_eq!(store.delete_site(site).await.unwrap(), SiteDeletion::Done);
}

async fn of_replicas_one_delivers_for_a_site_until_its_lease_is_over(store: Arc<dyn Store>) {
    let (stage, other) = (Stage::new(store.clone()).await, Stage::new(store.clone()).await);
    let lease = async |site, holder: &str, ttl| store.lease_webhooks(site, holder, ttl).await.unwrap();
    let short = Duration::from_millis(300);
    let holders: Vec<String> = (0..8).map(|replica| format!("replica-{replica}")).collect();
    let taken = join_all(holders.iter().map(|holder| lease(&stage.site, holder, LONG))).await;
    assert_eq!(taken.iter().filter(|taken| **taken).count(), 1);
    let holder = &holders[taken.iter().position(|taken| *taken).unwrap()];
    assert!(lease(&stage.site, holder, short).await, "who has it holds on to it");
    assert!(lease(&other.site, "another", LONG).await, "each site has a lease of its own");
    let over = stage.now_plus(300).await;
    stage.wait_until(over).await;
    assert!(lease(&stage.site, "another", LONG).await);
    assert!(!lease(&stage.site, holder, LONG).await);
}

async fn an_event_is_queued_once_and_waits_until_it_is_over(store: Arc<dyn Store>) {
    use DeliveryState::{Delivered, GivenUp, Waiting};
    let stage = Stage::new(store.clone()).await;
    let (hook, site) = (kept_hook(&stage, "one").await, stage.site.clone());
    let begin = cursor(&stage, &hook).await.unwrap();
    let now = stage.now().await;
    let later = Timestamp::from_millis(now.as_millis() + 600_000);
    let new = |micros: u64| Delivery::new(place(micros), EventType::PollOpened, now);
    let some = [new(1), new(3)];
    assert_eq!(queue(&stage, &hook, "two", begin, &some).await, Queueing::Lost, "another has the lease");
    assert_eq!(queue(&stage, &hook, "one", place(0), &some).await, Queueing::Lost, "the cursor is elsewhere");
    for _ in 0..2 {
        assert_eq!(queue(&stage, &hook, "one", begin, &some).await, Queueing::Done);
    }
    assert_eq!(cursor(&stage, &hook).await, Some(place(3)));
    let more = [new(4), Delivery { due: Some(later), ..new(5) }];
    assert_eq!(queue(&stage, &hook, "one", place(3), &more).await, Queueing::Done);
    let due = async |limit| {
        let due = store.due_deliveries(&site, &hook.id, limit).await.unwrap();
        due.into_iter().map(|delivery| delivery.event).collect::<Vec<_>>()
    };
    assert_eq!((due(9).await, due(2).await), (vec![place(1), place(3), place(4)], vec![place(1), place(3)]));
    // One is taken, one waits, one is given up.
    let put = async |delivery: &Delivery, holder| store.put_delivery(&site, &hook.id, delivery, holder).await.unwrap();
    let delivered = new(1).tried(attempt(now, None), Some(later));
    assert!(!put(&delivered, Some("two")).await, "another has the lease");
    for _ in 0..2 {
        assert!(put(&delivered, Some("one")).await);
    }
    assert!(!put(&new(1).tried(attempt(now, Some("late")), None), Some("one")).await, "it is another meanwhile");
    assert!(put(&new(3).tried(attempt(now, Some("no")), Some(later)), Some("one")).await);
    assert!(put(&new(4).tried(attempt(now, Some("no")), None), Some("one")).await);
    assert_eq!(due(9).await, []);
    let listed = async |before, limit| store.deliveries(&site, &hook.id, before, limit).await.unwrap();
    let all = listed(None, 9).await;
    let states: Vec<_> = all.iter().map(|delivery| (delivery.event, delivery.state)).collect();
    assert_eq!(states, [(place(5), Waiting), (place(4), GivenUp), (place(3), Waiting), (place(1), Delivered)]);
    assert_eq!((listed(None, 2).await, listed(Some(place(4)), 9).await), (all[..2].to_vec(), all[2..].to_vec()));
    // Whoever wants it again needs no lease.
    let replayed = delivered.replayed(stage.now().await);
    assert!(put(&replayed, None).await);
    assert_eq!(store.delivery(&site, &hook.id, place(1)).await.unwrap(), Some(replayed));
    assert_eq!(due(9).await, [place(1)]);
    assert_eq!(store.delivery(&site, &hook.id, place(2)).await.unwrap(), None);
    let event = NewEvent::of_deleted_webhook(&hook, &Actor::Admin, now);
    assert!(store.delete_webhook(&site, &hook.id, &event).await.unwrap());
    assert_eq!((due(9).await, listed(None, 9).await), (Vec::new(), Vec::new()));
    assert_eq!(queue(&stage, &hook, "one", place(5), &[new(6)]).await, Queueing::Lost, "there is no such webhook");
}

async fn no_more_wait_than_may_and_what_waits_is_never_forgotten(store: Arc<dyn Store>) {
    let stage = Stage::new(store.clone()).await;
    let (hook, site) = (kept_hook(&stage, "one").await, stage.site.clone());
    let now = stage.now().await;
    let mut from = cursor(&stage, &hook).await.unwrap();
    let mut next = 0;
    let mut queue_next = async |count: u64| {
        let some: Vec<_> =
            (next..next + count).map(|micros| Delivery::new(place(micros), EventType::PollOpened, now)).collect();
        let queueing = queue(&stage, &hook, "one", from, &some).await;
        if queueing == Queueing::Done {
            (from, next) = (place(next + count - 1), next + count);
        }
        queueing
    };
    let most_waiting = u64::try_from(MOST_WAITING).unwrap();
    assert_eq!(queue_next(most_waiting).await, Queueing::Done);
    assert_eq!(queue_next(1).await, Queueing::Full);
    // The oldest is never taken; all others are.
    let finish = async |but: usize| {
        let due = store.due_deliveries(&site, &hook.id, MOST_WAITING).await.unwrap();
        for delivery in &due[but..] {
            let taken = delivery.tried(attempt(now, None), None);
            assert!(store.put_delivery(&site, &hook.id, &taken, Some("one")).await.unwrap());
        }
    };
    let mut queued = MOST_WAITING;
    while queued <= MOST_KEPT {
        finish(1).await;
        assert_eq!(queue_next(most_waiting - 1).await, Queueing::Done);
        queued += MOST_WAITING - 1;
    }
    let (mut kept, mut before) = (Vec::new(), None);
    loop {
        let page = store.deliveries(&site, &hook.id, before, 500).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.event);
        kept.extend(page);
    }
    assert_eq!(kept.len(), MOST_KEPT);
    assert_eq!((kept[MOST_KEPT - 1].event, kept[MOST_KEPT - 1].state), (place(0), DeliveryState::Waiting));
    assert_eq!(kept.iter().filter(|delivery| delivery.due.is_some()).count(), MOST_WAITING);
}
