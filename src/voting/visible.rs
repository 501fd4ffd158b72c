//! As whom somebody looks at a tally. What each [`Viewer`] sees of it is [`KnownTally::shown_to`]'s rule.
//!
//! Most tallies are for everyone, and then it does not matter who asks. Where it matters, the voter's ballot is looked
//! up before the key, because that costs less. A key that was already looked up comes first, since it shows most.

use std::sync::Arc;

use super::{VoteError, Voting};
use crate::{
    live::{KnownTally, Newest, PollWithSite, ShownTally},
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
pub struct TallyForViewer {
    /// The tally, with its poll.
    pub newest: Newest,
    /// As whom: the least of all that they are that shows them the tally. But a publisher whose key was already looked up
    /// is the publisher.
    pub viewer: Viewer,
}

impl TallyForViewer {
    /// What is shown of the tally, and as whom its reader sees it: caches may share what is shown to
    /// [`Viewer::Everyone`].
    ///
    /// # Errors
    /// [`VoteError::Hidden`]; [`VoteError::Behind`].
    pub fn shown(self) -> Result<(Arc<KnownTally>, Viewer), VoteError> {
        match shown_to(self.newest.snapshot, self.viewer) {
            ShownTally::Hidden(why) => Err(VoteError::Hidden(why)),
            ShownTally::Tally(shown) if !self.newest.is_behind => Ok((shown, self.viewer)),
            ShownTally::Tally(_) | ShownTally::Unread => Err(VoteError::Behind),
        }
    }
}

/// What a viewer is shown of a tally.
pub(super) fn shown_to(snapshot: Arc<KnownTally>, viewer: Viewer) -> ShownTally<Arc<KnownTally>> {
    match snapshot.shown_to(viewer) {
        ShownTally::Tally(shown) if Arc::ptr_eq(shown, &snapshot) => ShownTally::Tally(snapshot),
        ShownTally::Tally(shown) => ShownTally::Tally(Arc::clone(shown)),
        ShownTally::Hidden(why) => ShownTally::Hidden(why),
        ShownTally::Unread => ShownTally::Unread,
    }
}

impl Voting {
    /// A poll's newest tally, and as whom somebody looks at it; `None` if there is no such poll, for them. `seen` is
    /// how far they have come already.
    ///
    /// # Errors
    /// What finding out who they are failed with; what the store failed with, if nothing is known of the poll.
    pub async fn tally_for<A: Asker>(
        &self,
        asker: &A,
        id: PollId,
        seen: Option<ReaderPosition>,
    ) -> Result<Option<TallyForViewer>, A::Error> {
        // Boxed, since few get there: keeps the common future small.
        let Some(newest) = self.replica.hub.read(&self.others, id, seen).await.map_err(VoteError::from)? else {
            return Box::pin(self.draft_for(asker, id)).await;
        };
        let viewer = if asker.known_publisher().is_none() && newest.snapshot.is_whole_to(Viewer::Everyone) {
            Viewer::Everyone
        } else {
            Box::pin(self.viewer(asker, &newest.snapshot)).await?
        };
        Ok(Some(TallyForViewer { newest, viewer }))
    }

    /// A poll's newest tally, if this viewer sees it. For one they may not see, and for an article's poll that nobody has voted
    /// in, which is zeros, the store is not called.
    ///
    /// # Errors
    /// [`VoteError::NoPoll`]; what the store failed with, if nothing is known of the tally.
    pub async fn visible(
        &self,
        viewer: Viewer,
        known: &PollWithSite,
        seen: Option<ReaderPosition>,
    ) -> Result<Option<Arc<KnownTally>>, VoteError> {
        let poll = &known.poll;
        if !poll.results.shows(viewer, poll.state_at(self.replica.clock.now())) {
            return Ok(None);
        }
        let snapshot = if poll.is_made() {
            self.replica.hub.read(&self.others, poll.id, seen).await?.ok_or(VoteError::NoPoll)?.snapshot
        } else {
            self.zeros_of(poll)
        };
        Ok(shown_to(snapshot, viewer).tally())
    }

    pub(super) async fn viewer<A: Asker>(&self, asker: &A, snapshot: &Arc<KnownTally>) -> Result<Viewer, A::Error> {
        let poll = &snapshot.poll;
        let is_its = |publisher: &Publisher| publisher.may(Scope::ResultsRead, &poll.site);
        if asker.known_publisher().is_some_and(is_its) {
            return Ok(Viewer::Publisher);
        }
        // No reader is shown all of it, so a key comes first.
        let is_for_publisher = !snapshot.is_whole_to(Viewer::Voter);
        if is_for_publisher && asker.publisher().await?.as_ref().is_some_and(is_its) {
            return Ok(Viewer::Publisher);
        }
        let least = snapshot.least_viewer();
        if least == Viewer::Everyone {
            return Ok(Viewer::Everyone);
        }
        if least == Viewer::Voter
            && let Some(voter) = asker.voter()?
            && self.ballot(&voter, poll).await?.is_some()
        {
            return Ok(Viewer::Voter);
        }
        let is_publisher = !is_for_publisher && asker.publisher().await?.as_ref().is_some_and(is_its);
        Ok(if is_publisher { Viewer::Publisher } else { Viewer::Everyone })
    }

    /// A poll that readers don't know may be a draft, which its own site's keys see. An invalid key is refused whether
    /// or not there is a draft. For a draft that the key may not see, no more is read than for an unknown id.
    async fn draft_for<A: Asker>(&self, asker: &A, id: PollId) -> Result<Option<TallyForViewer>, A::Error> {
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
        Ok(snapshot.map(|snapshot| TallyForViewer { newest: newest(snapshot), viewer: Viewer::Publisher }))
    }
}
