//! A webhook over days, by a clock that is set by hand.

use std::sync::Arc;

use tempfile::TempDir;

use super::{Dispatcher, LEASE};
use crate::{
    clock::Clock,
    net::outside::Outside,
    poll::{SiteId, Timestamp},
    site::{
        Actor, Attempt, Delivery, DeliveryState, EventType, NewEvent, SiteSettings, Webhook, WebhookFields, WhyDisabled,
    },
    store::{Store, WebhookPut, sqlite::SqliteStore},
};

/// A webhook whose address is refused at each try, before anything is connected to.
struct Scene {
    store: Arc<dyn Store>,
    clock: Clock,
    dispatcher: Dispatcher,
    hook: Webhook,
    _directory: TempDir,
}

impl Scene {
    async fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let clock = Clock::stopped_at(Timestamp::from_millis(1_795_899_306_264));
        let store: Arc<dyn Store> =
            Arc::new(SqliteStore::open(&directory.path().join("sawt.db"), 1, clock.clone()).unwrap());
        store.contact().await.unwrap();
        let fields = WebhookFields { types: Some(vec![EventType::SitePut]), ..WebhookFields::default() };
        let hook = Webhook::new(SiteId::default(), "https://127.0.0.1:1/".parse().unwrap(), fields, clock.now());
        let put = store.put_webhook(&hook, &NewEvent::of_put_webhook(&hook, &Actor::Admin)).await.unwrap();
        assert_eq!(put, WebhookPut::Done);
        let dispatcher = Dispatcher::new(Arc::clone(&store), Arc::default(), Outside::default(), Arc::default(), None);
        Self { store, clock, dispatcher, hook, _directory: directory }
    }

    /// Something that the webhook is told.
    async fn happen(&self) {
        let settings = SiteSettings::default();
        let event = NewEvent::of_site(None, &settings, &Actor::Admin, self.clock.now());
        self.store.put_site(&self.hook.site, settings, &[event]).await.unwrap();
    }

    async fn turn(&self) {
        let Webhook { site, id, .. } = &self.hook;
        assert!(self.store.lease_webhooks(site, &self.dispatcher.holder, LEASE).await.unwrap());
        self.dispatcher.turn(site, id).await.unwrap();
    }

    /// The deliveries, the oldest first.
    async fn deliveries(&self) -> Vec<Delivery> {
        let mut found = self.store.deliveries(&self.hook.site, &self.hook.id, None, 100).await.unwrap();
        found.reverse();
        found
    }

    /// Takes turns until the first delivery is over: what became of it.
    async fn until_over(&self) -> Delivery {
        loop {
            self.turn().await;
            let first = self.deliveries().await.swap_remove(0);
            match first.due {
                Some(due) => self.clock.set(due),
                None => return first,
            }
        }
    }

    async fn read(&self) -> Webhook {
        self.store.webhook(&self.hook.site, &self.hook.id).await.unwrap().unwrap()
    }
}

#[tokio::test]
async fn what_nobody_takes_is_tried_ten_times_over_three_days_and_disables_the_webhook() {
    let scene = Scene::new().await;
    scene.happen().await;
    let over = scene.until_over().await;
    assert_eq!((over.state, over.tries, over.attempts.len()), (DeliveryState::GivenUp, 10, 10));
    let hours = (over.attempts[9].at.as_millis() - over.attempts[0].at.as_millis()) / 3_600_000;
    assert!((60..=80).contains(&hours), "{hours} hours");
    let disabled = scene.read().await.disabled.expect("it is disabled");
    assert_eq!(disabled.why, WhyDisabled::Failing);
    let log = scene.store.events(&scene.hook.site, None, 100).await.unwrap();
    let told = log.iter().find(|event| event.kind == EventType::WebhookDisabled).expect("it is told");
    assert_eq!((&told.data["why"], &told.actor), (&serde_json::json!("failing"), &Actor::Schedule));
    // What happens then waits in the log.
    scene.happen().await;
    scene.turn().await;
    assert_eq!(scene.deliveries().await, [over]);
}

#[tokio::test]
async fn a_webhook_that_takes_something_meanwhile_stays_enabled() {
    let scene = Scene::new().await;
    scene.happen().await;
    scene.turn().await;
    scene.happen().await;
    scene.turn().await;
    let second = scene.deliveries().await.swap_remove(1);
    let taken = second.tried(Attempt { at: scene.clock.now(), millis: 1, status: Some(204), failure: None }, None);
    assert!(scene.store.put_delivery(&scene.hook.site, &scene.hook.id, &taken, None).await.unwrap());
    assert_eq!(scene.until_over().await.state, DeliveryState::GivenUp);
    assert_eq!(scene.read().await.disabled, None);
}

#[tokio::test]
async fn an_event_that_the_log_has_forgotten_is_given_up_and_is_no_fault_of_the_receiver() {
    let scene = Scene::new().await;
    scene.happen().await;
    scene.turn().await;
    let due = scene.deliveries().await[0].due.unwrap();
    scene.clock.set(due);
    scene.store.forget_events(&scene.hook.site, due).await.unwrap();
    let over = scene.until_over().await;
    assert_eq!((over.state, over.tries), (DeliveryState::GivenUp, 2));
    assert!(over.attempts[1].failure.as_ref().unwrap().contains("keeps the event no more"));
    assert_eq!(scene.read().await.disabled, None);
}
