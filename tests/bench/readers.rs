//! Readers of event streams in great numbers: sockets, and as little beside them as can be.
//!
//! They share the machine with what they measure. All readers of a thread read into one buffer, and keep nothing of
//! their own but how they are called; what they have seen is written down once for each event, and looked through when
//! the streams are over.

use std::{
    cell::RefCell,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    rc::Rc,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpSocket, TcpStream},
    sync::Semaphore,
};

use crate::voters::{ADDRESS, write_address};

/// How many connections are made at a time.
const AT_ONCE: usize = 100;
/// How many readers come from one address: it has some 28,000 ports, and a connection holds one for a while after it
/// has ended.
const PER_ADDRESS: usize = 5_000;
/// How long everything the readers do may take.
const READERS_TIMEOUT: Duration = Duration::from_mins(2);

/// One version that one reader saw.
#[derive(Clone, Copy)]
pub(crate) struct Seen {
    reader: u32,
    version: u64,
    at: Instant,
}

/// Readers whose streams are open.
pub(crate) struct Readers {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    open: AtomicUsize,
    events: AtomicU64,
    /// The last version that each reader saw.
    newest: Vec<AtomicU64>,
    is_over: AtomicBool,
    seen: Mutex<Vec<Seen>>,
    fault: OnceLock<String>,
}

impl Readers {
    /// Opens so many streams of this path, and waits until each has begun to be answered.
    pub(crate) fn open(count: usize, address: SocketAddr, path: &str) -> Self {
        let newest = (0..count).map(|_| AtomicU64::new(0)).collect();
        let shared = Arc::new(Shared { newest, ..Shared::default() });
        let threads = thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let threads = (0..threads).map(|number| {
            let (shared, path) = (shared.clone(), path.to_owned());
            let mine: Vec<usize> = (0..count).filter(|reader| reader % threads == number).collect();
            thread::spawn(move || read_all(&shared, &mine, address, &path))
        });
        let readers = Self { threads: threads.collect(), shared };
        readers.wait("all streams to be open", |shared| shared.open.load(Relaxed) == count);
        readers
    }

    /// Waits until every reader has seen this version or a later one.
    pub(crate) fn wait_for_version(&self, version: u64) {
        self.wait("the last event to reach everybody", |shared| {
            shared.newest.iter().all(|newest| newest.load(Relaxed) >= version)
        });
    }

    /// How many events were read in all.
    pub(crate) fn events(&self) -> u64 {
        self.shared.events.load(Relaxed)
    }

    /// Closes all streams, and gives for each version that was published how long after that it took to reach each
    /// reader, in milliseconds.
    pub(crate) fn close(mut self, published: &[(u64, Instant)]) -> Vec<Vec<f64>> {
        self.end();
        let mut seen = std::mem::take(&mut *self.shared.seen.lock());
        seen.sort_unstable_by_key(|seen| (seen.reader, seen.at));
        let of_each: Vec<&[Seen]> = seen.chunk_by(|one, next| one.reader == next.reader).collect();
        let reached = |version: u64, published_at: Instant| {
            let first = of_each.iter().filter_map(|seen| seen.iter().find(|seen| seen.version >= version));
            first.map(|seen| seen.at.saturating_duration_since(published_at).as_secs_f64() * 1e3).collect()
        };
        published.iter().map(|(version, published_at)| reached(*version, *published_at)).collect()
    }

    fn wait(&self, what: &str, is_so: impl Fn(&Shared) -> bool) {
        let begun = Instant::now();
        while !is_so(&self.shared) {
            if let Some(fault) = self.shared.fault.get() {
                panic!("a stream failed while waiting for {what}: {fault}");
            }
            let open = self.shared.open.load(Relaxed);
            assert!(begun.elapsed() < READERS_TIMEOUT, "gave up waiting for {what}: {open} are open");
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn end(&mut self) {
        self.shared.is_over.store(true, Relaxed);
        for thread in self.threads.drain(..) {
            // One that panicked has said so.
            let _ = thread.join();
        }
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.end();
    }
}

/// One thread's readers.
fn read_all(shared: &Shared, readers: &[usize], address: SocketAddr, path: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be built");
    let local = tokio::task::LocalSet::new();
    let (turns, desk) = (Rc::new(Semaphore::new(AT_ONCE)), Rc::new(RefCell::new(Desk::default())));
    let over = async {
        while !shared.is_over.load(Relaxed) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    // The tasks outlive no reference: they are dropped with the set, before this function ends.
    local.block_on(&runtime, async {
        let all = readers.iter().map(|reader| {
            let (turns, desk) = (turns.clone(), desk.clone());
            async move {
                if let Err(error) = read(shared, *reader, address, path, &turns, &desk).await {
                    // The first of several is enough.
                    let _ = shared.fault.set(error.to_string());
                }
            }
        });
        let all: futures_util::stream::FuturesUnordered<_> = all.collect();
        tokio::select! {
            () = over => {}
            () = futures_util::StreamExt::for_each(all, |()| async {}) => over_without_streams(shared).await,
        }
    });
    shared.seen.lock().append(&mut desk.borrow_mut().seen);
}

async fn over_without_streams(shared: &Shared) {
    while !shared.is_over.load(Relaxed) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What the readers of a thread share.
struct Desk {
    buffer: Vec<u8>,
    seen: Vec<Seen>,
}

impl Default for Desk {
    fn default() -> Self {
        Self { buffer: vec![0; 64 * 1024], seen: Vec::new() }
    }
}

/// Opens one stream and reads it for as long as it lasts.
async fn read(
    shared: &Shared,
    reader: usize,
    address: SocketAddr,
    path: &str,
    turns: &Semaphore,
    desk: &RefCell<Desk>,
) -> io::Result<()> {
    let stream = {
        let _turn = turns.acquire().await;
        let mut stream = connect(reader, address).await?;
        stream.write_all(&request(path, reader)).await?;
        stream.readable().await?;
        stream
    };
    let mut has_begun = false;
    loop {
        stream.readable().await?;
        let mut desk = desk.borrow_mut();
        let Desk { buffer, seen } = &mut *desk;
        let length = match stream.try_read(buffer) {
            Ok(0) => return Err(io::Error::other("a stream ended")),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        };
        let read = &buffer[..length];
        if !has_begun {
            if !read.starts_with(b"HTTP/1.1 200") {
                return Err(io::Error::other(String::from_utf8_lossy(read)));
            }
            has_begun = true;
            shared.open.fetch_add(1, Relaxed);
        }
        let Some(version) = version_in(read) else { continue };
        shared.events.fetch_add(1, Relaxed);
        seen.push(Seen { reader: reader as u32, version, at: Instant::now() });
        shared.newest[reader].store(version, Relaxed);
    }
}

async fn connect(reader: usize, address: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    let place = u8::try_from(reader / PER_ADDRESS % 250).unwrap_or(0);
    socket.bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 1, place + 1)), 0))?;
    // A connection that ends leaves nothing behind: the next ten thousand want its port.
    socket.set_zero_linger()?;
    socket.connect(address).await
}

fn request(path: &str, reader: usize) -> Vec<u8> {
    let mut client = ADDRESS.as_bytes().to_vec();
    write_address(reader, &mut client);
    let client = String::from_utf8_lossy(&client).into_owned();
    format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: text/event-stream\r\nx-forwarded-for: {client}\r\n\r\n")
        .into_bytes()
}

/// The version in the last event of what was read.
fn version_in(read: &[u8]) -> Option<u64> {
    const NAME: &[u8] = b"\"version\":";
    let place = read.windows(NAME.len()).rposition(|window| window == NAME)? + NAME.len();
    let digits = read[place..].iter().take_while(|byte| byte.is_ascii_digit());
    Some(digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}
