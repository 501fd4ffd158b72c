//! Quotas that all replicas share.

use std::{fmt, num::NonZeroU32, time::Duration};

use async_trait::async_trait;

use super::StoreError;
use crate::secret::hex;

/// Quotas that all replicas share.
#[async_trait]
pub trait Quotas: Send + Sync {
    /// Takes tokens of a quota that all replicas share: all that are asked for, or none.
    async fn take_quota(&self, request: &TokenRequest) -> Result<TokenReply, StoreError>;
}

/// Tokens asked for.
#[derive(Debug, Clone)]
pub struct TokenRequest {
    /// The quota's name, one word. Quotas of different names are independent.
    pub name: &'static str,
    /// Who it is counted for.
    pub key: QuotaKey,
    /// The most tokens at once, and how many come back in a window.
    pub limit: NonZeroU32,
    /// The window, in seconds.
    pub window_secs: NonZeroU32,
    /// How many are asked for, at most `limit`.
    pub quantity: NonZeroU32,
}

impl TokenRequest {
    /// How long one token takes to come back: in whole microseconds, rounded up, so that no more come back in a window
    /// than the limit says.
    pub fn period_micros(&self) -> u64 {
        (u64::from(self.window_secs.get()) * 1_000_000).div_ceil(u64::from(self.limit.get()))
    }
}

/// Who a shared quota is counted for: a hash that every replica computes alike and nobody else can compute.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct QuotaKey([u8; 16]);

impl QuotaKey {
    /// A hash's first 16 bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// 32 hexadecimal digits.
    pub fn to_hex(self) -> String {
        hex(&self.0)
    }
}

impl fmt::Debug for QuotaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("QuotaKey(…)")
    }
}

/// The outcome of a [`TokenRequest`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenReply {
    /// All tokens asked for were taken.
    Granted,
    /// No token was taken: there will not be enough before this time has passed.
    Refused {
        /// How long from now, by the store's clock; never zero.
        wait: Duration,
    },
}
