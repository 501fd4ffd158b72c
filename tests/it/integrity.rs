//! From ballots to an incident: detectors on each store, in time that is set by hand.

use std::{borrow::Cow, net::Ipv4Addr, sync::Arc};

use sawt::{
    clock::Clock,
    config::Config,
    events::EventSignal,
    integrity::watch::Detectors,
    live::{
        Hub, StreamLimiter,
        replicas::{publish, subscribe},
    },
    poll::{
        Finding, IncidentCause, IncidentPolicy, Label, LabelDecision, NetworkDigest, Poll, REASON, Suspects, Text,
        Timestamp, VoteTrace, VoterId,
    },
    quota::{QuotaLimiter, Subject, local::Uptime},
    secret::Secret,
    site::{Actor, EventType, SiteSettings},
    store::{Message, Store, StoreSettings, Stores, VotesSeen},
    telemetry::Metrics,
    views::ViewCounts,
    voting::{BallotRequest, Caster, ReplicaVoting, VoteOutcome, Voting},
    wire::PositionKeys,
};

use serde_json::{Value, json};

use crate::{
    attack::scenes::simulation::Dice,
    backends::{Backend, Program, Storage},
    client::{nonce, until},
    registry::store_rules,
    server::SECRET,
    service::Service,
    store::stage::{Stage, changeable, done, label, labelled, yes_or_no},
};

store_rules![
    a_burst_of_a_network_becomes_an_incident_whose_ballots_are_held_from_then_on_and_that_ends_by_itself,
    what_is_forgotten_is_ended_before,
    detectors_see_each_ballot_that_is_cast_or_changed,
];

/// What runs on a store whose replicas hear of each other.
pub(crate) mod replicas {
    use super::{
        an_attack_spread_over_replicas_is_one_incident_that_any_of_them_finds,
        running_replicas_open_an_incident_by_themselves_and_hold_it_where_the_site_says_so,
        what_one_replica_has_found_another_does_not_end,
    };

    crate::registry::lone_rules![
        an_attack_spread_over_replicas_is_one_incident_that_any_of_them_finds,
        what_one_replica_has_found_another_does_not_end,
        running_replicas_open_an_incident_by_themselves_and_hold_it_where_the_site_says_so,
    ];
}

const DAY: i64 = 24 * 60 * 60_000;
const ATTACKER: [u8; 16] = [9; 16];

/// A replica that nobody but the test shows ballots.
struct Replica {
    detectors: Detectors,
    hub: Arc<Hub>,
    clock: Clock,
    dice: Dice,
    now: i64,
}

impl Replica {
    fn begin(store: &Arc<dyn Store>, at: i64) -> Self {
        let clock = Clock::stopped_at(Timestamp::from_millis(at));
        let hub = Arc::new(Hub::new(Arc::default(), clock.clone(), false));
        let signal = Arc::<EventSignal>::default();
        let detectors = Detectors::new(Arc::clone(store), Arc::clone(&hub), signal, clock.clone(), false);
        Self { detectors, hub, clock, dice: Dice::new(7), now: at }
    }

    /// One of several that have this store.
    fn join(storage: &Storage, secret: &Secret, at: i64) -> Self {
        let settings =
            StoreSettings { address: storage.address().parse().unwrap(), partitions: None, allow_eviction: false };
        let stores = Stores::open(&settings, Clock::default()).unwrap();
        let (store, broker) = (stores.connect(), stores.broker().unwrap());
        let clock = Clock::stopped_at(Timestamp::from_millis(at));
        let hub = Arc::new(Hub::new(Arc::default(), clock.clone(), true));
        hub.traces().mark_by(secret);
        tokio::spawn(subscribe(Arc::clone(&hub), Arc::clone(&broker)));
        tokio::spawn(publish(Arc::clone(&hub), broker));
        let detectors = Detectors::new(store, Arc::clone(&hub), Arc::default(), clock.clone(), true);
        Self { detectors, hub, clock, dice: Dice::new(7), now: at }
    }

    /// Tells the others what it has seen, and does not look itself.
    fn tell(&self) {
        for seen in self.hub.traces().take() {
            self.hub.tell_votes(seen);
        }
    }

    /// Lets readers vote, one a minute, from a thousand networks, and looks.
    async fn go_on(&mut self, poll: &Poll, readers: i64) {
        for _ in 0..readers {
            // A minute on average, and scattered as chance has it.
            self.now += i64::from(self.dice.below(1_000)) * i64::from(self.dice.below(1_000)) / 4;
            let reader = self.dice.below(1_000).to_be_bytes();
            let mut network = [1; 16];
            network[..4].copy_from_slice(&reader);
            let option = u8::from(self.dice.chance(0.4));
            self.note(poll, network, option);
            self.hub.traces().note_view(poll.id);
            self.look().await;
        }
    }

    fn note(&self, poll: &Poll, network: [u8; 16], option: u8) {
        self.hub.traces().note(poll.id, Timestamp::from_millis(self.now), network, (option, false));
    }

    async fn look(&self) {
        self.clock.set(Timestamp::from_millis(self.now));
        self.detectors.look().await.unwrap();
    }
}

async fn a_burst_of_a_network_becomes_an_incident_whose_ballots_are_held_from_then_on_and_that_ends_by_itself(
    store: Arc<dyn Store>,
) {
    let stage = Stage::new(store).await;
    let settings = SiteSettings { incidents: IncidentPolicy::Hold, ..SiteSettings::default() };
    stage.store.put_site(&stage.site, settings, &[]).await.unwrap();
    let poll = stage.poll(yes_or_no()).await;
    // Within one day, whose marks hold.
    let mut replica = Replica::begin(&stage.store, stage.now().await.as_millis() / DAY * DAY);
    replica.go_on(&poll, 180).await;
    assert_eq!(stage.read(&poll).await, poll, "readers are no incident");

    for _ in 0..100 {
        replica.now += 3_000;
        replica.note(&poll, ATTACKER, 1);
        replica.look().await;
    }
    let watched = stage.read(&poll).await;
    let incident = watched.incidents.iter().find(|incident| incident.about.is_sure()).expect("an incident").clone();
    assert_eq!(incident.about.cause, IncidentCause::NetworkBurst);
    let at = Timestamp::from_millis(replica.now);
    let label_from =
        |poll: &Poll, network| poll.label_of_vote(Label::CLEAN, || replica.hub.traces().mark(poll.id, network, at));
    let of_attacker = label_from(&watched, &ATTACKER);
    assert_eq!((of_attacker, label_from(&watched, &[1; 16])), (incident.label, Label::CLEAN));
    assert_eq!(watched.decisions.of(incident.label), LabelDecision::Held);
    stage.apply(&watched, &[labelled(&watched, 1, &["no"], of_attacker)]).await;
    stage.cast(&watched, 2, &["yes"]).await;
    assert_eq!(stage.count(&watched).await, (vec![1, 0], 1));

    replica.go_on(&poll, 90).await;
    let after = stage.read(&poll).await;
    assert!(after.open_incidents().next().is_none(), "{:?}", after.incidents);
    assert_eq!(after.decisions.of(label(of_attacker.number())), LabelDecision::Held, "what came then stays held");
    stage.store.relay_events().await.unwrap();
    let mut told = stage.store.events(&stage.site, None, 100).await.unwrap();
    told.retain(|event| event.data["label"] == incident.label.name().as_ref());
    assert_eq!([told[0].kind, told[1].kind], [EventType::IncidentOpened, EventType::IncidentClosed]);
    assert_eq!((&told[0].actor, &told[0].data["held"]), (&Actor::Detector, &true.into()));
}

async fn an_attack_spread_over_replicas_is_one_incident_that_any_of_them_finds() {
    let (storage, secret) = (Storage::single(Program::Redis, &[]), Secret::generate());
    let stage = Stage::new(storage.store().await).await;
    let poll = stage.poll(yes_or_no()).await;
    let begins = stage.now().await.as_millis() / DAY * DAY;
    let [mut finder, one, other] = [(); 3].map(|()| Replica::join(&storage, &secret, begins));
    finder.go_on(&poll, 180).await;
    // A load balancer deals the attack out to the two others, and neither of them gets to look.
    for ballot in 0..100 {
        finder.now += 3_000;
        let replica = if ballot % 2 == 0 { &one } else { &other };
        replica.hub.traces().note(poll.id, Timestamp::from_millis(finder.now), ATTACKER, (1, false));
    }
    finder.now += 10_000;
    let sure = |poll: &Poll| poll.incidents.iter().filter(|incident| incident.about.is_sure()).count();
    until(async || {
        // A message is lost if nobody has subscribed yet: told again, it says nothing new.
        one.tell();
        other.tell();
        finder.look().await;
        (sure(&stage.read(&poll).await) > 0).then_some(())
    })
    .await;
    for mut replica in [one, other, finder] {
        replica.now = replica.now.max(begins + 9 * 60 * 60_000);
        replica.look().await;
    }
    assert_eq!(sure(&stage.read(&poll).await), 1);
    stage.store.relay_events().await.unwrap();
    let told = stage.store.events(&stage.site, None, 100).await.unwrap();
    let label = stage.read(&poll).await.incidents.iter().find(|it| it.about.is_sure()).unwrap().label.name();
    let opened = told.iter().filter(|it| it.kind == EventType::IncidentOpened && it.data["label"] == label.as_ref());
    assert_eq!(opened.count(), 1, "{told:?}");
}

async fn what_one_replica_has_found_another_does_not_end() {
    let (storage, secret) = (Storage::single(Program::Redis, &[]), Secret::generate());
    let stage = Stage::new(storage.store().await).await;
    let poll = stage.poll(yes_or_no()).await;
    let begins = stage.now().await.as_millis() / DAY * DAY;
    let mut finder = Replica::join(&storage, &secret, begins);
    finder.go_on(&poll, 400).await;
    // Another has watched the poll for hours, and knows little of its readers.
    let mut other = Replica::join(&storage, &secret, begins);
    other.note(&poll, [1; 16], 0);
    other.look().await;
    // A share swings, with nothing else to be seen of it.
    let is_open = async |stage: &Stage| {
        let poll = stage.read(&poll).await;
        poll.open_incidents().any(|incident| incident.about.cause == IncidentCause::ShareSwing)
    };
    let mut vote = async || {
        finder.now += i64::from(finder.dice.below(30_000));
        let mut network = [2; 16];
        network[..4].copy_from_slice(&finder.dice.below(1_000).to_be_bytes());
        finder.note(&poll, network, 1);
        finder.look().await;
    };
    for _ in 0..400 {
        vote().await;
    }
    assert!(is_open(&stage).await);
    other.now = stage.now().await.as_millis();
    until(async || {
        vote().await;
        let heard = other.hub.traces().take_received();
        heard.iter().any(|seen| seen.found.contains(&IncidentCause::ShareSwing)).then_some(())
    })
    .await;
    for _ in 0..12 {
        other.look().await;
    }
    assert!(is_open(&stage).await, "nobody who finds it says that it is over");
}

async fn running_replicas_open_an_incident_by_themselves_and_hold_it_where_the_site_says_so() {
    let service = Service::start(Backend::Redis);
    let site = service.site().await;
    let path = format!("/v1/sites/{site}");
    let held = json!({ "origins": [], "incidents": "hold" });
    assert_eq!(service.admin().put(&path).json(&held).send().await.is(200)["incidents"], "hold");
    assert_eq!(service.admin().get(&path).send().await.is(200)["incidents"], "hold");
    let id = service.poll(json!({ "site": site })).await;
    let stores = Stores::open(
        &StoreSettings {
            address: service.storage().address().parse().unwrap(),
            partitions: None,
            allow_eviction: false,
        },
        Clock::default(),
    )
    .unwrap();
    let (store, broker) = (stores.connect(), stores.broker().unwrap());
    let poll = store.poll(id.parse().unwrap()).await.unwrap().unwrap();
    // What another replica has seen in the last minutes: readers, and one network that keeps time.
    let (mut dice, mut told_at) = (Dice::new(9), 0);
    let label = until(async || {
        let now = store.now().await.unwrap();
        // A message is lost if nobody has subscribed yet.
        if now.as_millis() - told_at > 15_000 {
            told_at = now.as_millis();
            let traces = seen_lately(&poll, now, &mut dice);
            let seen = VotesSeen { replica: 1, poll: poll.id, traces, views: 0, found: Vec::new() };
            broker.publish(&Message::Votes(seen)).await.unwrap();
        }
        let report = service.admin().get(&format!("/v1/polls/{id}/integrity")).send().await.is(200);
        let is_it = |it: &&Value| it["cause"] == "network-burst" && it["sureness"].as_u64() >= Some(90);
        let sure = report["incidents"].as_array().unwrap().iter().find(is_it)?.clone();
        assert_eq!(
            (&sure["figures"]["of"], &sure["figures"]["one_option"]),
            (&json!("network"), &json!(true)),
            "{sure}"
        );
        Some(sure["label"].as_str().unwrap().to_owned())
    })
    .await;
    for client in service.clients() {
        for (from, expected) in [([127, 0, 9, 1], &*label), ([127, 0, 0, 1], "no-work")] {
            let voter = client.at(from.into());
            until(async || {
                let before = labels(&service, &id).await;
                voter.first_vote(&id, &["yes"], &nonce()).await.is(201);
                let after = labels(&service, &id).await;
                (after[expected] != before[expected]).then_some(())
            })
            .await;
        }
    }
    let report = service.admin().get(&format!("/v1/polls/{id}/integrity")).send().await.is(200);
    let decided = report["labels"].as_array().unwrap().iter().find(|it| it["label"] == *label).unwrap().clone();
    assert_eq!((&decided["decision"], &decided["ballots"]), (&json!("held"), &report["held"]["ballots"]));
}

/// Votes of the last minutes, as a replica tells of them: readers', and as many of one network, one every four seconds.
fn seen_lately(poll: &Poll, now: Timestamp, dice: &mut Dice) -> Vec<VoteTrace> {
    let at = |millis: i64| Timestamp::from_millis(now.as_millis() - 250_000 + millis);
    let attacker = network_mark(poll, [127, 0, 9, 0], now);
    let trace = |at, network, option| VoteTrace { at, network, option, ballots: 1, is_by_new_voter: false };
    let mut traces: Vec<VoteTrace> = (0..60).map(|nth| trace(at(4_000 * nth), attacker, 1)).collect();
    traces.extend((0..60).map(|_| {
        let (millis, network) = (i64::from(dice.below(240_000)), NetworkDigest(dice.below(1_000)));
        trace(at(millis), network, u8::from(dice.chance(0.4)))
    }));
    traces
}

/// A network's mark, as the service's replicas make it.
pub(crate) fn network_mark(poll: &Poll, network: [u8; 4], now: Timestamp) -> NetworkDigest {
    let hub = Hub::new(Arc::default(), Clock::default(), false);
    hub.traces().mark_by(&Secret::new(SECRET.to_owned()));
    hub.traces().mark(poll.id, &Ipv4Addr::from(network).to_ipv6_mapped().octets(), now)
}

/// How many ballots have which label.
async fn labels(service: &Service, poll: &str) -> Value {
    let report = service.admin().get(&format!("/v1/polls/{poll}/integrity")).send().await.is(200);
    let of = |it: &Value| (it["label"].as_str().unwrap().to_owned(), it["ballots"].clone());
    Value::Object(report["labels"].as_array().unwrap().iter().map(of).collect())
}

async fn what_is_forgotten_is_ended_before(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(yes_or_no()).await;
    let mut replica = Replica::begin(&stage.store, stage.now().await.as_millis() / DAY * DAY);
    replica.go_on(&poll, 180).await;
    for _ in 0..100 {
        replica.now += 3_000;
        replica.note(&poll, ATTACKER, 1);
        replica.look().await;
    }
    let watched = stage.read(&poll).await;
    assert!(watched.open_incidents().count() > 0);
    // An editor's goes on: nobody else says when it is over.
    let by_editor = Finding {
        cause: IncidentCause::Editor,
        since: watched.updated_at,
        reason: Text::parse("؟", REASON).unwrap(),
        sureness: 100,
        suspects: Suspects::Everyone,
        honest_per_hour: 0,
        figures: None,
        asks_for_work: false,
    };
    let (edit, _) = watched.with_incident(by_editor, IncidentPolicy::Show, stage.now().await).unwrap();
    let version = stage.tally(&watched).await.version;
    let edit = if edit.moves_versions(&watched) { edit.numbered(version) } else { edit };
    done(stage.replace(&edit).await);
    replica.hub.note_made_change(&stage.store, poll.id).await;
    replica.now += 2 * DAY + 60_000;
    replica.look().await;
    let after = stage.read(&poll).await;
    let open: Vec<IncidentCause> = after.open_incidents().map(|incident| incident.about.cause).collect();
    assert_eq!(open, [IncidentCause::Editor]);
}

async fn detectors_see_each_ballot_that_is_cast_or_changed(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let poll = stage.poll(changeable()).await;
    let local = tokio::task::LocalSet::new();
    let seen = local.run_until(async {
        let (clock, metrics) = (Clock::default(), Arc::<Metrics>::default());
        let hub = Arc::new(Hub::new(Arc::default(), clock.clone(), false));
        let (secret, streams) = (Secret::generate(), Arc::new(StreamLimiter::new(Config::default().streams)));
        let keys = Arc::new(PositionKeys::new(&secret, None));
        let quotas = QuotaLimiter::new(&Config::default().quotas, None, &Uptime::begin(), Arc::clone(&metrics));
        let views = Arc::new(ViewCounts::new(Arc::clone(&metrics)));
        let shared = (Arc::clone(&hub), Arc::new(quotas));
        let replica = ReplicaVoting::new(shared.0, streams, (&secret, keys), shared.1, clock, metrics, views);
        let voting = Voting::new(Arc::clone(&stage.store), replica);
        let (voter, client) = (VoterId::from_bytes([7; 16]), Subject::from([9; 16]));
        for (choice, expected) in [
            ("yes", VoteOutcome::Counted),
            ("yes", VoteOutcome::Repeated),
            ("no", VoteOutcome::Changed),
            ("no", VoteOutcome::Repeated),
        ] {
            let known = voting.poll_to_vote(poll.id).await.unwrap();
            let caster = Caster { voter, is_new: true, client, label: Label::CLEAN, owes_work: false };
            let asked = BallotRequest { choices: &[Cow::Borrowed(choice)], answer: None };
            assert_eq!(voting.cast(caster, known, asked, drop).await.unwrap().cast, expected);
        }
        hub.traces().take()
    });
    let seen = seen.await;
    let seen: Vec<(u8, bool)> = seen[0].traces.iter().map(|trace| (trace.option, trace.is_by_new_voter)).collect();
    assert_eq!(seen, [(0, true), (1, false)]);
}
