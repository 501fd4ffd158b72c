//! Bounds how many calls wait for a store.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use super::BACKLOG;
use crate::store::StoreError;

/// Bounds how many calls of one kind wait at a time.
#[derive(Clone)]
pub(super) struct CallLimiter {
    taken: Arc<AtomicUsize>,
    most: usize,
    /// The number of waiting ballots, which go first.
    backlog: Option<Arc<AtomicUsize>>,
}

/// A permit for one call, returned when dropped, also if the caller is gone.
struct CallPermit<'a>(&'a CallLimiter);

impl CallLimiter {
    pub(super) fn of(most: usize) -> Self {
        Self { taken: Arc::default(), most, backlog: None }
    }

    /// Also refuses calls while [`BACKLOG`] ballots or more wait.
    pub(super) fn yielding_to(self, backlog: Arc<AtomicUsize>) -> Self {
        Self { backlog: Some(backlog), ..self }
    }

    fn enter(&self) -> Result<CallPermit<'_>, StoreError> {
        if self.backlog.as_ref().is_some_and(|waiting| waiting.load(Relaxed) >= BACKLOG) {
            return Err(StoreError::Overloaded);
        }
        let permit = CallPermit(self);
        if self.taken.fetch_add(1, Relaxed) >= self.most {
            return Err(StoreError::Overloaded);
        }
        Ok(permit)
    }

    pub(super) async fn pass<T>(&self, call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let _permit = self.enter()?;
        call.await
    }
}

impl Drop for CallPermit<'_> {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use futures_util::FutureExt as _;

    use super::*;
    use crate::store::bounded::MOST_READS;

    fn is_refused(limiter: &CallLimiter) -> bool {
        matches!(limiter.pass(ready(Ok(()))).now_or_never(), Some(Err(StoreError::Overloaded)))
    }

    #[test]
    fn what_comes_beyond_the_bound_is_refused_at_once_and_a_place_given_back_is_taken_again() {
        let limiter = CallLimiter::of(2);
        let waiting = || {
            let mut call = Box::pin(limiter.pass(pending::<Result<(), StoreError>>()));
            assert!(call.as_mut().now_or_never().is_none());
            call
        };
        let (first, second) = (waiting(), waiting());
        for _ in 0..3 {
            assert!(is_refused(&limiter));
        }
        // The caller is gone.
        drop(first);
        assert!(!is_refused(&limiter));
        let third = waiting();
        assert!(is_refused(&limiter));
        drop((second, third));
        assert_eq!(limiter.taken.load(Relaxed), 0);
    }

    #[test]
    fn reads_are_refused_while_ballots_wait_and_no_read_keeps_a_vote_out() {
        let backlog = Arc::new(AtomicUsize::new(BACKLOG - 1));
        let reads = CallLimiter::of(MOST_READS).yielding_to(Arc::clone(&backlog));
        assert!(!is_refused(&reads));
        backlog.store(BACKLOG, Relaxed);
        assert!(is_refused(&reads), "a read goes before ballots");
        backlog.store(0, Relaxed);
        assert!(!is_refused(&reads));
    }
}
