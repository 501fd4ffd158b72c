//! Log lines about requests: one each, except where that would fill a disk without saying anything new.
//!
//! - **Refusals are summed.** Asking for what does not exist costs a client next to nothing, and a line costs 300 bytes
//!   of disk. So of one kind of refusal (method, route, status, outcome, and class of clients) the first
//!   [`WHOLE_PER_KIND`] in a second have a line each, and the rest one line together, with their `count`. At most
//!   [`MOST_WHOLE`] in a second have a line of their own, of all kinds.
//! - **Reads may be sampled.** With `SAWT_LOG_SAMPLE` at N, only every Nth successful read has a line, which says so.
//!   Changes, refusals and failures are never left out by it.
//! - **Probes have none**, except at debug level: they come every second and repeat what `ready` and `stopping` said.
//!
//! A client's class is a number below [`CLASSES`], by a hash whose seed only this process knows. It tells one client
//! that asks ten thousand times from ten thousand that ask once, and nothing about who they are.
//!
//! Metrics count every request, whatever is logged.

use std::{
    hash::{BuildHasher as _, RandomState},
    num::NonZeroU32,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use crate::{
    client::Client,
    telemetry::{AnsweredRequest, log_request},
};

/// How often [`RequestLog::sum_up`] is to be called.
pub const SUM_UP_EVERY: Duration = Duration::from_secs(1);

/// How many refusals of a kind have a line of their own between two sums.
const WHOLE_PER_KIND: u64 = 5;
/// How many refusals of any kind have one.
const MOST_WHOLE: u64 = 100;
/// How many kinds are told apart between two sums. There are more, but only a client that looks for them finds them
/// all.
const MOST_KINDS: usize = 64;
/// How many classes of clients there are.
const CLASSES: u64 = 16;

/// The log of one replica's requests.
pub struct RequestLog {
    /// One of so many successful reads has a line.
    sample: NonZeroU32,
    reads: AtomicU32,
    classes: RandomState,
    /// Only refusals wait for this lock.
    sums: Mutex<Sums>,
}

/// Refusals since they were last summed up.
#[derive(Default)]
struct Sums {
    by_kind: FxHashMap<RefusalKind, u64>,
    whole: u64,
    /// Refusals of other kinds.
    others: u64,
}

/// What refusals in one sum have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct RefusalKind {
    method: &'static str,
    route: &'static str,
    status: u16,
    outcome: &'static str,
    /// The class of the client; `None` for what can't be read as a request.
    class: Option<u64>,
}

/// One request as it is logged.
pub(super) struct RequestLine<'a> {
    pub(in crate::http) method: &'static str,
    pub(in crate::http) route: &'static str,
    pub(in crate::http) status: u16,
    pub(in crate::http) outcome: &'static str,
    pub(in crate::http) request_id: &'a str,
    pub(super) duration_us: u64,
    /// What failed, for a failure.
    pub(in crate::http) error: Option<&'a str>,
    pub(in crate::http) is_probe: bool,
}

impl RequestLog {
    /// A log in which one of so many successful reads has a line.
    pub fn new(sample: NonZeroU32) -> Self {
        Self { sample, reads: AtomicU32::new(0), classes: RandomState::new(), sums: Mutex::default() }
    }

    /// Logs one request. The client is looked up only for refusals.
    pub(super) fn log(&self, line: &RequestLine<'_>, client: impl FnOnce() -> Option<Client>) {
        let RequestLine { method, route, status, outcome, request_id, duration_us, error, is_probe } = *line;
        macro_rules! line {
            ($level:ident $(, $field:ident)?) => {
                tracing::$level!(
                    target: "sawt::request",
                    method, route, status, duration_us, outcome, request_id, $($field,)?
                    "{method} {route} {status} {outcome}"
                )
            };
        }
        let request = AnsweredRequest { method, route, status, duration_us, outcome, request_id };
        if is_probe {
            return line!(debug);
        }
        match status {
            400..500 | 503 => {
                let class = client().map(|client| self.class_of(&client));
                if !self.has_own_line(RefusalKind { method, route, status, outcome, class }) {
                    return;
                }
                if status == 503 { line!(warn, error) } else { log_request(&request) }
            }
            // The client asked for something that does not exist: nothing failed.
            501 => log_request(&request),
            500.. => line!(error, error),
            _ if self.sample.get() > 1 && matches!(method, "GET" | "HEAD" | "OPTIONS") => {
                let sample = self.sample.get();
                if self.reads.fetch_add(1, Relaxed).is_multiple_of(sample) {
                    line!(info, sample);
                }
            }
            _ => log_request(&request),
        }
    }

    /// Logs the sums of refusals since the last call. Call it every [`SUM_UP_EVERY`].
    pub fn sum_up(&self) {
        let (sums, others) = self.take_sums();
        for (RefusalKind { method, route, status, outcome, class }, count) in sums {
            macro_rules! line {
                ($level:ident) => {
                    tracing::$level!(
                        target: "sawt::request",
                        method, route, status, outcome, class, count,
                        "{method} {route} {status} {outcome}: {count} more like these"
                    )
                };
            }
            if status == 503 { line!(warn) } else { line!(info) }
        }
        if others > 0 {
            tracing::info!(target: "sawt::request", count = others, "{others} more refusals, of further kinds");
        }
    }

    fn class_of(&self, client: &Client) -> u64 {
        self.classes.hash_one(client.as_bytes()) % CLASSES
    }

    /// Counts a refusal, and returns whether it has a line of its own.
    fn has_own_line(&self, kind: RefusalKind) -> bool {
        let mut sums = self.sums.lock();
        let Sums { by_kind, whole, others } = &mut *sums;
        if by_kind.len() >= MOST_KINDS && !by_kind.contains_key(&kind) {
            *others += 1;
            return false;
        }
        let count = by_kind.entry(kind).or_insert(0);
        if *count < WHOLE_PER_KIND && *whole < MOST_WHOLE {
            *count += 1;
            *whole += 1;
            return true;
        }
        // The kind is past its own lines now: further ones are in the sum.
        *count = (*count).max(WHOLE_PER_KIND) + 1;
        false
    }

    /// The refusals that had no line of their own, by kind, and those of other kinds.
    fn take_sums(&self) -> (Vec<(RefusalKind, u64)>, u64) {
        let Sums { by_kind, others, .. } = std::mem::take(&mut *self.sums.lock());
        let summed = |(kind, count): (RefusalKind, u64)| {
            let count = count.saturating_sub(WHOLE_PER_KIND);
            (count > 0).then_some((kind, count))
        };
        (by_kind.into_iter().filter_map(summed).collect(), others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> RequestLog {
        RequestLog::new(NonZeroU32::MIN)
    }

    fn kind(route: &'static str, class: u64) -> RefusalKind {
        RefusalKind { method: "GET", route, status: 404, outcome: "not-found", class: Some(class) }
    }

    #[test]
    fn refusals_of_a_kind_are_a_handful_of_lines_and_one_sum_however_many_they_are() {
        let log = log();
        let whole = (0..10_000).filter(|_| log.has_own_line(kind("unmatched", 3))).count();
        assert_eq!(whole, 5);
        assert!(log.has_own_line(kind("unmatched", 4)), "another class is another kind");
        assert_eq!(log.take_sums(), (vec![(kind("unmatched", 3), 9_995)], 0));
        assert!(log.has_own_line(kind("unmatched", 3)), "and after the sum they have lines again");
        assert_eq!(log.take_sums(), (vec![], 0));
    }

    #[test]
    fn refusals_of_ever_more_kinds_take_no_more_lines_and_no_more_memory() {
        let log = log();
        let routes: Vec<&'static str> =
            (0..1_000).map(|number: u32| &*Box::leak(number.to_string().into_boxed_str())).collect();
        let mut whole = 0;
        for _ in 0..10 {
            whole += routes.iter().filter(|route| log.has_own_line(kind(route, 0))).count();
        }
        assert_eq!(whole, 100);
        assert_eq!(log.sums.lock().by_kind.len(), MOST_KINDS);
        let (sums, others) = log.take_sums();
        let summed: u64 = sums.iter().map(|(_, count)| count).sum();
        assert_eq!(summed + others + 100, 10_000, "every one is told");
    }
}
