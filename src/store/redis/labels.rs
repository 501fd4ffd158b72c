//! Ballots by their labels: what editors decide by.

use futures_util::future::try_join_all;

use super::{RedisStore, keys, script::Call};
use crate::{
    poll::{Label, LabelSet, LabelTally, PartitionLabels, Poll, Revision},
    store::StoreError,
};

impl RedisStore {
    pub(super) async fn read_labels(&self, poll: &Poll) -> Result<Option<Vec<PartitionLabels>>, StoreError> {
        let partitions = (0..poll.partitions.count()).map(|partition| self.read_labels_of(poll, partition));
        Ok(try_join_all(partitions).await?.into_iter().collect())
    }

    /// Whether any ballot is on record, also one that does not count.
    pub(super) async fn has_ballots(&self, poll: &Poll) -> Result<Option<bool>, StoreError> {
        let partitions = self.read_labels(poll).await?;
        Ok(partitions.map(|partitions| partitions.iter().any(|partition| partition.ballots() > 0)))
    }

    async fn read_labels_of(&self, poll: &Poll, partition: u16) -> Result<Option<PartitionLabels>, StoreError> {
        let (tally, minutes) = (keys::tally(poll, partition), keys::minutes(poll, partition));
        let counters = poll.counters();
        let counter_count = counters.to_string();
        let call = Call::new(&self.scripts.labels, &[tally.as_bytes(), minutes.as_bytes()]);
        let mut reply = call.arg(counter_count.as_bytes()).send(&self.link).await?;
        let Some(revision) = reply.number_if_there()?.map(Revision) else { return Ok(None) };
        let uncounted = LabelSet::from_bits(reply.number()?);
        let corrupt = || StoreError::Corrupt(format!("the labels of poll {}, partition {partition}", poll.id));
        let mut labels: Vec<LabelTally> = Vec::new();
        while let Some(label) = reply.next_number()? {
            let label = Label::from_number(label).ok_or_else(corrupt)?;
            let (ballots, votes) = (reply.number()?, (0..counters).map(|_| reply.number()).collect::<Result<_, _>>()?);
            labels.push(LabelTally { label, ballots, votes });
        }
        // First comes all that counts. Without what labels add to it, that is the clean ballots.
        let (clean, others) = labels.split_first_mut().ok_or_else(corrupt)?;
        for other in others.iter().filter(|other| !uncounted.has(other.label)) {
            clean.take_out(other).ok_or_else(corrupt)?;
        }
        Ok(Some(PartitionLabels { revision, labels }))
    }
}
