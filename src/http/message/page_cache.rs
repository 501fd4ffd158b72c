//! Pages that were compressed a moment ago.
//!
//! To compress a page takes nine tenths of what a request for it executes, and readers of a poll get the same page
//! until its tally moves. So it is kept by the hash of what was compressed: whatever a page is made from, it can't be
//! an old one.
//!
//! What was asked for last is kept. Once so many bytes were added, what has not been asked for since is forgotten.

use actix_web::web::Bytes;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use crate::wire::coding::{Coding, Effort};

/// How many bytes are added before old ones go; twice as many are kept at the most. A page is some 3 KiB.
const MOST_ADDED: usize = 2 * 1024 * 1024;

/// The pages.
#[derive(Default)]
pub struct CompressedPages(Mutex<Generations>);

#[derive(Default)]
struct Generations {
    current: Pages,
    current_bytes: usize,
    previous: Pages,
}

/// By the hash of a page as it is, and how it was compressed.
type Pages = FxHashMap<([u8; 32], Coding), Bytes>;

impl CompressedPages {
    /// A page in this coding. The hash is the page's.
    pub(super) fn get_or_compress(&self, page: &str, hash: blake3::Hash, coding: Coding) -> Bytes {
        let key = (*hash.as_bytes(), coding);
        if let Some(known) = self.0.lock().find(&key) {
            return known;
        }
        // Not under the lock: it takes half a millisecond. Those who ask at the same time compress it for themselves.
        let compressed = coding.compress(page.as_bytes(), Effort::Little);
        self.0.lock().add(key, compressed.clone());
        compressed
    }
}

impl Generations {
    fn find(&mut self, key: &([u8; 32], Coding)) -> Option<Bytes> {
        if let Some(page) = self.current.get(key) {
            return Some(page.clone());
        }
        let page = self.previous.remove(key)?;
        self.add(*key, page.clone());
        Some(page)
    }

    fn add(&mut self, key: ([u8; 32], Coding), page: Bytes) {
        self.current_bytes += page.len();
        if self.current_bytes > MOST_ADDED {
            self.previous = std::mem::take(&mut self.current);
            self.current_bytes = page.len();
        }
        self.current.insert(key, page);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(pages: &CompressedPages, page: &str, coding: Coding) -> Bytes {
        pages.get_or_compress(page, blake3::hash(page.as_bytes()), coding)
    }

    #[test]
    fn a_page_is_compressed_once_as_long_as_it_is_asked_for() {
        let pages = CompressedPages::default();
        let first = get(&pages, "a page", Coding::Brotli);
        assert_eq!(first, Coding::Brotli.compress(b"a page", Effort::Little));
        let is_first = |pages: &CompressedPages| get(pages, "a page", Coding::Brotli).as_ptr() == first.as_ptr();
        assert!(is_first(&pages));
        assert_eq!(get(&pages, "a page", Coding::Gzip), Coding::Gzip.compress(b"a page", Effort::Little));
        assert_eq!(get(&pages, "another", Coding::Brotli), Coding::Brotli.compress(b"another", Effort::Little));
        // It is asked for now and then, and so it outlives many others.
        for number in 0..4 * MOST_ADDED / LARGE {
            pages.0.lock().add(([u8::try_from(number % 251).unwrap(); 32], Coding::Gzip), vec![0; LARGE].into());
            assert!(is_first(&pages), "{number}");
        }
    }

    const LARGE: usize = 64 * 1024;

    #[test]
    fn pages_take_no_more_memory_than_is_said() {
        let pages = CompressedPages::default();
        for number in 0..=u8::MAX {
            pages.0.lock().add(([number; 32], Coding::Gzip), vec![0; LARGE].into());
            let kept = pages.0.lock();
            let bytes: usize = kept.current.values().chain(kept.previous.values()).map(Bytes::len).sum();
            assert!(bytes <= 2 * MOST_ADDED, "{bytes} bytes");
        }
    }
}
