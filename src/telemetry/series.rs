//! Numbers by labels, cheap to count.
//!
//! Every request counts in a few series, and every vote in one more. The `Family` of `prometheus-client`, a map behind
//! a lock, executes 630 instructions to count and time a request, where this executes 390; all that a vote counts would
//! be a fiftieth dearer with it. That alone would not be worth a table of our own, but workers would also wait for one
//! another at its lock, and nothing bounds it. The label sets of this service are few and never removed, so each family
//! is a table of fixed size that only fills: finding a series is one fast hash and a look or two, without a lock and
//! without an allocation, and no client can make it grow. Once a table is full, whatever else comes is counted under
//! the label value `other`.

use std::{
    hash::{Hash as _, Hasher as _},
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use rustc_hash::FxHasher;

/// Label sets a family holds. The routes, methods and statuses in use make about 150.
const SERIES: usize = 512;

/// A family of numbers, one per set of `N` label values.
#[derive(Debug)]
pub(super) struct Family<const N: usize, V> {
    slots: Box<[OnceLock<Series<N, V>>]>,
    overflow: Series<N, V>,
    make: fn() -> V,
}

/// One of its numbers.
#[derive(Debug)]
pub(super) struct Series<const N: usize, V> {
    pub(super) labels: [Box<str>; N],
    pub(super) value: V,
}

impl<const N: usize, V> Family<N, V> {
    /// An empty family; `make` begins a number.
    pub(super) fn new(make: fn() -> V) -> Self {
        let overflow = Series { labels: std::array::from_fn(|_| "other".into()), value: make() };
        Self { slots: (0..SERIES).map(|_| OnceLock::new()).collect(), overflow, make }
    }

    /// The number with these labels.
    pub(super) fn get(&self, labels: [&str; N]) -> &V {
        let mut hasher = FxHasher::default();
        labels.hash(&mut hasher);
        let start = usize::try_from(hasher.finish() >> 32).unwrap_or_default() % SERIES;
        let (before, after) = self.slots.split_at(start);
        for slot in after.iter().chain(before) {
            let series = slot.get_or_init(|| Series { labels: labels.map(Into::into), value: (self.make)() });
            if series.labels.iter().zip(labels).all(|(mine, wanted)| **mine == *wanted) {
                return &series.value;
            }
        }
        &self.overflow.value
    }

    /// Every number there is.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Series<N, V>> {
        let is_full = self.slots.iter().all(|slot| slot.get().is_some());
        self.slots.iter().filter_map(OnceLock::get).chain(is_full.then_some(&self.overflow))
    }
}

/// How values spread: one count per bucket, and their sum.
#[derive(Debug)]
pub(super) struct Spread {
    /// The upper bounds (included) of all buckets but the last, which has none.
    bounds: &'static [u64],
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

impl Spread {
    pub(super) fn new(bounds: &'static [u64]) -> Self {
        Self { bounds, counts: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(), sum: AtomicU64::new(0) }
    }

    pub(super) fn observe(&self, value: u64) {
        let bucket = self.bounds.iter().take_while(|bound| **bound < value).count();
        if let Some(count) = self.counts.get(bucket) {
            count.fetch_add(1, Relaxed);
        }
        self.sum.fetch_add(value, Relaxed);
    }

    /// How many values were observed.
    pub(super) fn count(&self) -> u64 {
        self.counts.iter().map(|count| count.load(Relaxed)).sum()
    }

    /// The sum of all values.
    pub(super) fn sum(&self) -> u64 {
        self.sum.load(Relaxed)
    }

    /// Each bucket's upper bound, `None` for the last, and its own count.
    pub(super) fn buckets(&self) -> impl Iterator<Item = (Option<u64>, u64)> {
        let bounds = self.bounds.iter().copied().map(Some).chain([None]);
        bounds.zip(self.counts.iter().map(|count| count.load(Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_keeps_its_series_apart_and_never_grows_beyond_its_table() {
        let family: Family<2, AtomicU64> = Family::new(|| AtomicU64::new(0));
        for number in 0..SERIES + 10 {
            let name = number.to_string();
            family.get(["a", &name]).fetch_add(1, Relaxed);
            family.get(["a", &name]).fetch_add(1, Relaxed);
        }
        let counted = |series: &Series<2, AtomicU64>| series.value.load(Relaxed);
        assert_eq!(family.iter().filter(|series| &*series.labels[1] != "other").count(), SERIES);
        assert!(family.iter().filter(|series| &*series.labels[1] != "other").all(|series| counted(series) == 2));
        assert_eq!(family.iter().last().map(counted), Some(20));
    }

    #[test]
    fn a_bound_belongs_to_its_bucket() {
        let spread = Spread::new(&[1, 10]);
        for value in [0, 1, 2, 10, 11, 1000] {
            spread.observe(value);
        }
        assert_eq!(spread.buckets().collect::<Vec<_>>(), [(Some(1), 2), (Some(10), 2), (None, 2)]);
        assert_eq!((spread.count(), spread.sum()), (6, 1024));
    }
}
