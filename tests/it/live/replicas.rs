//! Replicas that tell each other: what one has counted is on the streams of the others, whatever becomes of them.

use std::{cell::Cell, sync::Arc};

use futures_util::future::{join, join_all};
use sawt::{
    clock::Clock,
    poll::{PartitionTally, PollId, Revision, SiteId, State, Timestamp},
    store::{Broker, Follow, Message, Received, StoreSettings, Stores, Tallies},
};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::{
    backends::{Backend, RedisServer, Storage},
    client::{Client, until},
    crowd::{Crowd, choice, one_crowd_at_a_time},
    events::{Events, timeless},
    registry::lone_rules,
    server::{Replica, Settings},
    service::Service,
    wire::{self, Wire},
};

/// The stores that several replicas share.
const SHARED: [Backend; 3] = [Backend::Redis, Backend::Valkey, Backend::Cluster];

/// One end of a broker.
struct Ear {
    broker: Arc<dyn Broker>,
    follow: mpsc::Sender<Follow>,
    heard: mpsc::Receiver<Received>,
}

impl Ear {
    /// A listener on a store, in a task of its own.
    fn on(storage: &Storage) -> Self {
        let address = storage.address().parse().expect("the address of a store");
        let settings = StoreSettings { address, partitions: None, allow_eviction: false };
        let broker =
            Stores::open(&settings, Clock::default()).expect("a store").broker().expect("a store that is shared");
        let (follow, followed) = mpsc::channel(64);
        let (hear, heard) = mpsc::channel(64);
        let listener = Arc::clone(&broker);
        tokio::spawn(async move { listener.subscribe(followed, hear).await });
        Self { broker, follow, heard }
    }

    async fn follow(&mut self, poll: PollId) {
        self.follow.send(Follow::Start(poll)).await.expect("it listens");
        assert_eq!(self.heard.recv().await, Some(Received::Following(poll)));
    }

    /// The next news; that it follows anew is passed over.
    async fn hear(&mut self) -> Message {
        loop {
            match self.heard.recv().await.expect("it listens") {
                Received::Message(news) => return news,
                Received::Following(_) => {}
            }
        }
    }

    /// Tells news until they are heard: those that are told while the way is cut are lost. What is heard besides are
    /// others that were told more than once.
    async fn hears_again(&mut self, news: &Message) {
        loop {
            let _ = self.broker.publish(news).await;
            let soon = std::time::Duration::from_millis(50);
            if tokio::time::timeout(soon, self.hear()).await.is_ok_and(|heard| heard == *news) {
                return;
            }
        }
    }
}

fn news_of(poll: PollId, version: u64) -> Message {
    let votes = [version, 0].as_slice().into();
    let as_of = Timestamp::from_millis(1_800_000_000_000);
    let (revision, state) = (Revision::FIRST, State::Open);
    let tally = PartitionTally { revision, epoch: 0, version, ballots: version, votes, state, as_of };
    Message::Tallies(Tallies { poll, revision: Revision::FIRST, partitions: vec![(0, tally)] })
}

async fn news_of_a_poll_are_heard_by_those_who_follow_it_and_all_else_by_everyone() {
    for backend in SHARED {
        let storage = Storage::start(backend);
        let (mut one, mut other) = (Ear::on(&storage), Ear::on(&storage));
        // On a cluster these lie on different masters.
        let polls: Vec<PollId> = (0..8).map(|_| PollId::generate()).collect();
        for poll in &polls {
            one.follow(*poll).await;
        }
        other.follow(polls[0]).await;
        for poll in polls.iter().rev() {
            one.broker.publish(&news_of(*poll, 7)).await.expect("it can be told");
            assert_eq!(one.hear().await, news_of(*poll, 7));
        }
        assert_eq!(other.hear().await, news_of(polls[0], 7), "{backend:?}: and nothing of the others before that");
        for news in [Message::Poll(polls[5]), Message::Site(SiteId::default())] {
            one.broker.publish(&news).await.expect("it can be told");
            for ear in [&mut one, &mut other] {
                assert_eq!(ear.hear().await, news);
            }
        }
        // What is followed no more is heard no more.
        one.follow.send(Follow::Stop(polls[0])).await.expect("it listens");
        one.follow.send(Follow::Stop(polls[1])).await.expect("it listens");
        one.follow(polls[1]).await;
        one.broker.publish(&news_of(polls[0], 8)).await.expect("it can be told");
        one.broker.publish(&news_of(polls[1], 8)).await.expect("it can be told");
        assert_eq!(one.hear().await, news_of(polls[1], 8));
    }
}

async fn a_feed_that_was_cut_is_whole_again_and_says_so() {
    for backend in SHARED {
        let storage = Storage::start(backend);
        let mut ear = Ear::on(&storage);
        let polls: Vec<PollId> = (0..4).map(|_| PollId::generate()).collect();
        for poll in &polls {
            ear.follow(*poll).await;
        }
        for server in storage.servers() {
            server.ask_for::<i64>(&["CLIENT", "KILL", "TYPE", "pubsub"]);
        }
        // Each is followed anew, so that what was missed is read.
        let mut following = Vec::new();
        while polls.iter().any(|poll| !following.contains(poll)) {
            if let Some(Received::Following(poll)) = ear.heard.recv().await {
                following.push(poll);
            }
        }
        for poll in &polls {
            ear.hears_again(&news_of(*poll, 9)).await;
        }
    }
}

/// A slot that moves to another master takes its channels along, without a word from the driver.
async fn a_channel_whose_slot_moves_is_followed_to_its_new_master() {
    let storage = Storage::start(Backend::Cluster);
    let mut ear = Ear::on(&storage);
    let poll = PollId::generate();
    ear.follow(poll).await;
    let [first, ..] = storage.servers() else { panic!("a cluster has servers") };
    let slot = first.ask_for::<i64>(&["CLUSTER", "KEYSLOT", &format!("sawt:{{{poll}}}:tallies")]).to_string();
    let is_home = |server: &&RedisServer| {
        let channels: Vec<String> = server.ask_for(&["PUBSUB", "SHARDCHANNELS"]);
        channels.iter().any(|channel| channel.contains(&poll.to_string()))
    };
    let (home, others): (Vec<_>, Vec<_>) = storage.servers().iter().partition(is_home);
    let (home, next) = (home[0], others[0]);
    let (home_id, next_id) = (home.ask(&["CLUSTER", "MYID"]), next.ask(&["CLUSTER", "MYID"]));
    next.ask(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &home_id]);
    home.ask(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &next_id]);
    for server in [next, home, others[1]] {
        server.ask(&["CLUSTER", "SETSLOT", &slot, "NODE", &next_id]);
    }
    ear.hears_again(&news_of(poll, 3)).await;
    assert!(is_home(&next));
}

/// On one server a tally that was told says the very moment of the vote; one that was read, the moment it was read.
async fn a_vote_is_told_and_not_only_read() {
    for backend in [Backend::Redis, Backend::Valkey] {
        let service = Service::start_many(backend, Storage::start(backend), 3);
        let poll = service.poll(json!({})).await;
        let mut streams = join_all(clients(&service).iter().map(|client| client.live(&poll))).await;
        let channel = format!("sawt:{{{poll}}}:tallies");
        until(async || (subscribers(service.storage(), &channel) == 3).then_some(())).await;
        let mut told = 0;
        for version in 1..=20 {
            let vote = service.client().new_voter().await.vote(&poll, &["yes"]).await.is(201);
            for stream in &mut streams {
                let tally = stream.tally_from(version).await;
                told += u32::from(tally["as_of"] == vote["cast_at"]);
            }
        }
        assert!(told > 30, "{told} of 60 tallies were told");
    }
}

fn subscribers(storage: &Storage, channel: &str) -> i64 {
    let counts: Vec<(String, i64)> = storage.server().ask_for(&["PUBSUB", "NUMSUB", channel]);
    counts.iter().map(|(_, count)| count).sum()
}

fn clients(service: &Service) -> Vec<Client> {
    service.replicas().iter().map(|replica| Client::new(replica.address())).collect()
}

/// Reads a stream, and checks on the way that no tally is wrong and none goes back, until this version has come.
async fn watch(stream: &mut Events, until: &Cell<Option<u64>>) -> Value {
    let mut version = None;
    loop {
        let event = stream.next().await.expect("the stream goes on");
        let tally = event.data;
        let next = tally["version"].as_u64();
        assert!(next > version, "{next:?} after {version:?}");
        version = next;
        let votes: Vec<u64> = tally["options"]
            .as_array()
            .expect("options")
            .iter()
            .filter_map(|option| option["votes"].as_u64())
            .collect();
        assert_eq!(Some(votes.iter().sum::<u64>()), tally["ballots"].as_u64(), "{tally}");
        assert_eq!(tally["ballots"], tally["version"], "nobody changes a ballot here: {tally}");
        if until.get().is_some_and(|last| version >= Some(last)) {
            return tally;
        }
    }
}

/// Three replicas under load, while something happens to them. Votes go to the first two. Afterwards the streams of
/// those that live tell exactly what the store has.
async fn all_agree_after(backend: Backend, happens: impl AsyncFnOnce(&Service, &str, &Cell<u64>)) {
    let service = Service::start_many(backend, Storage::start(backend), 3);
    let poll = service.poll(json!({})).await;
    let crowd = Crowd::new(&service).await;
    let mut streams = join_all(clients(&service).iter().map(|client| client.live(&poll))).await;
    let (is_over, counted, last) = (Cell::new(false), Cell::new(0), Cell::new(None));
    let voting = join_all((0..4_u64).map(|lane| {
        let mut wire = Wire::to(service.replicas()[usize::from(lane % 2 == 1)].address());
        let (poll, crowd, is_over, counted) = (&poll, &crowd, &is_over, &counted);
        async move {
            let mut voter = lane;
            while !is_over.get() {
                let vote = wire::vote(poll, &crowd.token(voter), choice(voter));
                // A replica that was killed answers nobody.
                match wire.ask(&vote).await {
                    Ok((200 | 201, _)) => {
                        counted.set(counted.get() + 1);
                        voter += 4;
                    }
                    Ok(_) => {}
                    Err(_) => return,
                }
            }
        }
    }));
    let happening = async {
        until(async || (counted.get() > 40).then_some(())).await;
        happens(&service, &poll, &counted).await;
        let before = counted.get();
        until(async || (counted.get() > before + 40).then_some(())).await;
        is_over.set(true);
    };
    let all = async {
        join(voting, happening).await;
        // What a fresh replica reads from the store is what all come to.
        let fresh = Replica::start(&Settings::on(service.storage().address()));
        let truth = Client::new(fresh.address()).results(&poll).await;
        assert!(truth["ballots"].as_u64() >= Some(counted.get()), "{truth}");
        // One more vote, so that every stream has something to tell once it is known what the last word is.
        last.set(truth["version"].as_u64().map(|version| version + 1));
        Client::new(fresh.address()).new_voter().await.vote(&poll, &["yes"]).await.is(201);
        Client::new(fresh.address()).results_from(&poll, last.get().unwrap_or_default()).await
    };
    // The second replica may be killed.
    let second = streams.remove(1);
    let [first, third] = &mut streams[..] else { panic!("two streams") };
    let (truth, (first, third)) = join(all, join(watch(first, &last), watch(third, &last))).await;
    drop(second);
    let truth = timeless(truth);
    for told in [first, third].map(timeless) {
        for member in ["version", "ballots", "options"] {
            assert_eq!(told[member], truth[member]);
        }
    }
}

async fn a_replica_that_is_killed_leaves_the_others_right() {
    let _turn = one_crowd_at_a_time().await;
    for backend in [Backend::Redis, Backend::Cluster] {
        all_agree_after(backend, async |service, _, _| service.replicas()[1].signal("KILL")).await;
    }
}

async fn a_replica_that_is_paused_catches_up() {
    let _turn = one_crowd_at_a_time().await;
    for backend in [Backend::Redis, Backend::Cluster] {
        all_agree_after(backend, async |service, _, counted| {
            let _frozen = service.replicas()[2].freeze();
            let before = counted.get();
            until(async || (counted.get() > before + 100).then_some(())).await;
        })
        .await;
    }
}

async fn replicas_that_do_not_hear_each_other_for_a_while_stay_right_and_catch_up() {
    let _turn = one_crowd_at_a_time().await;
    for backend in SHARED {
        all_agree_after(backend, async |service, _, counted| {
            for _ in 0..3 {
                for server in service.storage().servers() {
                    server.ask_for::<i64>(&["CLIENT", "KILL", "TYPE", "pubsub"]);
                }
                let before = counted.get();
                until(async || (counted.get() > before + 40).then_some(())).await;
            }
        })
        .await;
    }
}

async fn an_edit_is_told_to_every_replica_that_knows_the_poll() {
    let service = Service::start_many(Backend::Redis, Storage::start(Backend::Redis), 3);
    let poll = service.poll(json!({})).await;
    let path = format!("/v1/polls/{poll}");
    for client in clients(&service) {
        client.get(&path).send().await.is(200);
    }
    let edit = json!({ "revision": 1, "question": "هل تغيّر السؤال؟" });
    let edited = service.admin().patch(&path).json(&edit).send().await.is(200);
    for client in clients(&service) {
        until(async || (client.get(&path).send().await.is(200) == edited).then_some(())).await;
    }
    let site = service.site_for(&["https://news.example"]).await;
    let poll = service.poll(json!({ "site": site })).await;
    let vote = format!("/v1/polls/{poll}/votes");
    for client in clients(&service) {
        client.get(&format!("/v1/polls/{poll}")).send().await.is(200);
    }
    service.admin().put(&format!("/v1/sites/{site}")).json(&json!({ "origins": [] })).send().await.is(200);
    for client in clients(&service) {
        let voter = client.new_voter().await;
        until(async || {
            let request = voter.post(&vote).header("origin", "https://elsewhere.example");
            (request.json(&json!({ "choices": ["yes"] })).send().await.status == 201).then_some(())
        })
        .await;
    }
}

lone_rules![
    news_of_a_poll_are_heard_by_those_who_follow_it_and_all_else_by_everyone,
    a_feed_that_was_cut_is_whole_again_and_says_so,
    a_channel_whose_slot_moves_is_followed_to_its_new_master,
    a_vote_is_told_and_not_only_read,
    a_replica_that_is_killed_leaves_the_others_right,
    a_replica_that_is_paused_catches_up,
    replicas_that_do_not_hear_each_other_for_a_while_stay_right_and_catch_up,
    an_edit_is_told_to_every_replica_that_knows_the_poll,
];
