//! A fuzzer for what strangers write: it runs wherever the unit tests do, on a stable compiler, with them.
//!
//! A target is a test that hands [`fuzz`] some inputs to begin with and a check of one input. The check panics if
//! something that always holds does not, and else says in a word what became of the input. An input that ended in a
//! way not seen before is kept and changed further: without the instruments of a compiler, that is what leads the
//! search into corners.
//!
//! Among the tests, a target tries [`INPUTS`] inputs, the same ones every time. To let all targets go on for ten
//! minutes each, on inputs that nobody has tried:
//!
//! ```sh
//! SAWT_FUZZ_SECS=600 cargo test --locked --lib fuzz
//! ```
//!
//! What fails is printed as a byte string, to be put among the target's seeds, where every test run tries it first.

use std::{
    collections::HashSet,
    hash::Hash,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

/// How many inputs a target tries in a run that is not told otherwise.
const INPUTS: u32 = 10_000;

/// The most inputs kept to change further.
const MAX_KEPT: usize = 4_096;

/// The longest input: longer than anything the targets read to its end.
const MAX_LEN: usize = 2_048;

/// Checks each seed, and then what becomes of them by changes: of bytes, of order, and by `words` that mean something
/// to the target.
///
/// # Panics
/// If the check does, naming the input.
pub(crate) fn fuzz<O: Eq + Hash>(seeds: &[&[u8]], words: &[&[u8]], mut check: impl FnMut(&[u8]) -> O) {
    let (deadline, mut numbers) = extent();
    let mut seen = HashSet::new();
    let mut kept: Vec<Vec<u8>> = Vec::new();
    let mut tried = 0_u32;
    loop {
        let input = match seeds.get(usize::try_from(tried).unwrap()) {
            Some(seed) => seed.to_vec(),
            None => numbers.changed(&kept, words),
        };
        let Ok(outcome) = catch_unwind(AssertUnwindSafe(|| check(&input))) else {
            panic!("after {tried} others, of b\"{}\"", input.escape_ascii());
        };
        let is_seed = kept.len() < seeds.len();
        if (seen.insert(outcome) || is_seed) && kept.len() < MAX_KEPT {
            kept.push(input);
        }
        tried += 1;
        let is_enough = deadline.map_or(tried >= INPUTS, |deadline| Instant::now() >= deadline);
        if is_enough && kept.len() >= seeds.len() {
            break;
        }
    }
    assert!(kept.len() > seeds.len(), "no change of a seed came to anything new");
}

/// Until when to go on, if the environment says how long; and where to begin.
#[expect(clippy::disallowed_methods, reason = "how long a test goes on is no setting of the service")]
fn extent() -> (Option<Instant>, Numbers) {
    let Ok(secs) = std::env::var("SAWT_FUZZ_SECS") else { return (None, Numbers(20_261_123)) };
    let secs = secs.parse().expect("SAWT_FUZZ_SECS is a number of seconds");
    let start = u64::from_be_bytes(crate::secret::random_bytes());
    (Some(Instant::now() + Duration::from_secs(secs)), Numbers(start))
}

/// A sequence of numbers (`SplitMix64`) that is the same on every machine.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 if there is none.
    fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap().max(1);
        usize::try_from(self.next() % end).unwrap()
    }

    /// Two places in a text of this length, in order.
    fn span(&mut self, len: usize) -> (usize, usize) {
        let (one, other) = (self.below(len + 1), self.below(len + 1));
        (one.min(other), one.max(other))
    }

    /// One of the inputs, changed one to eight times.
    fn changed(&mut self, inputs: &[Vec<u8>], words: &[&[u8]]) -> Vec<u8> {
        let mut input = inputs[self.below(inputs.len())].clone();
        for _ in 0..=self.below(8) {
            self.change(&mut input, inputs, words);
        }
        input.truncate(MAX_LEN);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>, inputs: &[Vec<u8>], words: &[&[u8]]) {
        let nth = self.below(input.len() + 1);
        let (start, end) = self.span(input.len());
        match self.below(8) {
            0 if nth < input.len() => input[nth] ^= 1 << self.below(8),
            1 if nth < input.len() => input[nth] = self.next().to_be_bytes()[0],
            2 => input.insert(nth, self.next().to_be_bytes()[0]),
            3 => drop(input.drain(start..end.min(start + 8))),
            4 => {
                let copy = input[start..end].to_vec();
                input.splice(nth..nth, copy);
            }
            5 => {
                let other = &inputs[self.below(inputs.len())];
                let (from, to) = self.span(other.len());
                input.splice(start..end, other[from..to].iter().copied());
            }
            6 => drop(input.splice(start..end.min(start + 8), words[self.below(words.len())].iter().copied())),
            _ => drop(input.splice(nth..nth, words[self.below(words.len())].iter().copied())),
        }
    }
}

#[test]
fn a_fuzzer_finds_what_one_change_would_not() {
    // Three steps from the seed, each of which says something new.
    let found = catch_unwind(|| {
        fuzz(&[b"abcd"], &[b"x"], |input| {
            let right = input.iter().zip(b"xyzd").take_while(|(one, other)| one == other).count();
            assert!(right < 3, "found");
            right
        });
    });
    assert!(found.is_err());
}
