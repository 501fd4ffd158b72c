//! The partitions of a poll's voters, and where a store puts each.

use std::sync::Arc;

/// How many partitions a poll's voters are divided into, at least one, and the suffix by which its store places each.
/// Only the store knows what suffixes mean. A poll keeps its partitions for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partitions {
    count: u16,
    suffixes: Option<Arc<[u16]>>,
}

impl Partitions {
    /// This many, without suffixes.
    pub fn unplaced(count: u16) -> Self {
        Self { count: count.max(1), suffixes: None }
    }

    /// One for each suffix; `None` if there are none, or too many to be numbered.
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
