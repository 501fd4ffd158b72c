//! What a server sends instead of a reply, what is done about it, and what is logged.
//!
//! Everything but a reply is trouble: the store did not answer, and may be asked again. It may be an error code that
//! the driver knows, one that it does not know, or the end of a connection. Only a script's own reply of a wrong form
//! means that the store holds something unexpected.

use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use redis::RedisError;

use super::address::Topology;
use crate::store::StoreError;

/// How long nothing must fail before it is logged that all is well.
const CALM: Duration = Duration::from_secs(5);
/// The most kinds of trouble that are logged; further kinds are not.
const MOST_KINDS: usize = 32;

/// What to do with a connection after an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remedy {
    /// It can't be used any more.
    Reconnect,
    /// It leads to a server that is not, or no longer, the right one; a new connection may lead elsewhere.
    ReconnectIfOld,
    /// Part of it may be silent: another one is made, and it is used until then.
    Replace,
    /// It is as good as any: the server would refuse over another one too.
    Keep,
}

impl Remedy {
    /// The remedy for an error, by its code: a refusal that the server would repeat must not cost a connection each
    /// time.
    pub(super) fn of(error: &RedisError, topology: &Topology) -> Self {
        match error.code() {
            None if *topology == Topology::Cluster && error.is_timeout() => Self::Replace,
            // The driver's own error: no connection, no answer, or an unreadable one.
            None => Self::Reconnect,
            Some("READONLY" | "MASTERDOWN" | "NOAUTH" | "WRONGPASS") => Self::ReconnectIfOld,
            // The driver followed the move and failed: what it knows of the cluster may be outdated.
            Some("MOVED" | "ASK" | "TRYAGAIN" | "CLUSTERDOWN") if *topology == Topology::Cluster => {
                Self::ReconnectIfOld
            }
            Some(_) => Self::Keep,
        }
    }
}

/// The trouble that all connections of a replica have with the store. Each kind is logged once, and its end once,
/// however many requests meet it.
#[derive(Debug, Default)]
pub struct Trouble {
    /// Whether there is any: the only thing a call reads while there is none.
    is_there: AtomicBool,
    logged: Mutex<Logged>,
}

#[derive(Debug, Default)]
struct Logged {
    kinds: Vec<String>,
    seen_at: Option<Instant>,
}

impl Trouble {
    /// Records a server's error, or that it did not answer. Returns the caller's error.
    pub(super) fn note(&self, error: RedisError) -> StoreError {
        let text = error.to_string();
        self.log(error.code().unwrap_or(&text), &text);
        StoreError::unavailable(error)
    }

    /// Records a reply that does not fit the command. Returns the caller's error.
    pub(super) fn note_foreign(&self, what: String) -> StoreError {
        self.log("no answer to what was asked", &what);
        StoreError::unavailable(what)
    }

    fn log(&self, kind: &str, error: &str) {
        let mut logged = self.logged.lock();
        self.is_there.store(true, Relaxed);
        logged.seen_at = Some(Instant::now());
        if logged.kinds.len() < MOST_KINDS && !logged.kinds.iter().any(|known| known == kind) {
            logged.kinds.push(kind.to_owned());
            tracing::warn!(kind, error, "the store is in trouble; what needs it is answered 503 meanwhile");
        }
    }

    /// Records that a server answered.
    pub(super) fn note_answer(&self) {
        if self.is_there.load(Relaxed) {
            self.note_calm();
        }
    }

    #[cold]
    fn note_calm(&self) {
        let mut logged = self.logged.lock();
        // A store may refuse some calls and answer others.
        if logged.seen_at.is_some_and(|seen_at| seen_at.elapsed() >= CALM) {
            self.is_there.store(false, Relaxed);
            let kinds = std::mem::take(&mut *logged).kinds.join(", ");
            tracing::info!(kinds, "the store is well again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of(reply: &str) -> RedisError {
        redis::parse_redis_value(reply.as_bytes()).unwrap().extract_error().unwrap_err()
    }

    #[test]
    fn a_refusal_keeps_the_connection_and_a_server_that_is_not_the_one_to_ask_does_not() {
        use Remedy::{Keep, Reconnect, ReconnectIfOld, Replace};
        let (single, cluster) = (Topology::Single, Topology::Cluster);
        for (reply, alone, in_cluster) in [
            ("-OOM command not allowed when used memory > 'maxmemory'.\r\n", Keep, Keep),
            ("-NOREPLICAS Not enough good replicas to write.\r\n", Keep, Keep),
            ("-MISCONF Errors writing to the AOF file: No space left on device\r\n", Keep, Keep),
            ("-BUSY Redis is busy running a script.\r\n", Keep, Keep),
            ("-NOPERM this user has no permissions to run the 'evalsha' command\r\n", Keep, Keep),
            ("-LOADING Redis is loading the dataset in memory\r\n", Keep, Keep),
            ("-CROSSSLOT Keys in request don't hash to the same slot\r\n", Keep, Keep),
            ("-EXECABORT Transaction discarded because of previous errors.\r\n", Keep, Keep),
            ("-WHATISTHIS nobody knows\r\n", Keep, Keep),
            ("-READONLY You can't write against a read only replica.\r\n", ReconnectIfOld, ReconnectIfOld),
            ("-MASTERDOWN Link with MASTER is down\r\n", ReconnectIfOld, ReconnectIfOld),
            ("-NOAUTH Authentication required.\r\n", ReconnectIfOld, ReconnectIfOld),
            ("-WRONGPASS invalid username-password pair\r\n", ReconnectIfOld, ReconnectIfOld),
            ("-MOVED 3999 127.0.0.1:6381\r\n", Keep, ReconnectIfOld),
            ("-ASK 3999 127.0.0.1:6381\r\n", Keep, ReconnectIfOld),
            ("-CLUSTERDOWN The cluster is down\r\n", Keep, ReconnectIfOld),
        ] {
            let remedies = [&single, &cluster].map(|topology| Remedy::of(&error_of(reply), topology));
            assert_eq!(remedies, [alone, in_cluster], "{reply}");
        }
        let own = |kind: std::io::ErrorKind| RedisError::from(std::io::Error::from(kind));
        let (cut, silent) = (own(std::io::ErrorKind::BrokenPipe), own(std::io::ErrorKind::TimedOut));
        assert_eq!([&single, &cluster].map(|topology| Remedy::of(&cut, topology)), [Reconnect, Reconnect]);
        assert_eq!([&single, &cluster].map(|topology| Remedy::of(&silent, topology)), [Reconnect, Replace]);
    }
}
