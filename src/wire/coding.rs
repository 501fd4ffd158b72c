//! Compressing bodies (content codings, RFC 9110, section 8.4).
//!
//! Brotli comes first: browsers accept it, it has a dictionary of words and markup, Arabic too, and makes a script a
//! tenth smaller than gzip. Gzip is for programs and proxies that know no other.
//!
//! What stays the same is compressed once, with the greatest effort: a tenth of a second for the script. What is
//! written for one request, or changes with each vote, is compressed quickly: either makes a poll's page of 7 KB a
//! third of its size in half a millisecond on a busy machine.

use std::io::Write as _;

use brotli::enc::BrotliEncoderParams;
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Coding {
    /// Brotli (RFC 7932).
    Brotli,
    /// Gzip (RFC 1952).
    Gzip,
}

/// How long compressing may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// As long as it takes: it is done once.
    Most,
    /// Not long: it is done again and again.
    Little,
}

impl Coding {
    /// Every coding, best first.
    pub const ALL: [Self; 2] = [Self::Brotli, Self::Gzip];

    /// Its name in headers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// Bytes in this coding.
    pub fn compress(self, bytes: &[u8], effort: Effort) -> Bytes {
        // Writing to memory can't fail.
        match self {
            Self::Brotli => {
                // The encoder allocates the window: for a page no more than a page needs.
                let (quality, lgwin) = match effort {
                    Effort::Most => (11, 18),
                    Effort::Little => (4, 14),
                };
                let size_hint = bytes.len();
                let params = BrotliEncoderParams { quality, lgwin, size_hint, ..BrotliEncoderParams::default() };
                let mut compressed = Vec::new();
                let _ = brotli::BrotliCompress(&mut &*bytes, &mut compressed, &params);
                compressed.into()
            }
            Self::Gzip => {
                let level = match effort {
                    Effort::Most => Compression::best(),
                    Effort::Little => Compression::new(3),
                };
                let mut encoder = GzEncoder::new(Vec::new(), level);
                let _ = encoder.write_all(bytes);
                encoder.finish().unwrap_or_default().into()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn what_was_compressed_comes_back() {
        for text in [String::new(), "نعم".to_owned(), "هل تتوقع حل مجلس الأمة ؟ ".repeat(4_000)] {
            for effort in [Effort::Most, Effort::Little] {
                let mut back = String::new();
                let small = Coding::Brotli.compress(text.as_bytes(), effort);
                brotli::Decompressor::new(&small[..], 4096).read_to_string(&mut back).unwrap();
                assert_eq!(back, text);
                back.clear();
                let small = Coding::Gzip.compress(text.as_bytes(), effort);
                flate2::read::GzDecoder::new(&small[..]).read_to_string(&mut back).unwrap();
                assert_eq!(back, text);
            }
        }
    }
}
