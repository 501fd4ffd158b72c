use std::sync::Arc;

use parking_lot::Mutex;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::*;

/// A stand-in that answers as the real server does, and notes what it was asked. The real one is tried in the
/// integration tests.
async fn stand_in(asked: Arc<Mutex<Vec<String>>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(answer(stream, asked.clone()));
        }
    });
    address
}

async fn answer(mut stream: TcpStream, asked: Arc<Mutex<Vec<String>>>) {
    let mut bytes = vec![0; 4096];
    let length = stream.read(&mut bytes).await.unwrap();
    let request = String::from_utf8_lossy(&bytes[..length]).into_owned();
    let line = request.lines().next().unwrap().to_owned();
    let count = |what: &str| asked.lock().iter().filter(|request| request.starts_with(what)).count();
    let (status, body) = if line.starts_with("GET /readyz") {
        (if count("GET /readyz") == 0 { 503 } else { 200 }, String::new())
    } else if line.starts_with("POST /v1/polls ") {
        let mut poll: serde_json::Value = serde_json::from_str(SEED_POLL).unwrap();
        poll["id"] = if request.contains("مجلس الأمة ؟") { "the-poll" } else { "another" }.into();
        (201, poll.to_string())
    } else if line.starts_with("GET /oembed?") {
        (200, r#"{"height":309}"#.to_owned())
    } else if line.starts_with("GET /metrics") {
        (200, "# TYPE sawt_streams gauge\nsawt_streams 3\n".to_owned())
    } else if line.starts_with("PUT /v1/sites/") {
        (201, "{}".to_owned())
    } else if line.starts_with("POST /v1/views") {
        (204, String::new())
    } else if line.starts_with("POST /v1/polls/the-poll/votes") {
        (if count("POST /v1/polls/the-poll/votes") % 2 == 0 { 503 } else { 201 }, "{}".to_owned())
    } else {
        let votes = count("POST /v1/polls/the-poll/votes") / 2;
        (200, serde_json::json!({"ballots": votes, "options": [{"id": "no", "votes": votes}]}).to_string())
    };
    asked.lock().push(request);
    let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    stream.write_all((head + &body).as_bytes()).await.unwrap();
}

#[test]
fn a_demo_keeps_its_store_to_itself_and_quiet() {
    let mut config = Config::default();
    let demo = Demo::prepare(&mut config, 0).unwrap();
    let directory = demo.directory.path().to_owned();
    assert_eq!(config.store.to_string(), format!("sqlite:{}/sawt.db", directory.display()));
    assert_eq!(config.ops_listen.map(|address| address.port()), Some(0), "it reads its own metrics");
    assert_eq!(config.log, "warn");
    let of_clients = (config.quotas.mint, config.quotas.ballot, config.quotas.client);
    assert_eq!(of_clients, (None, None, None), "all its readers come from one address");
    assert_eq!(config.admin_key.as_ref(), Some(&demo.admin_key));
    drop(demo);
    assert!(!directory.exists());
}

#[tokio::test]
async fn readers_vote_until_each_vote_is_answered() {
    let asked = Arc::default();
    let address = stand_in(Arc::clone(&asked)).await;
    let addresses = Addresses {
        listen: address,
        ops_listen: Some(address),
        newsroom: Some("http://desk.example/newsroom".to_owned()),
    };
    let mut demo = Demo::prepare(&mut Config::default(), 20).unwrap();
    demo.pace = Pace { at_once: 1, think: Duration::ZERO, retry_after: Duration::ZERO };
    let mut printed = Vec::new();
    demo.run(addresses, &mut printed, std::future::ready(())).await.unwrap();
    let printed = String::from_utf8(printed).unwrap();

    assert!(printed.contains("هل تتوقع حل مجلس الأمة ؟\n  نعم / لا\n"), "{printed}");
    assert!(
        printed.contains(&format!("curl -s http://{address}/v1/polls/the-poll/votes -H 'Content-Type")),
        "{printed}"
    );
    assert!(
        printed.contains("20 of 20 readers have voted; the tally: 20 ballots, نعم 0, لا 20; 3 live streams"),
        "{printed}"
    );
    assert!(printed.contains("Every reader has voted.\n"), "{printed}");
    assert!(printed.starts_with(&format!("Open http://{address}/demo ")), "{printed}");
    assert!(printed.contains("\nOpen http://desk.example/newsroom to see it as editors do"), "{printed}");
    assert!(demo.pages().article.get().is_some_and(|page| page.contains("min-height: 309px")));
    let asked = asked.lock();
    let bearer = format!("authorization: Bearer {}", demo.admin_key.expose());
    assert!(asked.iter().any(|request| request.starts_with("POST /v1/polls ") && request.contains(&bearer)));
    // Each vote was refused once and sent again, by the same voter.
    let votes = asked.iter().filter(|request| request.starts_with("POST /v1/polls/the-poll/votes"));
    let nonces: Vec<_> = votes.filter_map(|request| request.split("\"nonce\":\"").nth(1)?.split('"').next()).collect();
    assert_eq!(nonces.len(), 40);
    assert!(nonces.chunks(2).all(|twice| matches!(twice, [one, other] if one == other)), "{nonces:?}");
}

#[tokio::test]
async fn a_replica_that_is_not_there_ends_the_demo() {
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let demo = Demo::prepare(&mut Config::default(), 0).unwrap();
    let addresses = Addresses { listen: address, ops_listen: None, newsroom: None };
    let outcome = demo.run(addresses, &mut Vec::new(), std::future::pending()).await;
    assert!(matches!(outcome, Err(DemoError::Io(_))));
}
