//! Receipts: that a reader's ballot is recorded in a closed poll.
//!
//! A tree is made again when somebody asks, once for all who do, and is kept as long as there is room. Its root must be the
//! one that the log has.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::Semaphore;

use super::{
    LogLeaf, Opens, ProofError, TransparencyLog,
    ballot_tree::{BallotOpenings, BallotTree, read_tree},
    names,
};
use crate::{
    poll::{Poll, PollId, Timestamp, VoterDigest},
    store::{SharedRead, Store, StoreError, shared_read},
    tlog::Opening,
};

/// How long somebody waits for a tree. It is made all the same, for those who ask later.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// The trees of so many ballots are kept, some 70 bytes each, those that are being made among them; and a lone one in any case.
const MOST_KEPT: u64 = 1_000_000;

/// That a ballot is recorded.
#[derive(Debug, Clone, Serialize)]
pub struct BallotReceipt {
    /// What kind of file this is.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The ballot, with its salt.
    pub ballot: Opening,
    /// Its place among the poll's ballots.
    pub index: u64,
    /// What leads from it to the root of them all, in base64.
    pub path: Vec<String>,
    /// That this root is in the site's log.
    pub proof: String,
}

/// What a receipt says it is.
const RECEIPT_TYPE: &str = "sawt.receipt/v1";

type TreeRead = SharedRead<Arc<BallotTree>>;

/// The trees that a replica has made, or is making; the newest last.
pub(super) struct BallotTrees {
    kept: Mutex<Vec<KeptTree>>,
    reading: Arc<Semaphore>,
}

struct KeptTree {
    /// A poll of an article may go and come again.
    of: (PollId, Timestamp),
    /// How many the log says there are: it takes room from the beginning.
    ballots: u64,
    tree: TreeRead,
}

impl Default for BallotTrees {
    fn default() -> Self {
        Self { kept: Mutex::default(), reading: Arc::new(Semaphore::new(1)) }
    }
}

impl BallotTrees {
    /// The tree of a poll's ballots, of which there are so many; `None` if there is no room for it while others are being
    /// made.
    fn get(&self, store: &Arc<dyn Store>, poll: &Arc<Poll>, ballots: u64) -> Option<TreeRead> {
        let mut kept = self.kept.lock();
        kept.retain(|kept| !matches!(kept.tree.peek(), Some(Err(_))));
        let which = (poll.id, poll.created_at);
        if let Some(kept) = kept.iter().find(|kept| kept.of == which) {
            return Some(kept.tree.clone());
        }
        make_room(&mut kept, ballots)?;
        let (store, of, reading) = (Arc::clone(store), Arc::clone(poll), Arc::clone(&self.reading));
        let read = async move {
            let _one_at_a_time = reading.acquire().await;
            let tree = read_tree(&*store, &of, async || Ok(())).await.map_err(Arc::new)?;
            tree.map(Arc::new).ok_or_else(|| Arc::new(StoreError::unavailable("the poll was deleted meanwhile")))
        };
        let tree = shared_read(read);
        kept.push(KeptTree { of: which, ballots, tree: tree.clone() });
        tokio::spawn(tree.clone());
        Some(tree)
    }

    /// Drops a tree that was read.
    fn forget(&self, tree: &Arc<BallotTree>) {
        let is_it = |kept: &TreeRead| matches!(kept.peek(), Some(Ok(kept)) if Arc::ptr_eq(kept, tree));
        self.kept.lock().retain(|kept| !is_it(&kept.tree));
    }
}

/// Drops the oldest until there is room for one of so many ballots; `None` if those that are being made leave none.
fn make_room(kept: &mut Vec<KeptTree>, ballots: u64) -> Option<()> {
    while kept.iter().map(|kept| kept.ballots).fold(0, u64::saturating_add) > MOST_KEPT.saturating_sub(ballots) {
        let oldest = kept.iter().position(|kept| kept.tree.peek().is_some())?;
        drop(kept.remove(oldest));
    }
    Some(())
}

impl TransparencyLog {
    /// That a voter's ballot is recorded; `None` if they have none, or the log does not say yet which ballots the poll has,
    /// or never does.
    ///
    /// # Errors
    /// [`ProofError::Busy`]; what the store failed with.
    pub async fn receipt(&self, poll: &Arc<Poll>, voter: VoterDigest) -> Result<Option<BallotReceipt>, ProofError> {
        let site = &poll.site;
        let notes = self.notes(site, poll.id).await?;
        // The poll of an article may have come again: what is noted is of the one before it, until the next round.
        let is_of_another = notes.final_figure.is_some_and(|logged| logged.made_at != poll.created_at);
        let Some(place) = notes.ballots.filter(|_| !is_of_another) else { return Ok(None) };
        if !self.published(site).await?.is_some_and(|head| head.has(place)) {
            return Ok(None);
        }
        let leaf: Option<LogLeaf> = self.file(site, "a leaf", names::leaf(place)).await?;
        let Some(leaf) = leaf.filter(|leaf| leaf.opens != Opens::Never) else { return Ok(None) };
        let Some(counters) = self.store.ballot(poll, voter).await? else { return Ok(None) };
        let logged: serde_json::Value = serde_json::from_str(&leaf.opening.statement).unwrap_or_default();
        let ballots = logged.get("ballots").and_then(serde_json::Value::as_u64).unwrap_or(MOST_KEPT);
        let tree = self.replica.trees.get(&self.store, poll, ballots).ok_or(ProofError::Busy)?;
        let tree = tokio::time::timeout(LONGEST_WAIT, tree).await.map_err(|_| ProofError::Busy)?;
        let tree = tree.map_err(|error| ProofError::Store(StoreError::unavailable(error)))?;
        if logged.get("root").and_then(|root| root.as_str()) != Some(&STANDARD.encode(tree.root())) {
            // Whoever asks next has it read anew.
            self.replica.trees.forget(&tree);
            return Err(ProofError::Internal("a closed poll's ballots are not those that are in the log"));
        }
        let ballot = BallotOpenings::of(poll).opening(voter.field, counters);
        let Some((index, path)) = tree.find(&ballot) else { return Ok(None) };
        let path = path.iter().map(|hash| STANDARD.encode(hash)).collect();
        let proof = self.log_proof(site, place, leaf.opening).await?.to_string();
        Ok(Some(BallotReceipt { kind: RECEIPT_TYPE, ballot, index, path, proof }))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn kept(ballots: u64, is_made: bool) -> KeptTree {
        let read = async move {
            if !is_made {
                std::future::pending::<()>().await;
            }
            Err(Arc::new(StoreError::unavailable("any")))
        };
        let tree = shared_read(read);
        let _ = tree.clone().now_or_never();
        KeptTree { of: (PollId::generate(), Timestamp::EARLIEST), ballots, tree }
    }

    #[test]
    fn trees_that_are_being_made_take_room_too_and_are_not_dropped_for_another() {
        let left = |trees: &[(u64, bool)], ballots| {
            let mut all: Vec<KeptTree> = trees.iter().map(|(ballots, is_made)| kept(*ballots, *is_made)).collect();
            make_room(&mut all, ballots).map(|()| all.iter().map(|kept| kept.ballots).collect::<Vec<_>>())
        };
        assert_eq!(left(&[(400_000, true), (300_000, false)], 300_000), Some(vec![400_000, 300_000]));
        assert_eq!(left(&[(400_000, true), (300_000, false)], 300_001), Some(vec![300_000]));
        assert_eq!(left(&[(300_000, false), (400_000, true), (1, true)], 300_001), Some(vec![300_000, 1]));
        assert_eq!(left(&[(400_000, false), (600_000, false)], 1), None, "none is dropped that somebody waits for");
        assert_eq!(left(&[(9, true)], u64::MAX), Some(vec![]), "a lone one is made in any case");
    }
}
