//! Whoever makes tallies move at a steady pace, over one connection.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use crate::{
    floor,
    sawt_server::VOTE,
    voters::{TOKEN, Voters},
};

/// A publication: the version that everybody is to see, and when it was sent off.
pub(crate) type Publication = (u64, Instant);

/// Where votes or messages go.
pub(crate) struct Publisher {
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Publisher {
    /// Connects.
    pub(crate) fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("it takes connections");
        stream.set_nodelay(true).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a connection");
        Self { stream, answer: vec![0; 16 * 1024] }
    }

    /// Casts the vote of one voter. The version is the one that the vote made.
    pub(crate) fn vote(&mut self, poll: &str, voters: &Voters, voter: usize) -> Publication {
        let mut token = [0; TOKEN];
        voters.write_token(voter, &mut token);
        let token = std::str::from_utf8(&token).expect("a token is text");
        let head = format!("authorization: Voter {token}\r\ncontent-type: application/json\r\n");
        let (sent_at, answer) = self.post(&format!("{poll}/votes"), &head, VOTE);
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
        let version = answer.split("\"version\":").nth(1).and_then(|rest| rest.split(',').next()?.parse().ok());
        (version.expect("a vote is answered with the tally"), sent_at)
    }

    /// Publishes a message as long as a tally, with this version in it.
    pub(crate) fn message(&mut self, path: &str, version: u64) -> Publication {
        let tally = floor::TALLY.replace("\"version\":123456", &format!("\"version\":{version}"));
        let (sent_at, answer) = self.post(path, "content-type: application/json\r\n", &tally);
        assert!(answer.starts_with("HTTP/1.1 2"), "{answer}");
        (version, sent_at)
    }

    fn post(&mut self, path: &str, head: &str, body: &str) -> (Instant, String) {
        let length = body.len();
        let request =
            format!("POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{head}content-length: {length}\r\n\r\n{body}");
        let sent_at = Instant::now();
        self.stream.write_all(request.as_bytes()).expect("it is sent");
        let mut length = 0;
        loop {
            let read = self.stream.read(&mut self.answer[length..]).expect("an answer");
            assert!(read > 0, "the connection was closed");
            length += read;
            let answer = String::from_utf8_lossy(&self.answer[..length]);
            if is_whole(&answer) {
                return (sent_at, answer.into_owned());
            }
        }
    }
}

fn is_whole(answer: &str) -> bool {
    let Some((head, body)) = answer.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    length.is_none_or(|length| body.len() >= length)
}

/// Does something so many times, at this pace.
pub(crate) fn at_pace<T>(count: usize, pace: Duration, mut each: impl FnMut(usize) -> T) -> Vec<T> {
    let begun = Instant::now();
    (0..count)
        .map(|place| {
            let due = begun + pace * u32::try_from(place).unwrap_or(u32::MAX);
            thread::sleep(due.saturating_duration_since(Instant::now()));
            each(place)
        })
        .collect()
}
