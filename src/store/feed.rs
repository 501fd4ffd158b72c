//! What replicas on one store tell each other, besides what the store holds: the [`Feed`].
//!
//! The store is the truth; the feed only makes it known sooner. So these are its rules:
//!
//! 1. **News may be lost, late, out of order, or told twice.** Whoever takes them in must bear all of that: a tally
//!    says its version, and the highest wins; news of a poll only say that it is to be read again. Whoever relies on a
//!    poll reads it from the store besides, from time to time.
//! 2. **From [`Heard::Following`] on** news of a poll get here as long as all goes well. What was told before may have
//!    been missed, so the poll is to be read once. It is heard again whenever the way was cut and is whole again.
//! 3. **Telling never holds up a vote.** News are told by a task of their own.
//! 4. **Nothing waits without bound.** Who can't keep up loses news.
//!
//! The embedded store has no feed: one replica uses it.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::{StoreError, record};
use crate::poll::{PartitionTally, PollId, Revision, SiteId, State, Timestamp, Votes};

/// A way between replicas. See the module.
#[async_trait]
pub trait Feed: Send + Sync {
    /// Tells the other replicas, and this one.
    async fn tell(&self, news: &News) -> Result<(), StoreError>;

    /// Listens until nobody follows or hears any more: to news of the polls that are followed, and to all others.
    async fn listen(&self, follow: mpsc::Receiver<Follow>, heard: mpsc::Sender<Heard>);
}

/// Which polls a replica wants to hear of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follow {
    /// Of this one, from now on.
    Start(PollId),
    /// No more of this one.
    Stop(PollId),
}

/// What a listener hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// Somebody told this.
    News(News),
    /// From now on news of a poll get here.
    Following(PollId),
}

/// What one replica tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// Partitions of a poll were voted in. Only those who follow the poll hear it.
    Tallies(Tallies),
    /// A poll was made, edited, opened, closed or deleted.
    Poll(PollId),
    /// A site's origins were replaced.
    Site(SiteId),
}

/// Tallies of some partitions of a poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tallies {
    /// The poll.
    pub poll: PollId,
    /// The revision by whose options votes were counted.
    pub revision: Revision,
    /// Partitions and their tallies.
    pub partitions: Vec<(u16, PartitionTally)>,
}

impl News {
    /// The news as JSON.
    pub(super) fn write(&self) -> Result<String, StoreError> {
        let record = match self {
            Self::Poll(poll) => Record::Poll(*poll),
            Self::Site(site) => Record::Site(site.clone()),
            Self::Tallies(Tallies { poll, revision, partitions }) => {
                let epochs = partitions.iter().map(|(_, tally)| tally.epoch);
                Record::Tallies {
                    poll: *poll,
                    revision: *revision,
                    partitions: partitions.iter().map(PartitionRecord::of).collect(),
                    epochs: if epochs.clone().all(|epoch| epoch == 0) { Vec::new() } else { epochs.collect() },
                }
            }
        };
        record::write(&record)
    }

    /// The news written so. A replica of another version may write otherwise: then it is as if they were lost.
    pub(super) fn read(json: &[u8]) -> Result<Self, StoreError> {
        Ok(match record::read("news", json)? {
            Record::Poll(poll) => Self::Poll(poll),
            Record::Site(site) => Self::Site(site),
            Record::Tallies { poll, revision, partitions, epochs } => {
                let epochs = epochs.into_iter().chain(std::iter::repeat(0));
                let tally = |(partition, epoch): (PartitionRecord, u64)| partition.into_tally(revision, epoch);
                let partitions = partitions.into_iter().zip(epochs).map(tally).collect();
                Self::Tallies(Tallies { poll, revision, partitions })
            }
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Record {
    Poll(PollId),
    Site(SiteId),
    Tallies {
        poll: PollId,
        revision: Revision,
        partitions: Vec<PartitionRecord>,
        /// One for each of those, unless all are 0. Not in their records, which an earlier version could not read then.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        epochs: Vec<u64>,
    },
}

/// Partition, version, ballots, state, `as_of` in milliseconds, and votes by counter.
#[derive(Serialize, Deserialize)]
struct PartitionRecord(u16, u64, u64, State, i64, Vec<u64>);

impl PartitionRecord {
    fn of((partition, tally): &(u16, PartitionTally)) -> Self {
        let PartitionTally { version, ballots, votes, state, as_of, .. } = tally;
        Self(*partition, *version, *ballots, *state, as_of.as_millis(), votes.to_vec())
    }

    fn into_tally(self, revision: Revision, epoch: u64) -> (u16, PartitionTally) {
        let Self(partition, version, ballots, state, as_of, votes) = self;
        let (votes, as_of) = (Votes::from_vec(votes), Timestamp::from_millis(as_of));
        (partition, PartitionTally { revision, epoch, version, ballots, votes, state, as_of })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_are_read_as_they_were_written() {
        let tally = PartitionTally {
            revision: Revision(3),
            epoch: 0,
            version: 17,
            ballots: 12,
            votes: [9, 3].as_slice().into(),
            state: State::Open,
            as_of: Timestamp::from_millis(1_800_000_000_123),
        };
        let raised = PartitionTally { epoch: 2, ..tally.clone() };
        let tallies =
            |partitions| News::Tallies(Tallies { poll: PollId::generate(), revision: Revision(3), partitions });
        let (usual, later) = (tallies(vec![(5, tally.clone())]), tallies(vec![(5, tally), (6, raised)]));
        assert!(!usual.write().unwrap().contains("epochs"), "replicas of an earlier version go on reading it");
        for news in [News::Poll(PollId::generate()), News::Site(SiteId::default()), usual, later] {
            assert_eq!(News::read(news.write().unwrap().as_bytes()).unwrap(), news);
        }
        for strange in ["", "{}", "null", r#"{"later":1}"#, r#"{"poll":"x"}"#] {
            assert!(News::read(strange.as_bytes()).is_err(), "{strange}");
        }
    }
}
