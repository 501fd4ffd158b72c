//! Who may see a tally. The rule is [`ResultsPolicy::shows`](crate::poll::ResultsPolicy::shows); this module finds out
//! as whom somebody looks.
//!
//! Most tallies are for everyone, and then it does not matter who asks. Where it matters, the voter's ballot is looked
//! up before the key, because that costs less. A key that was already looked up comes first, since it shows most.

use std::sync::Arc;

use super::{VoteError, Voting};
use crate::{
    live::{Newest, PollWithSite, Snapshot},
    poll::{PollId, Viewer, VoterId},
    site::{Publisher, Scope},
    wire::ReaderPosition,
};

/// Somebody who asks for a tally. Who they are is looked up only if it matters.
pub trait Asker {
    /// What finding out who they are may fail with.
    type Error: From<VoteError>;

    /// The publisher they are, if their key was looked up already.
    fn known_publisher(&self) -> Option<&Publisher> {
        None
    }

    /// The publisher they are, if they show a key that was not looked up yet.
    fn publisher(&self) -> impl Future<Output = Result<Option<Publisher>, Self::Error>>;

    /// The voter they are, if they show a token.
    ///
    /// # Errors
    /// They show one that is not valid.
    fn voter(&self) -> Result<Option<VoterId>, Self::Error>;
}

/// A poll's tally, and as whom somebody looks at it.
pub struct TallyView {
    /// The tally, with its poll.
    pub newest: Newest,
    /// As whom. The lowest of all that they are which shows them the tally; but a publisher whose key was already
    /// looked up is the publisher.
    pub viewer: Viewer,
}

impl TallyView {
    /// Whether the tally is shown.
    pub fn is_shown(&self) -> bool {
        let Snapshot { poll, tally, .. } = &*self.newest.snapshot;
        poll.results.shows(self.viewer, tally.state)
    }

    /// The tally, and as whom its reader sees it: caches may share what is shown to [`Viewer::Everyone`].
    ///
    /// # Errors
    /// [`VoteError::Hidden`]; [`VoteError::Behind`].
    pub fn shown(self) -> Result<(Arc<Snapshot>, Viewer), VoteError> {
        if !self.is_shown() {
            return Err(VoteError::Hidden(self.newest.snapshot.poll.results));
        }
        if self.newest.is_behind {
            return Err(VoteError::Behind);
        }
        Ok((self.newest.snapshot, self.viewer))
    }
}

impl Voting {
    /// A poll's newest tally, and as whom somebody looks at it; `None` if there is no such poll, for them. `seen` is
    /// how far they have come already.
    ///
    /// # Errors
    /// What finding out who they are failed with; what the store failed with, if nothing is known of the poll.
    pub async fn view<A: Asker>(
        &self,
        asker: &A,
        id: PollId,
        seen: Option<ReaderPosition>,
    ) -> Result<Option<TallyView>, A::Error> {
        // Boxed, since few get there: keeps the common future small.
        let Some(newest) = self.replica.hub.read(&self.others, id, seen).await.map_err(VoteError::from)? else {
            return Box::pin(self.view_draft(asker, id)).await;
        };
        let Snapshot { poll, tally, .. } = &*newest.snapshot;
        let viewer = if asker.known_publisher().is_none() && poll.results.shows(Viewer::Everyone, tally.state) {
            Viewer::Everyone
        } else {
            Box::pin(self.viewer(asker, &newest.snapshot)).await?
        };
        Ok(Some(TallyView { newest, viewer }))
    }

    /// A poll's newest tally, if this viewer sees it. For one they may not see, the store is not called.
    ///
    /// # Errors
    /// [`VoteError::NoPoll`]; what the store failed with, if nothing is known of the tally.
    pub async fn visible(
        &self,
        viewer: Viewer,
        known: &PollWithSite,
        seen: Option<ReaderPosition>,
    ) -> Result<Option<Arc<Snapshot>>, VoteError> {
        let poll = &known.poll;
        if !poll.results.shows(viewer, poll.state_at(self.replica.clock.now())) {
            return Ok(None);
        }
        let newest = self.replica.hub.read(&self.others, poll.id, seen).await?.ok_or(VoteError::NoPoll)?;
        let view = TallyView { newest, viewer };
        Ok(view.is_shown().then_some(view.newest.snapshot))
    }

    pub(super) async fn viewer<A: Asker>(
        &self,
        asker: &A,
        Snapshot { poll, tally, .. }: &Snapshot,
    ) -> Result<Viewer, A::Error> {
        let is_its = |publisher: &Publisher| publisher.may(Scope::ResultsRead, &poll.site);
        if asker.known_publisher().is_some_and(is_its) {
            return Ok(Viewer::Publisher);
        }
        if poll.results.shows(Viewer::Everyone, tally.state) {
            return Ok(Viewer::Everyone);
        }
        if poll.results.shows(Viewer::Voter, tally.state)
            && let Some(voter) = asker.voter()?
            && self.ballot(&voter, poll).await?.is_some()
        {
            return Ok(Viewer::Voter);
        }
        let is_publisher = asker.publisher().await?.as_ref().is_some_and(is_its);
        Ok(if is_publisher { Viewer::Publisher } else { Viewer::Everyone })
    }

    /// A poll that readers don't know may be a draft, which its own site's keys see. An invalid key is refused whether
    /// or not there is a draft. For a draft that the key may not see, no more is read than for an unknown id.
    async fn view_draft<A: Asker>(&self, asker: &A, id: PollId) -> Result<Option<TallyView>, A::Error> {
        let looked_up;
        let publisher = match asker.known_publisher() {
            Some(publisher) => publisher,
            None => match asker.publisher().await? {
                Some(publisher) => {
                    looked_up = publisher;
                    &looked_up
                }
                None => return Ok(None),
            },
        };
        let poll = self.others.poll(id).await.map_err(VoteError::from)?;
        let poll = poll.filter(|poll| publisher.may(Scope::ResultsRead, &poll.site));
        let Some(poll) = poll else { return Ok(None) };
        let snapshot = self.replica.hub.read_draft(&*self.others, poll).await.map_err(VoteError::from)?;
        let newest = |snapshot| Newest { snapshot, is_behind: false };
        Ok(snapshot.map(|snapshot| TallyView { newest: newest(snapshot), viewer: Viewer::Publisher }))
    }
}
