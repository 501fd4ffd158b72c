//! Trying again what a store may answer later.

use std::time::{Duration, Instant};

use crate::store::StoreError;

/// How long a call is tried.
const RETRY_FOR: Duration = Duration::from_secs(20);
/// The pause between two attempts.
const RETRY_EVERY: Duration = Duration::from_millis(200);

/// Tries again what may succeed later.
pub(super) async fn retry<T, F>(ask: impl Fn() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let begun = Instant::now();
    loop {
        match ask().await {
            Err(StoreError::Unavailable(_) | StoreError::Overloaded) if begun.elapsed() < RETRY_FOR => {
                tokio::time::sleep(RETRY_EVERY).await;
            }
            answer => return answer,
        }
    }
}
