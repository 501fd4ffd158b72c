//! A file that changes only with the program: a part of a page, or a document. It is compressed once in each coding,
//! when it is first needed.

use std::sync::OnceLock;

use bytes::Bytes;

use super::coding::{Coding, Effort};

/// One file, as it is served.
#[derive(Debug)]
pub struct StaticFile {
    media_type: &'static str,
    hash: String,
    effort: Effort,
    bytes: Bytes,
    brotli: OnceLock<Bytes>,
    gzip: OnceLock<Bytes>,
}

impl StaticFile {
    /// A file of this media type; `effort` is for compressing.
    pub fn new(media_type: &'static str, bytes: impl Into<Bytes>, effort: Effort) -> Self {
        let bytes = bytes.into();
        let hash = blake3::hash(&bytes).to_hex().to_string();
        Self { media_type, hash, effort, bytes, brotli: OnceLock::new(), gzip: OnceLock::new() }
    }

    pub fn media_type(&self) -> &'static str {
        self.media_type
    }

    /// A hash of its bytes.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Its bytes.
    pub fn as_it_is(&self) -> Bytes {
        self.bytes.clone()
    }

    /// Its bytes in this coding.
    pub fn by(&self, coding: Coding) -> Bytes {
        let kept = match coding {
            Coding::Brotli => &self.brotli,
            Coding::Gzip => &self.gzip,
        };
        kept.get_or_init(|| coding.compress(&self.bytes, self.effort)).clone()
    }
}
