//! The slices that a poll's voters fall into, and where a store lets each of them lie.

use std::sync::Arc;

/// How many independent slices a poll's voters fall into, at least one; and what its store adds to the name of each, so
/// that it comes to lie where the store wants it, which means nothing to anybody else. A poll keeps those it was
/// created with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partitions {
    count: u16,
    suffixes: Option<Arc<[u16]>>,
}

impl Partitions {
    /// So many, with nothing added to their names.
    pub fn unplaced(count: u16) -> Self {
        Self { count: count.max(1), suffixes: None }
    }

    /// One for each suffix; `None` if there are none, or more than can be numbered.
    pub fn placed(suffixes: impl Into<Arc<[u16]>>) -> Option<Self> {
        let suffixes = suffixes.into();
        let count = u16::try_from(suffixes.len()).ok().filter(|count| *count > 0)?;
        Some(Self { count, suffixes: Some(suffixes) })
    }

    /// How many there are.
    pub fn count(&self) -> u16 {
        self.count
    }

    /// The suffix of each; `None` if their names have none.
    pub fn suffixes(&self) -> Option<&[u16]> {
        self.suffixes.as_deref()
    }

    /// One partition's suffix.
    pub fn suffix(&self, partition: u16) -> Option<u16> {
        self.suffixes()?.get(usize::from(partition)).copied()
    }
}
