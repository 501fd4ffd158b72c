//! What the newsroom's list of polls costs where a site has ten thousand: milliseconds from request to answer, of one
//! editor who asks for one page after another.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::Path,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use sawt::{
    clock::Clock,
    poll::{DigestKey, NewOption, NewPoll, PollFields, PollId, SiteId, Timestamp},
    secret::random_bytes,
    store::{StoreSettings, Stores},
};

use crate::{
    ballots::runtime,
    redis_server::RedisServer,
    sawt_server::{ADMIN_KEY, Sawt},
    table::{Table, number},
};

const POLLS: i64 = 10_000;
/// How often each page is asked for.
const ROUNDS: usize = 41;
/// The most milliseconds that a page should take.
const MOST: f64 = 50.0;
/// What each page is asked for by.
const PAGES: [(&str, &str); 6] = [
    ("newest", ""),
    ("by words", "?q=%D8%A7%D9%84%D8%A5%D9%8A%D8%AC%D8%A7%D8%B1%D8%A7%D8%AA"),
    ("most votes", "?sort=votes"),
    ("closing next", "?sort=closing"),
    ("open ones", "?state=open"),
    ("drafts, of which there are none", "?state=draft"),
];

/// Measures and prints.
pub(crate) fn measure() {
    let title = "The newsroom's list of a site with 10,000 polls: milliseconds from request to answer, 25 polls a page";
    let mut table = Table::new(title, &["page, and store", "median", "slowest", "first after the start"]);
    let directory = tempfile::tempdir().expect("a directory");
    let redis = RedisServer::start();
    let file = format!("sqlite:{}", directory.path().join("lists.db").display());
    for (name, address) in [("SQLite", file), ("Redis", format!("redis://{}", redis.address()))] {
        runtime().block_on(fill(&address));
        for (page, query) in PAGES {
            let [median, slowest, first] = of_page(&address, directory.path(), query);
            table.row(&format!("{page}, {name}"), [median, slowest, first].map(number));
            table.at_most(&format!("{page}, {name}"), median, MOST);
        }
    }
    table.print();
}

/// The median and the slowest of a page's times, and that of the very first request after a start.
fn of_page(store: &str, directory: &Path, query: &str) -> [f64; 3] {
    let sawt = Sawt::start(store, directory);
    let session = sign_in(sawt.address);
    let ask = || {
        let begun = Instant::now();
        let answer = send(
            sawt.address,
            &format!("GET /newsroom/sites/default/polls{query} HTTP/1.1\r\nCookie: {session}\r\n"),
            "",
        );
        assert!(answer.starts_with("HTTP/1.1 200"), "{}", answer.lines().next().unwrap_or_default());
        begun.elapsed().as_secs_f64() * 1e3
    };
    let first = ask();
    // What the first request has left to be read in the background is read by then.
    std::thread::sleep(Duration::from_secs(3));
    let mut times: Vec<f64> = (0..ROUNDS).map(|_| ask()).collect();
    times.sort_by(f64::total_cmp);
    [times[ROUNDS / 2], times[ROUNDS - 1], first]
}

/// A session of the operator's, as a cookie.
fn sign_in(address: SocketAddr) -> String {
    let body = format!("key={ADMIN_KEY}");
    let head = "POST /newsroom/sign-in HTTP/1.1\r\nSec-Fetch-Site: same-origin\r\n\
                Content-Type: application/x-www-form-urlencoded\r\n";
    let answer = send(address, head, &body);
    let cookie = answer.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("set-cookie: ").map(|_| line));
    let cookie = cookie.and_then(|line| line.split_once(": ")?.1.split(';').next());
    cookie.unwrap_or_else(|| panic!("no session: {answer}")).to_owned()
}

/// Sends a request on a connection of its own; the whole answer.
fn send(address: SocketAddr, head: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("sawt takes connections");
    let rest = format!("Host: {address}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(format!("{head}{rest}").as_bytes()).expect("sawt reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("sawt answers");
    String::from_utf8_lossy(&answer).into_owned()
}

/// Makes polls straight in the store.
async fn fill(address: &str) {
    let address = address.parse().expect("the address of a store");
    let settings = StoreSettings { address, partitions: None, allow_eviction: false };
    let store = Stores::open(&settings, Clock::default()).expect("the store can be opened").connect();
    store.contact().await.expect("the store can be reached");
    let option =
        |id: &str, label: &str| NewOption { id: Some(id.to_owned()), label: label.to_owned(), ..NewOption::default() };
    let now = store.now().await.expect("the store answers").as_millis();
    let make = async |place: i64| {
        let of = if place % 100 == 0 { "قانون الإيجارات" } else { "سؤال اليوم" };
        let new = PollFields {
            question: Some(format!("{of} {place}؟")),
            options: Some(vec![option("yes", "نعم"), option("no", "لا")]),
            ..PollFields::default()
        };
        let made_at = Timestamp::from_millis(now - (POLLS - place) * 60_000);
        let (id, key) = (PollId::generate(), DigestKey::from_bytes(random_bytes()));
        let poll = NewPoll::from(new).build(id, SiteId::default(), store.partitions(id), key, made_at);
        store.create_poll(&poll.expect("a sound poll"), None, &[]).await.expect("the store takes it");
    };
    for first in (0..POLLS).step_by(500) {
        join_all((first..first + 500).map(make)).await;
    }
}
