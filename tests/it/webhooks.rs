//! Webhooks whose receivers and replicas fail.

use serde_json::{Value, json};

use crate::{
    backends::{Program, Storage},
    client::{Client, remember_secret, until},
    receiver::{Received, Receiver, Reply},
    registry::lone_rules,
    server::{ADMIN_KEY, Replica, Settings},
    service::{seed_poll, text},
};

lone_rules![
    what_a_receiver_does_delays_no_other_and_what_it_did_not_take_comes_again,
    no_address_inside_is_connected_to_unless_the_operator_allows_it,
    a_replica_that_is_killed_in_the_middle_of_a_try_makes_it_again_with_the_same_id,
    of_two_replicas_one_sends_and_when_it_is_killed_the_other_does,
];

const HOOKS: &str = "/v1/sites/default/webhooks";

fn settings(storage: &Storage) -> Settings {
    Settings::on(storage.address()).with("SAWT_WEBHOOK_NETWORKS", "127.0.0.0/8")
}

fn admin(replica: &Replica) -> Client {
    Client::new(replica.address()).with_key(ADMIN_KEY)
}

/// Has each poll that is made sent to an address: the path of the webhook.
async fn hook(admin: &Client, url: &str) -> String {
    let hook = admin.post(HOOKS).json(&json!({ "url": url, "types": ["poll.created"] })).send().await.is(201);
    remember_secret(&text(&hook["secret"]));
    format!("{HOOKS}/{}", text(&hook["id"]))
}

async fn make_poll(admin: &Client) {
    admin.post("/v1/polls").json(&seed_poll(json!({}))).send().await.is(201);
}

async fn received(receiver: &Receiver, count: usize) -> Vec<Received> {
    until(async || Some(receiver.received()).filter(|received| received.len() >= count)).await
}

/// The webhook's only delivery, once it has had so many tries.
async fn tried(admin: &Client, hook: &str, tries: u64) -> Value {
    until(async || {
        let listed = admin.get(&format!("{hook}/deliveries")).send().await.is(200);
        Some(listed["items"][0].clone()).filter(|delivery| delivery["tries"].as_u64() >= Some(tries))
    })
    .await
}

async fn what_a_receiver_does_delays_no_other_and_what_it_did_not_take_comes_again() {
    let storage = Storage::file();
    let replica = Replica::start(&settings(&storage));
    let admin = admin(&replica);
    let [failing, leading, hanging, flooding, good] = [(); 5].map(|()| Receiver::start());
    let elsewhere = Receiver::start();
    failing.answer(Reply::Status(500));
    leading.answer(Reply::Redirect(elsewhere.url()));
    hanging.answer(Reply::Nothing);
    flooding.answer(Reply::Flood);
    let mut hooks = Vec::new();
    for receiver in [&failing, &leading, &hanging, &flooding, &good] {
        hooks.push(hook(&admin, &receiver.url()).await);
    }
    make_poll(&admin).await;
    // While one hangs.
    received(&good, 1).await;
    for (at, status, reason) in [(0, 500, "the receiver answers 500"), (1, 307, "leads elsewhere")] {
        let delivery = tried(&admin, &hooks[at], 1).await;
        assert_eq!(delivery["attempts"][0]["status"], status, "{delivery}");
        assert!(text(&delivery["attempts"][0]["failure"]).contains(reason), "{delivery}");
    }
    // Of a flood only the head is read.
    assert_eq!(tried(&admin, &hooks[3], 1).await["state"], "delivered");
    received(&hanging, 1).await;
    for (at, receiver) in [&failing, &leading].into_iter().enumerate() {
        let received = received(receiver, 2).await;
        assert_eq!((received[0].id(), received[0].json()), (received[1].id(), received[1].json()));
        assert_eq!(tried(&admin, &hooks[at], 2).await["state"], "delivered");
    }
    assert_eq!(elsewhere.received().len(), 0, "a redirect is not followed");
    let given_up = tried(&admin, &hooks[2], 1).await;
    let attempt = &given_up["attempts"][0];
    assert_eq!((&attempt["status"], &attempt["failure"]), (&Value::Null, &json!("no answer came in time")));
    assert!(attempt["millis"].as_u64() >= Some(15_000), "{attempt}");
}

async fn no_address_inside_is_connected_to_unless_the_operator_allows_it() {
    let storage = Storage::file();
    let replica = Replica::start(&Settings::on(storage.address()));
    let admin = admin(&replica);
    let receiver = Receiver::start();
    for url in [receiver.url(), format!("https://127.0.0.1:{}/", receiver.port())] {
        let refused = admin.post(HOOKS).json(&json!({ "url": url })).send().await.refused(400, "invalid-request");
        assert_eq!(refused["errors"][0]["field"], "url");
    }
    // What a name leads to is seen when it is connected to.
    let hook = hook(&admin, &format!("https://localhost:{}/", receiver.port())).await;
    make_poll(&admin).await;
    let delivery = tried(&admin, &hook, 1).await;
    let failure = text(&delivery["attempts"][0]["failure"]);
    assert!(failure.contains("no address that may be reached"), "{failure}");
    assert_eq!(receiver.connections(), 0);
    // An operator may have changed their mind, and the webhook is from before.
    drop(replica);
    let replica = Replica::start(&settings(&storage));
    let admin = self::admin(&replica);
    let plain = self::hook(&admin, &format!("http://localhost:{}/", receiver.port())).await;
    make_poll(&admin).await;
    assert_eq!(tried(&admin, &plain, 1).await["state"], "delivered");
    assert_eq!(received(&receiver, 1).await.len(), 1);
    drop(replica);
    let replica = Replica::start(&Settings::on(storage.address()));
    let admin = self::admin(&replica);
    let connections = receiver.connections();
    make_poll(&admin).await;
    let refused = until(async || {
        let listed = admin.get(&format!("{plain}/deliveries")).send().await.is(200);
        listed["items"][0]["attempts"][0]["failure"].as_str().map(str::to_owned)
    })
    .await;
    assert!(refused.contains("must begin with https://"), "{refused}");
    assert_eq!(receiver.connections(), connections);
}

async fn a_replica_that_is_killed_in_the_middle_of_a_try_makes_it_again_with_the_same_id() {
    let storage = Storage::file();
    let replica = Replica::start(&settings(&storage));
    let client = admin(&replica);
    let receiver = Receiver::start();
    receiver.answer(Reply::Nothing);
    let hook = hook(&client, &receiver.url()).await;
    make_poll(&client).await;
    received(&receiver, 1).await;
    replica.signal("KILL");
    replica.wait();
    let replica = Replica::start(&settings(&storage));
    let received = received(&receiver, 2).await;
    assert_eq!((received[0].id(), received[0].json()), (received[1].id(), received[1].json()));
    let delivery = tried(&admin(&replica), &hook, 1).await;
    assert_eq!((&delivery["state"], &delivery["tries"]), (&json!("delivered"), &json!(1)));
}

async fn of_two_replicas_one_sends_and_when_it_is_killed_the_other_does() {
    let storage = Storage::single(Program::Redis, &[]);
    let [first, second] = [(); 2].map(|()| Replica::start(&settings(&storage)));
    let client = admin(&first);
    let receiver = Receiver::start();
    receiver.answer(Reply::Nothing);
    let hook = hook(&client, &receiver.url()).await;
    make_poll(&client).await;
    let one = received(&receiver, 1).await;
    // One of the two holds the lease, and is in the middle of a try.
    let lease = "sawt:site:{default}:webhook-lease";
    let holder = || -> Vec<String> { storage.server().ask_for(&["GET", lease]) };
    let held_by = holder();
    // While it is, the other looks too, each second, and sends nothing.
    let mut left = i64::MAX;
    for _ in 0..3 {
        until(async || {
            let before = std::mem::replace(&mut left, storage.server().ask_for(&["PTTL", lease]));
            (left > before).then_some(())
        })
        .await;
    }
    // On a machine so slow that the try was given up meanwhile, that was noted before the next one.
    let sent = u64::try_from(receiver.received().len()).unwrap();
    let listed = client.get(&format!("{hook}/deliveries")).send().await.is(200);
    assert!(listed["items"][0]["tries"].as_u64() >= Some(sent - 1), "sent {sent} times: {listed}");
    first.signal("KILL");
    first.wait();
    if holder() == held_by {
        // So that nobody waits until it expires: what follows is the same.
        storage.server().ask(&["DEL", lease]);
    }
    let both = received(&receiver, 2).await;
    assert_eq!((one[0].id(), one[0].json()), (both[1].id(), both[1].json()));
    drop(second);
}
