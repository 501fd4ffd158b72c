//! A poll in a store and ballots for it, without HTTP.

use std::sync::Arc;

use sawt::{
    clock::Clock,
    poll::{Action, Ballot, Choices, DigestKey, Group, NewOption, NewPoll, Poll, PollId, SiteId, VoterDigest, VoterId},
    secret::random_bytes,
    store::{Cast, Store, StoreSettings, Stores},
};

/// A poll with two options, and the store it is in.
pub(crate) struct Ground {
    /// The store, for the runtime this was made on.
    pub(crate) store: Arc<dyn Store>,
    /// The poll.
    pub(crate) poll: Poll,
}

impl Ground {
    /// A new poll in the store at this address, in one partition.
    pub(crate) async fn new(address: &str) -> Self {
        let address = address.parse().expect("the address of a store");
        let settings = StoreSettings { address, partitions: Some(1), allow_eviction: false };
        let store = Stores::open(&settings, Clock::default()).expect("the store can be opened").connect();
        store.contact().await.expect("the store can be reached");
        let option = |id: &str| NewOption { id: Some(id.to_owned()), label: id.to_owned() };
        let new = NewPoll {
            question: "هل تتوقع حل مجلس الأمة ؟".to_owned(),
            options: vec![option("yes"), option("no")],
            ..NewPoll::default()
        };
        let now = store.now().await.expect("the store answers");
        let key = DigestKey::from_bytes(random_bytes());
        let poll = new.build(PollId::generate(), SiteId::default(), 1, key, now).expect("a sound poll");
        store.create_poll(&poll, None).await.expect("the store takes it");
        Self { store, poll }
    }

    /// The ballots of so many voters from this one on.
    pub(crate) fn ballots(&self, first: u64, count: u64) -> Vec<Ballot> {
        let choices = Choices::check(&self.poll, &["yes"]).expect("an option of the poll");
        let ballot = |number: u64| {
            let voter = VoterId::from_bytes(u128::from(number).to_be_bytes());
            Ballot {
                voter: VoterDigest::of(&voter, &self.poll),
                action: Action::Cast(Group::Clean, self.poll.counters_of(choices)),
            }
        };
        (first..first + count).map(ballot).collect()
    }

    /// Casts a batch, and does the upkeep it makes due.
    pub(crate) async fn cast(&self, ballots: &[Ballot]) {
        match self.store.cast(&self.poll, 0, ballots).await.expect("the store answers") {
            Cast::Committed(committed) if committed.upkeep_due => {
                self.store.upkeep(&self.poll, 0).await.expect("the store answers");
            }
            Cast::Committed(_) => {}
            Cast::Stale | Cast::Gone => panic!("nobody changes the poll"),
        }
    }
}

/// A runtime like a worker's.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be built")
}
