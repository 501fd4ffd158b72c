//! Something that is read from the store once for all who wait for it.

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Shared},
};

use super::StoreError;

/// A read that several wait for, and that whoever keeps it can ask whether it has ended.
pub type SharedRead<T> = Shared<BoxFuture<'static, Result<T, Arc<StoreError>>>>;

/// Shares a read. One that panics has failed: those who wait for it, or ask whether it has ended, must not panic too.
pub fn shared_read<T: Clone + 'static>(
    read: impl Future<Output = Result<T, Arc<StoreError>>> + Send + 'static,
) -> SharedRead<T> {
    let failed = || Err(Arc::new(StoreError::unavailable("reading has panicked")));
    AssertUnwindSafe(read).catch_unwind().map(move |read| read.unwrap_or_else(|_| failed())).boxed().shared()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_read_that_panics_has_failed_for_all() {
        let read = shared_read::<u64>(async { panic!("a ballot nobody can read") });
        assert!(read.peek().is_none());
        let other = read.clone();
        assert!(read.clone().await.is_err() && other.await.is_err());
        assert!(matches!(read.peek(), Some(Err(_))));
    }
}
