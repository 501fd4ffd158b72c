//! A load of HTTP requests: so many connections, each with one request in flight.
//!
//! It shares the machine with what it measures, so it must be lean: requests are bytes made beforehand, in which only
//! the voter's token and the client's address are overwritten, and nothing is allocated or locked for a request.

use std::{
    io,
    net::SocketAddr,
    ops::Range,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    Effort,
    voters::{ADDRESS, NONCE, TOKEN, Voters, write_address, write_nonce},
};

/// Requests begin this long before they are counted: connections are made, and caches and batches fill.
pub(crate) const WARM_UP: Duration = Duration::from_secs(1);

/// A request made again and again, each time as another reader.
#[derive(Clone)]
pub(crate) struct Request {
    bytes: Vec<u8>,
    token: Option<Range<usize>>,
    address: Range<usize>,
    nonce: Option<Range<usize>>,
    /// What it should be answered with.
    pub(crate) status: u16,
    /// Whether it may be refused with 503, and then does not count.
    may_be_shed: bool,
}

impl Request {
    /// A vote, answered 201.
    pub(crate) fn vote(path: &str, json: &str) -> Self {
        let token = "T".repeat(TOKEN);
        let text = format!(
            "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: bench\r\naccept: */*\r\n\
             x-forwarded-for: {ADDRESS}\r\nauthorization: Voter {token}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{json}",
            json.len()
        );
        Self { token: Some(place(&text, &token)), ..Self::plain(text, 201) }
    }

    /// A reader's first vote from a page of another origin, answered 201.
    pub(crate) fn first_vote(path: &str) -> Self {
        let json = format!(r#"{{"choices":["yes"],"voter":{{"nonce":"{NONCE}"}}}}"#);
        let text = format!(
            "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: bench\r\naccept: */*\r\n\
             origin: https://news.example\r\nsec-fetch-mode: cors\r\nx-forwarded-for: {ADDRESS}\r\n\
             content-type: text/plain;charset=UTF-8\r\ncontent-length: {}\r\n\r\n{json}",
            json.len()
        );
        Self { nonce: Some(place(&text, NONCE)), ..Self::plain(text, 201) }
    }

    /// A read, answered 200.
    pub(crate) fn read(path: &str) -> Self {
        Self::get(path, "")
    }

    /// The same as [`Self::read`], unless it is still what has this tag.
    pub(crate) fn read_unless(path: &str, tag: &str) -> Self {
        Self::get(path, &format!("if-none-match: {tag}\r\n"))
    }

    /// A page as browsers ask for it.
    pub(crate) fn page(path: &str) -> Self {
        Self::get(path, "accept-language: ar\r\naccept-encoding: gzip, deflate, br\r\n")
    }

    fn get(path: &str, more: &str) -> Self {
        let text = format!(
            "GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: bench\r\naccept: */*\r\n{more}\
             x-forwarded-for: {ADDRESS}\r\n\r\n"
        );
        Self::plain(text, 200)
    }

    /// A new voter, answered 201.
    pub(crate) fn mint() -> Self {
        let text = format!(
            "POST /v1/voters HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: bench\r\naccept: */*\r\n\
             x-forwarded-for: {ADDRESS}\r\ncontent-length: 0\r\n\r\n"
        );
        Self::plain(text, 201)
    }

    fn plain(text: String, status: u16) -> Self {
        Self {
            address: place(&text, ADDRESS),
            token: None,
            nonce: None,
            status,
            may_be_shed: false,
            bytes: text.into_bytes(),
        }
    }

    /// The same, which should be answered otherwise.
    pub(crate) fn answered(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// The same with a token that nobody signed.
    pub(crate) fn with_bad_token(self) -> Self {
        Self { token: None, ..self }
    }

    /// The same, which may be refused with 503 and does not count then.
    pub(crate) fn that_may_be_shed(self) -> Self {
        Self { may_be_shed: true, ..self }
    }

    /// Makes it the request of another reader.
    pub(crate) fn make_anothers(&mut self, reader: usize, voters: &Voters) {
        write_address(reader, &mut self.bytes[self.address.clone()]);
        if let Some(token) = self.token.clone() {
            voters.write_token(reader, &mut self.bytes[token]);
        }
        if let Some(nonce) = self.nonce.clone() {
            write_nonce(reader, &mut self.bytes[nonce]);
        }
    }

    /// Sends it.
    pub(crate) async fn send(&self, stream: &mut TcpStream) -> io::Result<()> {
        stream.write_all(&self.bytes).await
    }
}

fn place(text: &str, part: &str) -> Range<usize> {
    let first = text.find(part).expect("it was put there");
    first..first + part.len()
}

/// What a load came to.
pub(crate) struct Measured {
    /// Requests answered per second.
    pub(crate) per_sec: f64,
    /// What the meter showed more at the end than at the beginning, per request, in millionths.
    pub(crate) micros: Vec<f64>,
    /// Half of the requests took at most so many milliseconds.
    pub(crate) p50_ms: f64,
    /// All but a hundredth took at most so many.
    pub(crate) p99_ms: f64,
}

/// Sends requests to an address for a while, and reads the meter at the beginning and the end of what counts.
pub(crate) fn run(
    effort: &Effort,
    connections: usize,
    address: SocketAddr,
    request: &Request,
    voters: &Voters,
    meter: impl Fn() -> Vec<f64>,
) -> Measured {
    let each = (0..threads()).map(|_| Lane::default()).collect();
    let lanes = Arc::new(Lanes {
        each,
        is_counting: AtomicBool::new(false),
        is_over: AtomicBool::new(false),
        fault: OnceLock::new(),
    });
    thread::scope(|scope| {
        for number in 0..threads() {
            let (lanes, connections) = (lanes.clone(), connections.div_ceil(threads()));
            scope.spawn(move || drive(&lanes, number, connections, address, request, voters));
        }
        thread::sleep(WARM_UP);
        let begun = Instant::now();
        let (before, answered_before) = (meter(), lanes.answered());
        lanes.is_counting.store(true, Relaxed);
        while begun.elapsed() < Duration::from_secs(effort.secs) && lanes.fault.get().is_none() {
            thread::sleep(Duration::from_millis(10));
        }
        lanes.is_counting.store(false, Relaxed);
        let (answered, after) = (lanes.answered() - answered_before, meter());
        let secs = begun.elapsed().as_secs_f64();
        lanes.is_over.store(true, Relaxed);
        if let Some(fault) = lanes.fault.get() {
            panic!("{fault}");
        }
        let answered = answered as f64;
        let micros = after.iter().zip(&before).map(|(after, before)| (after - before) * 1e6 / answered).collect();
        Measured { per_sec: answered / secs, micros, p50_ms: lanes.latency_ms(0.5), p99_ms: lanes.latency_ms(0.99) }
    })
}

/// How many threads a load has.
pub(crate) fn threads() -> usize {
    thread::available_parallelism().map_or(2, std::num::NonZero::get)
}

/// One thread's share of the load, on a runtime of its own.
fn drive(lanes: &Lanes, number: usize, connections: usize, address: SocketAddr, request: &Request, voters: &Voters) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be built");
    let one = || async {
        if let Err(error) = repeat(lanes, number, address, request.clone(), voters).await {
            // The first of several is enough.
            let _ = lanes.fault.set(error.to_string());
        }
    };
    runtime.block_on(futures_util::future::join_all((0..connections).map(|_| one())));
}

/// Sends one request after the other over one connection until the load is over.
async fn repeat(
    lanes: &Lanes,
    number: usize,
    address: SocketAddr,
    mut request: Request,
    voters: &Voters,
) -> io::Result<()> {
    let lane = &lanes.each[number];
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut answer = vec![0; 8 * 1024];
    while !lanes.is_over.load(Relaxed) && lanes.fault.get().is_none() {
        // The threads take turns at the readers, so that no two are the same.
        let reader = lane.sent.fetch_add(1, Relaxed) as usize * threads() + number;
        request.make_anothers(reader, voters);
        let sent_at = Instant::now();
        request.send(&mut stream).await?;
        let length = read_answer(&mut stream, &mut answer).await?;
        if request.may_be_shed && status(&answer) == Some(503) {
            continue;
        }
        if status(&answer) != Some(request.status) {
            let said = String::from_utf8_lossy(&answer[..length]);
            return Err(io::Error::other(format!("not answered {}: {said}", request.status)));
        }
        lane.answered.fetch_add(1, Relaxed);
        if lanes.is_counting.load(Relaxed) {
            lane.latencies.note(sent_at.elapsed());
        }
    }
    Ok(())
}

/// Reads a whole answer, and gives its length.
pub(crate) async fn read_answer(stream: &mut TcpStream, into: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    loop {
        let read = stream.read(&mut into[length..]).await?;
        if read == 0 {
            return Err(io::Error::other(format!(
                "the connection was closed after {:?}",
                String::from_utf8_lossy(&into[..length])
            )));
        }
        length += read;
        if whole_length(&into[..length]).is_some_and(|whole| whole <= length) {
            return Ok(length);
        }
    }
}

/// How long the answer is that begins so; `None` while its head is not whole.
fn whole_length(answer: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"content-length:";
    let mut body = 0;
    let mut line = 0;
    loop {
        let end = line + answer.get(line..)?.iter().position(|byte| *byte == b'\r')?;
        if end == line {
            return Some(end + 2 + body);
        }
        let text = &answer[line..end];
        if text.len() > NAME.len() && text[..NAME.len()].eq_ignore_ascii_case(NAME) {
            body = std::str::from_utf8(&text[NAME.len()..]).ok()?.trim().parse().ok()?;
        }
        line = end + 2;
    }
}

/// The status of an answer.
pub(crate) fn status(answer: &[u8]) -> Option<u16> {
    std::str::from_utf8(answer.get(9..12)?).ok()?.parse().ok()
}

/// What all threads of a load write and its end reads.
struct Lanes {
    each: Vec<Lane>,
    is_counting: AtomicBool,
    is_over: AtomicBool,
    fault: OnceLock<String>,
}

/// What one thread writes. Lanes stand apart, so that no two threads write to one line of the processor's cache.
#[derive(Default)]
#[repr(align(128))]
struct Lane {
    sent: AtomicU64,
    answered: AtomicU64,
    latencies: Latencies,
}

impl Lanes {
    fn answered(&self) -> u64 {
        self.each.iter().map(|lane| lane.answered.load(Relaxed)).sum()
    }

    /// The latency that so large a part of the requests kept, in milliseconds.
    fn latency_ms(&self, part: f64) -> f64 {
        let all = Latencies::default();
        for lane in &self.each {
            for (sum, count) in all.0.iter().zip(&lane.latencies.0) {
                sum.fetch_add(count.load(Relaxed), Relaxed);
            }
        }
        all.at(part).as_secs_f64() * 1e3
    }
}

/// Latencies by size: each power of two has 32 places, so that none is off by more than a 32nd.
pub(crate) struct Latencies(Box<[AtomicU32]>);

impl Default for Latencies {
    fn default() -> Self {
        Self((0..Self::PLACES).map(|_| AtomicU32::new(0)).collect())
    }
}

impl Latencies {
    const STEPS: u64 = 32;
    const PLACES: usize = 60 * Self::STEPS as usize;

    /// Notes one.
    pub(crate) fn note(&self, latency: Duration) {
        self.0[Self::place(latency)].fetch_add(1, Relaxed);
    }

    /// The latency that so large a part of them kept.
    pub(crate) fn at(&self, part: f64) -> Duration {
        let counts: Vec<u64> = self.0.iter().map(|count| u64::from(count.load(Relaxed))).collect();
        let wanted = (counts.iter().sum::<u64>() as f64 * part) as u64;
        let mut seen = 0;
        let place = counts.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        Self::end(place.unwrap_or(0))
    }

    fn place(latency: Duration) -> usize {
        let nanos = (latency.as_nanos() as u64).max(Self::STEPS);
        let power = nanos.ilog2() - Self::STEPS.ilog2();
        (u64::from(power) * Self::STEPS + (nanos >> power) - Self::STEPS) as usize
    }

    fn end(place: usize) -> Duration {
        let (power, step) = (place as u64 / Self::STEPS, place as u64 % Self::STEPS);
        Duration::from_nanos((Self::STEPS + step + 1) << power)
    }
}
