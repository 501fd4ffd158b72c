//! The [`Broker`]: messages between the replicas of one store.
//!
//! The store is the truth; the broker only spreads it sooner. Its rules:
//!
//! 1. **A message may be lost, late, out of order, or come twice.** Receivers must allow for that: a tally has a
//!    version, and the highest wins; a message about a poll only says that it must be read again. Those who rely on a
//!    poll also read it from the store from time to time.
//! 2. **After [`Received::Following`]** messages about a poll arrive unless something fails. Earlier ones may have been
//!    missed, so the poll must be read once. It comes again each time the connection was lost and is back.
//! 3. **Publishing never delays a vote.** Messages are published by a task of their own.
//! 4. **No queue is unbounded.** A receiver that can't keep up loses messages.
//!
//! The embedded store has no broker: one replica uses it.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::{StoreError, record};
use crate::poll::{
    IncidentCause, NetworkDigest, PartitionTally, PollId, Revision, SiteId, State, Timestamp, VoteTrace, Votes,
};

/// Carries messages between replicas. See the module.
#[async_trait]
pub trait Broker: Send + Sync {
    /// Sends a message to the other replicas, and to this one.
    async fn publish(&self, message: &Message) -> Result<(), StoreError>;

    /// Receives messages until one of the channels is closed: the tallies of polls that are followed, and everything
    /// else.
    async fn subscribe(&self, follow: mpsc::Receiver<Follow>, received: mpsc::Sender<Received>);
}

/// Starts or stops messages about a poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follow {
    /// Messages about this poll, from now on.
    Start(PollId),
    /// No more messages about this poll.
    Stop(PollId),
}

/// What a subscriber receives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    Message(Message),
    /// From now on messages about this poll arrive.
    Following(PollId),
}

/// A message from one replica to the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Partitions of a poll were voted in. Only those who follow the poll receive it.
    Tallies(Tallies),
    /// A poll was made, edited, opened, closed or deleted.
    Poll(PollId),
    /// A site's origins were replaced.
    Site(SiteId),
    /// What a replica has seen of votes in a poll.
    Votes(VotesSeen),
}

/// What a replica has seen of votes in a poll, within some seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VotesSeen {
    /// The replica, by a number that it has drawn.
    pub replica: u64,
    pub poll: PollId,
    /// The ballots that were counted.
    pub traces: Vec<VoteTrace>,
    /// How often the poll was seen.
    pub views: u16,
    /// What its detectors have found to go on.
    pub found: Vec<IncidentCause>,
}

/// Tallies of some partitions of a poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tallies {
    pub poll: PollId,
    /// The revision by whose options votes were counted.
    pub revision: Revision,
    /// Partitions and their tallies.
    pub partitions: Vec<(u16, PartitionTally)>,
}

impl Message {
    /// The message as JSON.
    pub(super) fn write(&self) -> Result<String, StoreError> {
        let record = match self {
            Self::Poll(poll) => Record::Poll(*poll),
            Self::Site(site) => Record::Site(site.clone()),
            Self::Votes(VotesSeen { replica, poll, traces, views, found }) => Record::Votes {
                replica: *replica,
                poll: *poll,
                traces: traces.iter().map(TraceRecord::of).collect(),
                views: *views,
                found: found.clone(),
            },
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

    /// Reads a message. A replica of another version may write it otherwise; then it counts as lost.
    pub(super) fn read(json: &[u8]) -> Result<Self, StoreError> {
        Ok(match record::read("a message", json)? {
            Record::Poll(poll) => Self::Poll(poll),
            Record::Site(site) => Self::Site(site),
            Record::Votes { replica, poll, traces, views, found } => {
                let traces = traces.into_iter().map(TraceRecord::into_trace).collect();
                Self::Votes(VotesSeen { replica, poll, traces, views, found })
            }
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
    Votes {
        replica: u64,
        poll: PollId,
        traces: Vec<TraceRecord>,
        views: u16,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        found: Vec<IncidentCause>,
    },
    Tallies {
        poll: PollId,
        revision: Revision,
        partitions: Vec<PartitionRecord>,
        /// One for each of those, unless all are 0. Not in their records, which an earlier version could not read then.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        epochs: Vec<u64>,
    },
}

/// When, in milliseconds, the network's mark, the option, for how many ballots it stands, and whether its voter is new.
#[derive(Serialize, Deserialize)]
struct TraceRecord(i64, NetworkDigest, u8, u16, #[serde(default)] bool);

impl TraceRecord {
    fn of(VoteTrace { at, network, option, ballots, is_by_new_voter }: &VoteTrace) -> Self {
        Self(at.as_millis(), *network, *option, *ballots, *is_by_new_voter)
    }

    fn into_trace(self) -> VoteTrace {
        let Self(at, network, option, ballots, is_by_new_voter) = self;
        VoteTrace { at: Timestamp::from_millis(at), network, option, ballots, is_by_new_voter }
    }
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
    fn messages_are_read_as_they_were_written() {
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
            |partitions| Message::Tallies(Tallies { poll: PollId::generate(), revision: Revision(3), partitions });
        let (usual, later) = (tallies(vec![(5, tally.clone())]), tallies(vec![(5, tally), (6, raised)]));
        assert!(!usual.write().unwrap().contains("epochs"), "replicas of an earlier version go on reading it");
        let at = Timestamp::from_millis(1_800_000_000_123);
        let trace = VoteTrace { at, network: NetworkDigest(u32::MAX), option: 31, ballots: 7, is_by_new_voter: true };
        let seen = VotesSeen {
            replica: u64::MAX,
            poll: PollId::generate(),
            traces: vec![trace; 2],
            views: 3,
            found: Vec::new(),
        };
        let finds = VotesSeen { traces: Vec::new(), found: vec![IncidentCause::EvenGaps], ..seen.clone() };
        let rare = [Message::Poll(PollId::generate()), Message::Site(SiteId::default())];
        let rare = rare.into_iter().chain([seen, finds].map(Message::Votes));
        for message in rare.chain([usual, later]) {
            assert_eq!(Message::read(message.write().unwrap().as_bytes()).unwrap(), message);
        }
        for strange in ["", "{}", "null", r#"{"later":1}"#, r#"{"poll":"x"}"#] {
            assert!(Message::read(strange.as_bytes()).is_err(), "{strange}");
        }
    }
}
