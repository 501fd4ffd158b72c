//! Polls of articles: a flood of invented addresses against honest ones at a template's cap; and a crowd that reacts to
//! many articles over two replicas, whose requests are doubled and lost on the way.

use std::{net::SocketAddr, time::Instant};

use futures_util::{StreamExt as _, stream};
use sawt::{
    article::{Admission, ArticleKey, NewArticlePoll, Template},
    poll::{Kind, Partitions, Poll},
    store::{Making, Store, Witness},
};
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::{
    ballots::{Ground, ask_store, runtime},
    load::{read_answer, status},
    redis_server::RedisServer,
    sawt_server::{PROGRAM, Sawt, tally_at},
    table::{Table, number},
    voters::{NONCE, write_nonce},
};

/// Invented addresses for each honest one: a million against 10,000.
const INVENTED_EACH: usize = 100;
/// How many provisional polls there is room for beside the honest ones.
const ROOM: usize = 500;
/// From so many clients on an article is honest.
const CLIENTS: u64 = 5;
/// Slow articles are read by one client for so many inventions: by the last one before there is no more room.
const SLOW_EACH: usize = 80;
/// After so many inventions it is said how far the flood has come.
const SAID_EACH: usize = 20_000;
/// How many make polls, or vote, at the same time.
const AT_ONCE: usize = 16;
/// The crowd's articles.
const ARTICLES: usize = 1_000;

/// Measures and prints.
pub(crate) fn measure(invented: usize, readers: usize) {
    flood(invented);
    crowd(readers);
}

fn flood(invented: usize) {
    let honest = (invented / INVENTED_EACH).max(2);
    let title = format!("{invented} invented articles against {honest} honest ones, in Redis");
    let mut table = Table::new(title, &["", "MB held", "keys", "honest polls lost", "their ballots lost"]);
    let redis = RedisServer::start();
    let keys = || redis::cmd("DBSIZE").query::<u32>(&mut redis.connect()).expect("Redis counts");
    runtime().block_on(async {
        let address = format!("redis://{}", redis.address());
        let ground = Ground::of_kind(&address, Some(1), Kind::Single, &["yes", "no"]).await;
        let template = Template {
            id: "reactions".parse().expect("an id"),
            pattern: ground.poll.clone(),
            admits: Admission::OwnOrigins,
            open_for_days: 90,
            most_articles: u32::try_from(honest + invented / SLOW_EACH / 5 + 1 + ROOM).expect("a small number"),
        };
        ground.store.put_template(&template, &[]).await.expect("the store takes it");
        let there = Articles { ground, template };
        // Half of the honest ones were there before; the others come while the flood goes on.
        each(0..honest / 2, async |place| there.read_honestly(place).await).await;
        each(0..ROOM, async |place| there.invent(place).await).await;
        let (before, keys_before) = (redis.used_memory(), keys());
        table.row("before", [before / 1e6, f64::from(keys_before), 0.0, 0.0].map(number));
        let begun = Instant::now();
        each(ROOM..ROOM + invented, async |place| {
            there.invent(place).await;
            let (turn, rest) = ((place - ROOM) / INVENTED_EACH, (place - ROOM) % INVENTED_EACH);
            if (place - ROOM).is_multiple_of(SAID_EACH) {
                eprintln!("{} of {invented} invented after {} s", place - ROOM, begun.elapsed().as_secs());
            }
            if (place - ROOM).is_multiple_of(SLOW_EACH) {
                there.read_slowly((place - ROOM) / SLOW_EACH).await;
            }
            if rest == 0 && honest / 2 + turn < honest {
                there.read_honestly(honest / 2 + turn).await;
            }
            if rest == 50 && turn < honest {
                there.vote(turn % (honest / 2), CLIENTS).await;
            }
        })
        .await;
        let secs = begun.elapsed().as_secs_f64();
        let (mut lost, mut ballots_lost) = (0_u32, 0);
        let quick = (0..honest).map(|place| (Articles::quick(place), Articles::wanted(place, honest, invented)));
        let steps = u64::try_from(invented.div_ceil(SLOW_EACH)).expect("a small number");
        let slow = (0..steps.div_ceil(CLIENTS)).map(|nth| (Articles::slow(nth), CLIENTS.min(steps - nth * CLIENTS)));
        // What came while the flood went on may have had no turn in a small one.
        for (name, wanted) in quick.chain(slow) {
            match there.ballots(&name).await {
                Some(ballots) => ballots_lost += wanted.saturating_sub(ballots),
                None if wanted == 0 => {}
                None => lost += 1,
            }
        }
        let (after, keys_after) = (redis.used_memory(), keys());
        table.row("after", [after / 1e6, f64::from(keys_after), f64::from(lost), ballots_lost as f64].map(number));
        table.at_most("honest polls lost", f64::from(lost), 0.0);
        table.at_most("their ballots lost", ballots_lost as f64, 0.0);
        // Half of the honest ones came meanwhile, and a quarter as many slow ones: no more, however many were invented.
        table.at_most("MB held after, of what was held before", after / before, 2.5);
        table.note(&format!("{} polls made a second", number(invented as f64 / secs)));
    });
    table.print();
}

/// Does something for each of these, some at a time.
async fn each(places: std::ops::Range<usize>, act: impl AsyncFn(usize)) {
    stream::iter(places).map(|place| act(place)).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
}

struct Articles {
    ground: Ground,
    template: Template,
}

impl Articles {
    fn store(&self) -> &dyn Store {
        &*self.ground.store
    }

    fn key(name: &str) -> ArticleKey {
        ArticleKey::Address(format!("https://news.example/{name}").parse().expect("an address"))
    }

    async fn make(&self, name: &str) -> Poll {
        let now = ask_store(async || self.store().now().await).await;
        let poll = self.template.make(&Self::key(name), None, Partitions::unplaced(1), now);
        let (template, most_articles) = (self.template.id.clone(), self.template.most_articles);
        let new = NewArticlePoll { poll, template, announced: None, most_articles };
        let made = ask_store(async || self.store().make_article_poll(&new).await).await;
        let Making::Made(poll) = made else { panic!("{made:?}") };
        poll
    }

    /// One voter reads and votes, and never comes back.
    async fn invent(&self, place: usize) {
        let poll = self.make(&format!("invented-{place:07}")).await;
        self.cast(&poll, 0).await;
    }

    /// An honest article that five clients read at once.
    fn quick(place: usize) -> String {
        format!("honest-{place:05}")
    }

    /// One that they come to one after the other.
    fn slow(nth: u64) -> String {
        format!("slow-{nth:05}")
    }

    /// Five clients vote.
    async fn read_honestly(&self, place: usize) {
        let poll = self.make(&Self::quick(place)).await;
        for client in 0..CLIENTS {
            self.vouch_by_vote(&poll, client).await;
        }
    }

    /// One client votes, in an article that the last ones have come to, or in a new one.
    async fn read_slowly(&self, step: usize) {
        let step = u64::try_from(step).expect("a small number");
        let poll = self.make(&Self::slow(step / CLIENTS)).await;
        self.vouch_by_vote(&poll, step % CLIENTS).await;
    }

    async fn vouch_by_vote(&self, poll: &Poll, client: u64) {
        self.cast(poll, client).await;
        let mark = client.to_be_bytes();
        let vouch = async || self.store().vouch(&poll.site, &self.template.id, poll.id, Witness::Client(mark)).await;
        ask_store(vouch).await;
    }

    /// One more, in a poll that must be there.
    async fn vote(&self, place: usize, voter: u64) {
        let id = self.template.poll_id(&Self::key(&Self::quick(place)));
        let poll = ask_store(async || self.store().poll(id).await).await.expect("an honest poll is lost");
        self.cast(&poll, voter).await;
    }

    async fn cast(&self, poll: &Poll, voter: u64) {
        let ground = Ground { store: self.ground.store.clone(), poll: poll.clone() };
        // A provisional poll may go between its making and this.
        let [ballot] = &ground.ballots(voter, 1)[..] else { panic!("one ballot") };
        ask_store(async || self.store().cast(poll, 0, std::slice::from_ref(ballot)).await).await;
    }

    async fn ballots(&self, name: &str) -> Option<u64> {
        let id = self.template.poll_id(&Self::key(name));
        let poll = ask_store(async || self.store().poll(id).await).await?;
        let parts = ask_store(async || self.store().tally(&poll).await).await?;
        Some(parts.iter().map(|part| part.ballots).sum())
    }

    /// How many ballots an honest article must have in the end.
    fn wanted(place: usize, honest: usize, invented: usize) -> u64 {
        let turns = invented.div_ceil(INVENTED_EACH);
        if place >= honest / 2 {
            return if place - honest / 2 < turns { CLIENTS } else { 0 };
        }
        CLIENTS + u64::from((invented + INVENTED_EACH - 51) / INVENTED_EACH > place)
    }
}

fn crowd(readers: usize) {
    let redis = RedisServer::start();
    let directory = TempDir::new().expect("a temporary directory can be made");
    let settings = [("SAWT_QUOTA_ARTICLE", "1000000/1s")];
    let replicas = [(); 2].map(|()| {
        let command = std::process::Command::new(PROGRAM);
        Sawt::start_by(command, &format!("redis://{}", redis.address()), directory.path(), &settings)
    });
    replicas[0].put(
        "/v1/sites/default/templates/reactions",
        r#"{"articles":"own-origins","poll":{"kind":"reaction","question":"؟","options":[
            {"id":"like","emoji":"👍","label":"نعم"},{"id":"no","emoji":"👎","label":"لا"}]}}"#,
    );
    let addresses = [replicas[0].address, replicas[1].address];
    let begun = Instant::now();
    let requests = runtime().block_on(async {
        let votes = stream::iter(0..readers).map(|reader| react(addresses, reader)).buffer_unordered(4 * AT_ONCE);
        votes.collect::<Vec<usize>>().await.into_iter().sum::<usize>()
    });
    let secs = begun.elapsed().as_secs_f64();
    let sums = addresses.map(|address| {
        let each = (0..ARTICLES.min(readers)).map(|article| tally_at(address, &path(article, "results")));
        each.fold((0, 0), |(ballots, votes), (some, of)| (ballots + some, votes + of))
    });
    let title =
        format!("{readers} readers react to {ARTICLES} articles over two replicas, a fifth doubled, a fifth lost");
    let mut table = Table::new(title, &["", "ballots", "votes"]);
    for (name, (ballots, votes)) in ["one replica", "the other"].into_iter().zip(sums) {
        table.row(name, [ballots as f64, votes as f64].map(number));
        table.at_most("ballots too many or too few", ballots.abs_diff(readers as u64) as f64, 0.0);
    }
    table.note(&format!("{requests} requests, {} a second", number(requests as f64 / secs)));
    table.print();
}

/// Where an article's poll is, and what of it.
fn path(article: usize, of: &str) -> String {
    format!("/v1/sites/default/articles/@url/reactions/{of}?url=https%3A%2F%2Fnews.example%2F{article}")
}

/// One reader's vote, until it is acknowledged. Gives how many requests that took.
async fn react(replicas: [SocketAddr; 2], reader: usize) -> usize {
    let request = request(reader);
    let [here, there] = if reader.is_multiple_of(2) { replicas } else { [replicas[1], replicas[0]] };
    match reader % 5 {
        0 => {
            let (one, other) = tokio::join!(ask(here, &request), ask(there, &request));
            assert!([one, other].contains(&201), "one of them is counted: {one} and {other}");
            assert!(one < 300 && other < 300, "{one} and {other}");
            2
        }
        1 => {
            // The answer is lost with its connection.
            let mut stream = TcpStream::connect(here).await.expect("a replica listens");
            tokio::io::AsyncWriteExt::write_all(&mut stream, &request).await.expect("it is sent");
            drop(stream);
            let told = ask(there, &request).await;
            assert!(matches!(told, 200 | 201), "{told}");
            2
        }
        _ => {
            assert_eq!(ask(here, &request).await, 201);
            1
        }
    }
}

async fn ask(address: SocketAddr, request: &[u8]) -> u16 {
    let mut stream = TcpStream::connect(address).await.expect("a replica listens");
    tokio::io::AsyncWriteExt::write_all(&mut stream, request).await.expect("it is sent");
    let mut answer = vec![0; 8 * 1024];
    read_answer(&mut stream, &mut answer).await.expect("it is answered");
    status(&answer).expect("an answer has a status")
}

fn request(reader: usize) -> Vec<u8> {
    let article = reader % ARTICLES;
    let choice = if (reader / ARTICLES).is_multiple_of(2) { "like" } else { "no" };
    let mut nonce = NONCE.as_bytes().to_vec();
    write_nonce(reader, &mut nonce);
    let nonce = String::from_utf8(nonce).expect("it is text");
    let json = format!(r#"{{"choices":["{choice}"],"voter":{{"nonce":"{nonce}"}}}}"#);
    let path = path(article, "votes");
    format!(
        "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: bench\r\naccept: */*\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{json}",
        json.len()
    )
    .into_bytes()
}
