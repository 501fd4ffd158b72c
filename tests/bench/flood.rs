//! A load that waits for nobody: requests come by the clock, whether or not those before them were answered.
//!
//! Under the other [load](crate::load) a slow answer keeps the next request back, so no more is ever asked than is
//! answered: it finds the peak, and can't go beyond it. Readers are not like that. Here each request has the moment at
//! which it is due, and its reader waits so long from that moment and no longer, wherever the time goes. It is sent
//! over any of a number of connections, as a proxy in front of the service has them. Where none is free it waits for
//! one as it would there, a part of its reader's timeout and no longer: then the proxy refuses it. A reader who gives
//! up hangs up, so that the connection is made anew.

use std::{
    cell::Cell,
    io,
    net::SocketAddr,
    rc::Rc,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use tokio::{net::TcpStream, sync::Semaphore};

use crate::{
    load::{Latencies, Request, WARM_UP, read_answer, status, threads},
    voters::Voters,
};

/// How often what is due is looked up.
const TICK: Duration = Duration::from_millis(1);

/// So many requests.
#[derive(Clone, Copy)]
pub(crate) struct Flood {
    /// How many are due in a second.
    pub(crate) per_sec: f64,
    /// For how long, after a second that is not counted.
    pub(crate) secs: u64,
    /// Over how many connections.
    pub(crate) connections: usize,
    /// How long a reader waits.
    pub(crate) answer_timeout: Duration,
    /// How long of it for a connection.
    pub(crate) queue: Duration,
}

/// What became of them.
#[derive(Default)]
pub(crate) struct Fates {
    counts: [AtomicU64; 4],
    latencies: Latencies,
}

/// What becomes of one request.
#[derive(Clone, Copy)]
pub(crate) enum Fate {
    /// It was answered as it should be, in time.
    Useful,
    /// It was refused with 503, in time.
    Shed,
    /// Its reader gave up while it was being answered.
    Late,
    /// There was no connection to send it over.
    Unsent,
}

impl Fates {
    /// How many had this fate.
    pub(crate) fn count(&self, fate: Fate) -> f64 {
        self.counts[fate as usize].load(Relaxed) as f64
    }

    /// The latency that so large a part of the useful answers kept, from when they were due, in milliseconds.
    pub(crate) fn latency_ms(&self, part: f64) -> f64 {
        self.latencies.at(part).as_secs_f64() * 1e3
    }
}

/// Sends a flood to an address.
pub(crate) fn run(flood: Flood, address: SocketAddr, request: &Request, voters: &Voters) -> Fates {
    let (fates, fault) = (Arc::new(Fates::default()), Arc::new(OnceLock::new()));
    thread::scope(|scope| {
        for number in 0..threads() {
            let (fates, fault) = (Arc::clone(&fates), Arc::clone(&fault));
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let share = Share { flood, number, begun: Instant::now(), next: Cell::new(0), fates: &fates };
                let ended = runtime.expect("a runtime can be built").block_on(share.run(address, request, voters));
                if let Err(error) = ended {
                    // The first of several is enough.
                    let _ = fault.set(error.to_string());
                }
            });
        }
    });
    if let Some(fault) = fault.get() {
        panic!("{fault}");
    }
    Arc::into_inner(fates).expect("all threads have ended")
}

/// One thread's share of a flood.
struct Share<'a> {
    flood: Flood,
    number: usize,
    begun: Instant,
    /// The next request that nobody has taken.
    next: Cell<u64>,
    fates: &'a Fates,
}

impl Share<'_> {
    async fn run(&self, address: SocketAddr, request: &Request, voters: &Voters) -> io::Result<()> {
        let due = Rc::new(Semaphore::new(0));
        let connections = self.flood.connections.div_ceil(threads());
        let lines = (0..connections).map(|_| self.take_turns(&due, address, request.clone(), voters));
        let lines = futures_util::future::try_join_all(lines);
        let ((), ended) = futures_util::future::join(self.pace(&due), lines).await;
        ended.map(|_| ())
    }

    /// Announces each request when it is due, and none any more at the end.
    async fn pace(&self, due: &Semaphore) {
        let per_sec = self.flood.per_sec / threads() as f64;
        let whole = WARM_UP + Duration::from_secs(self.flood.secs);
        let mut announced = 0;
        let mut ticks = tokio::time::interval(TICK);
        while self.begun.elapsed() < whole {
            ticks.tick().await;
            let by_now = (self.begun.elapsed().as_secs_f64() * per_sec) as usize;
            due.add_permits(by_now - announced);
            announced = by_now;
        }
        // Those still waiting are refused before their turn, or served: both are seen.
        while (self.next.get() as usize) < announced {
            ticks.tick().await;
        }
        due.close();
    }

    /// Takes one request after the other and sends it over one connection.
    async fn take_turns(
        &self,
        due: &Semaphore,
        address: SocketAddr,
        mut request: Request,
        voters: &Voters,
    ) -> io::Result<()> {
        let mut stream = None;
        let mut answer = vec![0; 8 * 1024];
        while let Ok(turn) = due.acquire().await {
            turn.forget();
            let place = self.next.replace(self.next.get() + 1);
            let due_at = self.begun + self.after(place);
            let until = due_at + self.flood.answer_timeout;
            if due_at.elapsed() >= self.flood.queue {
                self.note(due_at, Fate::Unsent);
                continue;
            }
            request.make_anothers(place as usize * threads() + self.number, voters);
            let exchange = async {
                let mut open = match stream.take() {
                    Some(open) => open,
                    None => connect(address).await?,
                };
                request.send(&mut open).await?;
                let length = read_answer(&mut open, &mut answer).await?;
                stream = Some(open);
                io::Result::Ok(length)
            };
            match tokio::time::timeout_at(until.into(), exchange).await {
                Ok(length) => {
                    let length = length?;
                    match status(&answer) {
                        Some(said) if said == request.status => self.note(due_at, Fate::Useful),
                        Some(503) => self.note(due_at, Fate::Shed),
                        _ => return Err(io::Error::other(String::from_utf8_lossy(&answer[..length]).into_owned())),
                    }
                }
                Err(_) => self.note(due_at, Fate::Late),
            }
        }
        Ok(())
    }

    /// How long after the beginning a request is due.
    fn after(&self, place: u64) -> Duration {
        Duration::from_secs_f64(place as f64 * threads() as f64 / self.flood.per_sec)
    }

    fn note(&self, due_at: Instant, fate: Fate) {
        if due_at < self.begun + WARM_UP {
            return;
        }
        self.fates.counts[fate as usize].fetch_add(1, Relaxed);
        if let Fate::Useful = fate {
            self.fates.latencies.note(due_at.elapsed());
        }
    }
}

async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
