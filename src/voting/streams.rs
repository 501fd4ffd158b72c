//! Event streams: who may open one, what they see of each poll, and when a waiting voter sees more.

use std::{rc::Rc, sync::Arc};

use super::{Asker, TallyForViewer, Voting};
use crate::{
    live::{BallotLookup, Newest, RequestedPoll, Stream, StreamPermit, StreamReader, StreamRefusal},
    poll::{PollId, Viewer, VoterDigest, VoterId},
    quota::Subject,
    wire::ReaderPosition,
};

/// What a reader shows of a poll that they ask to follow.
pub struct StreamRequest {
    /// Which.
    pub id: PollId,
    /// How far they have come.
    pub seen: Option<ReaderPosition>,
    /// Whether they have that tally, and need not be sent it again.
    pub has_it: bool,
    /// Whether they want a mark of it.
    pub wants_mark: bool,
}

/// A stream that may be opened: who reads it, and what it begins with.
pub struct StreamPlan {
    permit: StreamPermit,
    reader: StreamReader,
    polls: Vec<RequestedPoll>,
}

impl Voting {
    /// Admits a client's stream. Call it before the store is asked anything: permits are scarce.
    ///
    /// # Errors
    /// [`StreamRefusal`]: no more streams may be open.
    pub fn admit_stream(&self, client: Subject) -> Result<StreamPermit, StreamRefusal> {
        self.replica.stream_limiter.admit(client)
    }

    /// Finds out what a reader sees of the polls they ask for; `None` if they see none of them. Their key counts only
    /// if it is [known](Asker::known_publisher) already.
    ///
    /// # Errors
    /// What finding out who they are failed with; what the store failed with, if nothing is known of a poll.
    pub async fn plan_stream<A: Asker>(
        &self,
        permit: StreamPermit,
        asker: &A,
        requests: Vec<StreamRequest>,
    ) -> Result<Option<StreamPlan>, A::Error> {
        let mut viewed = Vec::with_capacity(requests.len());
        for request in requests {
            let view = self.tally_for(asker, request.id, request.seen).await?;
            viewed.push((request, view));
        }
        if viewed.iter().all(|(_, view)| view.is_none()) {
            return Ok(None);
        }
        self.plan_viewed(permit, asker, viewed).map(Some)
    }

    /// A stream of what its reader was found to see.
    pub(super) fn plan_viewed<A: Asker>(
        &self,
        permit: StreamPermit,
        asker: &A,
        viewed: Vec<(StreamRequest, Option<TallyForViewer>)>,
    ) -> Result<StreamPlan, A::Error> {
        let mut voter = None;
        let mut polls = Vec::with_capacity(viewed.len());
        for (StreamRequest { id, seen, has_it, wants_mark }, view) in viewed {
            let Some(TallyForViewer { newest: Newest { snapshot, is_behind }, viewer }) = view else {
                let viewer = Viewer::Everyone;
                polls.push(RequestedPoll { id, newest: None, seen, has_it, is_behind: false, viewer, wants_mark });
                continue;
            };
            // Their voter matters even if nobody sees the tally now: the poll's policy may change.
            if viewer != Viewer::Publisher && snapshot.least_viewer() > Viewer::Everyone {
                voter = asker.voter()?;
            }
            polls.push(RequestedPoll { id, newest: Some(snapshot), seen, has_it, is_behind, viewer, wants_mark });
        }
        let has_key = asker.known_publisher().is_some();
        let reader = StreamReader { ballot_lookup: voter.map(|voter| self.ballot_lookup(voter)), has_key };
        Ok(StreamPlan { permit, reader, polls })
    }

    /// Opens a stream.
    pub fn open_stream(&self, StreamPlan { permit, reader, polls }: StreamPlan) -> Stream {
        self.streams.open(permit, reader, polls, self.replica.clock.now())
    }

    /// Looks up whether this voter has a ballot. If the store does not answer, the look-up says no, and is made again
    /// after the next vote.
    fn ballot_lookup(&self, voter: VoterId) -> BallotLookup {
        let store = Arc::clone(&self.others);
        Rc::new(move |poll| {
            let store = Arc::clone(&store);
            Box::pin(async move { matches!(store.ballot(&poll, VoterDigest::of(&voter, &poll)).await, Ok(Some(_))) })
        })
    }
}
