//! Requests whose end is a matter of opinion. Where a proxy and a server disagree, what one takes for a body is a
//! request to the other: answered to somebody else, or past every check the proxy makes (CVE-2025-55315 and its kin).

use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use super::{RawAnswer, answers, probe, read_to_end, say};
use crate::{
    backends::Backend,
    proxy::Proxy,
    registry::service_rules,
    server::Replica,
    service::{Service, text},
};

/// What is hidden in every body below.
const HIDDEN: &str = "hidden-request";

/// Requests that may be read in two ways, or in none, each with another hidden in what one reading takes for its body.
fn forgeries(case: usize) -> Vec<(String, Vec<u8>)> {
    let hidden = probe(&format!("{HIDDEN}-{case}"), false);
    let length = hidden.len();
    let chunked = format!("0\r\n\r\n{hidden}");
    let chunked_length = chunked.len();
    let both = |first: &str, second: &str| (format!("{first}\r\n{second}\r\n"), chunked.clone());
    let te = "Transfer-Encoding: chunked";
    let whole = format!("Content-Length: {chunked_length}");
    let plain = |headers: String| (headers, hidden.clone());
    let chunks = |body: &str| (format!("{te}\r\n"), format!("{body}{hidden}"));
    let requests = [
        // A length and chunks.
        both(te, &whole),
        both(&whole, te),
        both("Content-Length: 4", te),
        both(te, "Content-Length: 0"),
        both(&format!("{te}, identity"), &whole),
        both("Transfer-Encoding: identity", &whole),
        both("Transfer-Encoding: xchunked", &whole),
        both("Transfer-Encoding : chunked", &whole),
        both("Transfer-Encoding:\tchunked", &whole),
        both("Transfer-Encoding: \u{b}chunked", &whole),
        both(&format!("{te}\r\n{te}"), &whole),
        both("X: a\nTransfer-Encoding: chunked", &whole),
        both("X: a\rTransfer-Encoding: chunked", &whole),
        both("X: a\r\n Transfer-Encoding: chunked", &whole),
        // Two lengths, and lengths that are none.
        plain(format!("Content-Length: 0\r\nContent-Length: {length}\r\n")),
        plain(format!("Content-Length: {length}\r\nContent-Length: 0\r\n")),
        plain(format!("Content-Length: 0, {length}\r\n")),
        plain(format!("Content-Length: {length}, 0\r\n")),
        plain(format!("Content-Length: +{length}\r\n")),
        plain(format!("Content-Length: -{length}\r\n")),
        plain(format!("Content-Length: 0x{length:x}\r\n")),
        plain(format!("Content-Length: {length} 0\r\n")),
        plain("Content-Length: 99999999999999999999999999\r\n".to_owned()),
        plain(format!("Content-Length : {length}\r\n")),
        plain(format!("Content-Length:\r\n {length}\r\n")),
        // Chunks that are none.
        chunks("fffffffffffffffff\r\n"),
        chunks("10000000000000000\r\n"),
        chunks("ffffffffffffffff\r\n"),
        chunks("-1\r\n"),
        chunks("0x0\r\n\r\n"),
        chunks("\r\n\r\n"),
        chunks("1\r\nxx\r\n0\r\n\r\n"),
        chunks("g\r\n\r\n"),
    ];
    requests
        .into_iter()
        .map(|(headers, body)| {
            let head = format!("POST /v1/voters HTTP/1.1\r\nHost: sawt\r\nX-Request-Id: first-{case}\r\n{headers}\r\n");
            let shown = headers.escape_debug().to_string() + " | " + &body.chars().take(20).collect::<String>();
            // Should the reader still be there after all that, this ends the connection.
            (shown, (head + &body + &probe(&format!("last-{case}"), true)).into_bytes())
        })
        .collect()
}

async fn a_request_that_can_be_read_in_two_ways_is_refused(service: &Service) {
    for (shown, bytes) in forgeries(0) {
        let answers = say(service.replicas()[0].address(), &bytes).await;
        assert!(matches!(answers[..], [RawAnswer { status: 400, .. }]), "{shown}: {answers:?}");
    }
}

/// Whatever each proxy makes of it: what was hidden is answered to nobody, the replica never sees it, and who comes
/// after it over the same connections gets their own answer.
async fn nothing_is_smuggled_through(proxy: &Proxy, replica: &Replica, name: &str) {
    for (case, (shown, _)) in forgeries(0).into_iter().enumerate() {
        let bytes = forgeries(case).swap_remove(case).1;
        let answers = say(proxy.address(), &bytes).await;
        let is_hidden = |answer: &RawAnswer| answer.request_id.starts_with(HIDDEN);
        assert!(!answers.iter().any(is_hidden), "{name}: {shown}: {answers:?}");
        for next in 0..3 {
            let id = format!("next-{name}-{case}-{next}");
            let answers = say(proxy.address(), probe(&id, true).as_bytes()).await;
            let is_own = |answer: &RawAnswer| answer.status == 200 && answer.request_id == id;
            assert!(matches!(&answers[..], [answer] if is_own(answer)), "{name}: after {shown}: {answers:?}");
        }
    }
    let last = format!("next-{name}-{}-2", forgeries(0).len() - 1);
    replica.log().wait_for(|line| line["request_id"] == last.as_str()).expect("the last request is logged");
    let seen: Vec<_> = replica.log().lines().into_iter().filter(|line| line.contains(HIDDEN)).collect();
    assert!(seen.is_empty(), "{name}: {seen:?}");
}

async fn nothing_is_smuggled_through_nginx(service: &Service) {
    let replica = &service.replicas()[0];
    for is_buffering in [true, false] {
        let proxy = Proxy::nginx(replica.address(), is_buffering);
        nothing_is_smuggled_through(&proxy, replica, if is_buffering { "nginx-buffering" } else { "nginx" }).await;
    }
}

async fn nothing_is_smuggled_through_haproxy(service: &Service) {
    let replica = &service.replicas()[0];
    nothing_is_smuggled_through(&Proxy::haproxy(replica.address()), replica, "haproxy").await;
}

/// A body that nobody reads is not the next request.
async fn a_body_that_is_not_read_is_not_a_request(service: &Service) {
    let hidden = probe(HIDDEN, false);
    let length = hidden.len();
    for (line, headers) in [
        ("POST /v1/voters", ""),
        ("GET /livez", ""),
        ("POST /nowhere", ""),
        ("BREW /livez", ""),
        ("POST /v1/polls/x/votes", "Content-Type: application/json\r\n"),
        ("POST /v1/polls/01932f6e-7c1a-7b60-8d5e-0b8f6a3c9d21/votes", "Content-Type: text/plain\r\n"),
    ] {
        let plain = format!("Content-Length: {length}\r\n\r\n{hidden}");
        let chunked = format!("Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n{hidden}\r\n0\r\n\r\n");
        for body in [plain, chunked] {
            let sent = format!("{line} HTTP/1.1\r\nHost: sawt\r\n{headers}{body}{}", probe("last", true));
            let answers = say(service.replicas()[0].address(), sent.as_bytes()).await;
            let is_hidden = |answer: &RawAnswer| answer.request_id == HIDDEN;
            assert!(!answers.is_empty() && !answers.iter().any(is_hidden), "{sent}: {answers:?}");
        }
    }
}

async fn pipelined_requests_are_answered_in_order(service: &Service) {
    let ids: Vec<_> = (0..50).map(|place| format!("pipelined-{place}")).collect();
    let sent: String = ids.iter().map(|id| probe(id, id == "pipelined-49")).collect();
    let answers = say(service.replicas()[0].address(), sent.as_bytes()).await;
    let answered: Vec<_> = answers.into_iter().map(|answer| answer.request_id).collect();
    assert_eq!(answered, ids);
}

/// A client that has said all it will say still hears the answer, or nothing; never half of one, and never another's.
async fn a_half_closed_connection_ends(service: &Service) {
    use tokio::{io::AsyncWriteExt as _, net::TcpStream};

    for sent in
        [probe("half", false), "POST /v1/voters HTTP/1.1\r\nHost: sawt\r\nContent-Length: 5\r\n\r\n{".to_owned()]
    {
        let mut stream = TcpStream::connect(service.replicas()[0].address()).await.expect("a connection");
        stream.write_all(sent.as_bytes()).await.expect("it is sent");
        stream.shutdown().await.expect("one half is closed");
        let answers = answers(&read_to_end(&mut stream).await);
        assert!(answers.len() <= 1, "{answers:?}");
    }
}

async fn what_is_no_http_is_refused(service: &Service) {
    let many = "X: y\r\n".repeat(120);
    for sent in [
        "GET /livez HTTP/1.1\r\n\r\n".to_owned(),
        "GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".to_owned(),
        "GET /livez HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n".to_owned(),
        "GET /livez HTTP/3.0\r\nHost: a\r\n\r\n".to_owned(),
        "GET /livez\r\n\r\n".to_owned(),
        "\u{16}\u{3}\u{1}\u{2}\r\n\r\n".repeat(20),
        format!("GET /livez HTTP/1.1\r\nHost: a\r\n{many}\r\n"),
        format!("GET /livez HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "y".repeat(200_000)),
        format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "y".repeat(100_000)),
    ] {
        let answers = say(service.replicas()[0].address(), sent.as_bytes()).await;
        let shown: String = sent.chars().take(60).collect();
        // A connection that is cut while it is still being written to may take the answer with it.
        let is_refused = match answers[..] {
            [] => sent.len() > 100_000,
            [RawAnswer { status, .. }] => matches!(status, 400 | 414 | 431 | 505),
            _ => false,
        };
        assert!(is_refused, "{shown}: {answers:?}");
    }
}

/// What the HTTP parser refuses no handler sees; it is said as other refusals are, all the same.
async fn a_refusal_by_the_parser_is_a_problem_and_ends_the_connection(service: &Service) {
    let many = "X: y\r\n".repeat(120);
    for (sent, status, code) in [
        ("GET /livez\r\n\r\n".to_owned(), 400, "invalid-request"),
        // Behind one that is answered.
        (format!("{}GET /livez\r\n\r\n", probe("before", false)), 400, "invalid-request"),
        (
            "GET /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n".to_owned(),
            400,
            "invalid-request",
        ),
        (format!("GET /livez HTTP/1.1\r\nHost: a\r\n{many}\r\n"), 431, "headers-too-large"),
        (format!("HEAD /livez HTTP/1.1\r\nHost: a\r\n{many}\r\n"), 431, "headers-too-large"),
        ("GET /livez HTTP/1.1\r\nHo".to_owned(), 408, "request-timeout"),
    ] {
        let mut stream = TcpStream::connect(service.replicas()[0].address()).await.expect("a connection");
        stream.write_all(sent.as_bytes()).await.expect("it is sent");
        let read = String::from_utf8(read_to_end(&mut stream).await).expect("an answer is text");
        let (_, read) = read.split_at(read.rfind("HTTP/1.1 ").expect("an answer"));
        let (head, body) = read.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{sent}: {read}"));
        let problem: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {sent}: {read}"));
        assert_eq!((&problem["status"], &problem["code"]), (&json!(status), &json!(code)), "{sent}: {read}");
        let has = |line: &str| head.split("\r\n").any(|found| found == line);
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")) && has("connection: close"), "{read}");
        assert!(has("content-type: application/problem+json") && has("x-content-type-options: nosniff"), "{read}");
        let id = text(&problem["request_id"]);
        assert!(has(&format!("x-request-id: {id}")), "{read}");
        // Beside others like it, it may have no line of its own.
        let is_it = |line: &Value| line["route"] == "unparsed" && line["outcome"] == code;
        service.replicas()[0].log().wait_for(is_it).expect("it is logged");
    }
}

service_rules![
    on [Backend::Sqlite];
    a_request_that_can_be_read_in_two_ways_is_refused,
    nothing_is_smuggled_through_nginx,
    nothing_is_smuggled_through_haproxy,
    a_body_that_is_not_read_is_not_a_request,
    pipelined_requests_are_answered_in_order,
    a_half_closed_connection_ends,
    what_is_no_http_is_refused,
    a_refusal_by_the_parser_is_a_problem_and_ends_the_connection,
];
