//! Readers who vote until they are acknowledged, and what became of it.

use std::{
    cell::{Cell, RefCell},
    io,
    net::SocketAddr,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use parking_lot::Mutex;
use tokio::{net::TcpStream, time::timeout};

use crate::{
    load::{Request, read_answer, status},
    process::wait_for,
    sawt_server::{VOTE, tally},
    voters::Voters,
};

/// How many vote at a time.
const CONNECTIONS: usize = 16;
/// How long a reader waits for an answer, and after one that is none.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(20);
/// How long a replica may take to know what another has counted.
const TOLD: Duration = Duration::from_secs(3);
/// How many acknowledgements say that readers are served again: some over each connection.
const SERVED: u64 = 10 * CONNECTIONS as u64;

/// What is told apart: the statuses 201, 200, 503, 500, all others, and no answer.
pub(super) const ANSWERS: usize = 6;

/// What the votes of a stage came to.
pub(super) struct Tolls {
    pub(super) acknowledged: u64,
    pub(super) lost: u64,
    pub(super) twice: u64,
    /// Of each fault.
    pub(super) silences: Vec<Duration>,
    pub(super) answers: [u64; ANSWERS],
}

/// Readers that vote in one poll.
pub(super) struct Readers {
    addresses: Mutex<Vec<SocketAddr>>,
    poll: String,
    began: Instant,
    acknowledged: AtomicU64,
    /// When one was acknowledged last, and the longest time between two of late, in milliseconds.
    last_ms: AtomicU64,
    silence_ms: AtomicU64,
    silences: Mutex<Vec<Duration>>,
    is_over: AtomicBool,
}

impl Readers {
    pub(super) fn new(addresses: Vec<SocketAddr>, poll: &str) -> Self {
        Self {
            addresses: Mutex::new(addresses),
            poll: poll.to_owned(),
            began: Instant::now(),
            acknowledged: AtomicU64::new(0),
            last_ms: AtomicU64::new(0),
            silence_ms: AtomicU64::new(0),
            silences: Mutex::default(),
            is_over: AtomicBool::new(false),
        }
    }

    /// Has them go elsewhere.
    pub(super) fn go_to(&self, addresses: Vec<SocketAddr>) {
        *self.addresses.lock() = addresses;
    }

    /// Waits until they are acknowledged.
    pub(super) fn are_served(&self) {
        let before = self.acknowledged.load(Relaxed);
        wait_for("votes to be acknowledged", || (self.acknowledged.load(Relaxed) >= before + SERVED).then_some(()));
    }

    /// Notes the longest silence since this was done last.
    pub(super) fn note_silence(&self) {
        let silence = Duration::from_millis(self.silence_ms.swap(0, Relaxed));
        self.silences.lock().push(silence);
    }

    /// Has them vote while something is done, and finds out what became of their votes.
    pub(super) fn vote_while(self, voters: &Voters, act: impl FnOnce(&Self)) -> Tolls {
        let acted = thread::scope(|scope| {
            let voting = scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.expect("a runtime can be built").block_on(self.vote(voters))
            });
            act(&self);
            self.is_over.store(true, Relaxed);
            voting.join().expect("readers vote to the end")
        });
        let (count, lost, answers) = acted;
        wait_for("the tally to have every vote", || (tally(self.address(0), &self.poll).0 >= count).then_some(()));
        // Long enough for this replica to hear of votes that the other counted, should there be too many.
        thread::sleep(TOLD);
        let (ballots, votes) = tally(self.address(0), &self.poll);
        assert_eq!(ballots, votes, "a ballot is a vote");
        let silences = self.silences.into_inner();
        Tolls { acknowledged: count, lost, twice: ballots - count, silences, answers }
    }

    /// Votes until it is over, and then sends every vote once more. How many voted, how many of them were counted then,
    /// and how votes were answered before that.
    async fn vote(&self, voters: &Voters) -> (u64, u64, [u64; ANSWERS]) {
        let (next, answers) = (Cell::new(0), RefCell::new([0; ANSWERS]));
        let reader = |place| {
            let (next, answers) = (&next, &answers);
            async move {
                let mut wire = Wire { readers: self, place, stream: None };
                while !self.is_over.load(Relaxed) {
                    let voter = next.replace(next.get() + 1);
                    assert!(voter < voters.count(), "there are too few voters");
                    while !matches!(wire.vote(voter, voters, Some(answers)).await, Some(200 | 201)) {
                        tokio::time::sleep(PAUSE).await;
                    }
                    self.note_acknowledged();
                }
            }
        };
        join_all((0..CONNECTIONS).map(reader)).await;
        let (count, lost) = (next.get(), Cell::new(0));
        let again = |place| {
            let lost = &lost;
            async move {
                let mut wire = Wire { readers: self, place, stream: None };
                for voter in (place..count).step_by(CONNECTIONS) {
                    let status = loop {
                        match wire.vote(voter, voters, None).await {
                            Some(status @ (200 | 201)) => break status,
                            _ => tokio::time::sleep(PAUSE).await,
                        }
                    };
                    lost.set(lost.get() + u64::from(status == 201));
                }
            }
        };
        join_all((0..CONNECTIONS).map(again)).await;
        (count as u64, lost.get(), answers.into_inner())
    }

    fn note_acknowledged(&self) {
        let now = self.began.elapsed().as_millis() as u64;
        self.silence_ms.fetch_max(now - self.last_ms.swap(now, Relaxed), Relaxed);
        self.acknowledged.fetch_add(1, Relaxed);
    }

    fn address(&self, place: usize) -> SocketAddr {
        let addresses = self.addresses.lock();
        addresses[place % addresses.len()]
    }
}

/// One reader's connection after another.
struct Wire<'a> {
    readers: &'a Readers,
    place: usize,
    stream: Option<TcpStream>,
}

impl Wire<'_> {
    /// Votes, and gives the status of the answer if there is one.
    async fn vote(&mut self, voter: usize, voters: &Voters, answers: Option<&RefCell<[u64; ANSWERS]>>) -> Option<u16> {
        let answered = timeout(ANSWER_TIMEOUT, self.ask(voter, voters)).await.unwrap_or_else(|late| Err(late.into()));
        if answered.is_err() {
            self.stream = None;
        }
        let status = answered.ok();
        if let Some(answers) = answers {
            let place = match status {
                Some(201) => 0,
                Some(200) => 1,
                Some(503) => 2,
                Some(500) => 3,
                Some(_) => 4,
                None => 5,
            };
            answers.borrow_mut()[place] += 1;
        }
        status
    }

    async fn ask(&mut self, voter: usize, voters: &Voters) -> io::Result<u16> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => TcpStream::connect(self.readers.address(self.place)).await?,
        };
        stream.set_nodelay(true)?;
        let mut request = Request::vote(&format!("{}/votes", self.readers.poll), VOTE);
        request.make_anothers(voter, voters);
        request.send(&mut stream).await?;
        let mut answer = vec![0; 8 * 1024];
        read_answer(&mut stream, &mut answer).await?;
        self.stream = Some(stream);
        status(&answer).ok_or_else(|| io::Error::other("an answer without a status"))
    }
}
