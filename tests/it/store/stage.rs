//! What a rule needs: a site of its own, polls on it, voters, and ballots sorted into their partitions.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use sawt::{
    poll::{
        Action, Ballot, Choices, Counters, DigestKey, Edit, Kind, Label, LabelDecision, LabelTally, NewOption, NewPoll,
        NewScale, OTHER, OpenAnswer, Outcome, PartitionTally, Poll, PollFields, PollId, SiteId, Tally, Timestamp,
        VoterDigest, VoterId,
    },
    secret::{hex, random_bytes},
    site::SiteSettings,
    store::{BatchOutcome, Committed, Creation, Replacement, Store},
};

/// How many ballots have which label, and their votes by counter.
pub(crate) type ByLabel = BTreeMap<Label, (u64, Vec<u64>)>;

/// A store, and a site on it that nobody else uses.
#[derive(Clone)]
pub(crate) struct Stage {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) site: SiteId,
}

impl Stage {
    pub(crate) async fn new(store: Arc<dyn Store>) -> Self {
        let site = unused_site();
        store.put_site(&site, SiteSettings::default(), &[]).await.unwrap();
        Self { store, site }
    }

    pub(crate) async fn now(&self) -> Timestamp {
        self.store.now().await.unwrap()
    }

    /// The store's time so many milliseconds on.
    pub(crate) async fn now_plus(&self, millis: i64) -> Timestamp {
        Timestamp::from_millis(self.now().await.as_millis() + millis)
    }

    /// Waits until the store's clock shows a moment.
    pub(crate) async fn wait_until(&self, moment: Timestamp) {
        loop {
            let left = moment.as_millis() - self.now().await.as_millis();
            if left <= 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(left.unsigned_abs())).await;
        }
    }

    /// A poll that is not in the store yet.
    pub(crate) async fn draw_up(&self, new: impl Into<NewPoll>) -> Poll {
        let (id, digest_key) = (PollId::generate(), DigestKey::from_bytes(random_bytes()));
        let now = self.now().await;
        new.into().build(id, self.site.clone(), self.store.partitions(id), digest_key, now).unwrap()
    }

    /// A poll in the store.
    pub(crate) async fn poll(&self, new: impl Into<NewPoll>) -> Poll {
        let poll = self.draw_up(new).await;
        assert_eq!(self.store.create_poll(&poll, None, &[]).await.unwrap(), Creation::Created(poll.clone()));
        poll
    }

    /// The revision in force of a poll that must be there.
    pub(crate) async fn read(&self, poll: &Poll) -> Poll {
        self.store.poll(poll.id).await.unwrap().unwrap()
    }

    /// An edit of this revision of a poll.
    pub(crate) async fn edit(&self, poll: &Poll, edit: PollFields) -> Replacement {
        let edit = edit.apply(poll, self.now().await).unwrap();
        self.store.replace_poll(&edit, &[]).await.unwrap()
    }

    /// An edit that must be made.
    pub(crate) async fn edited(&self, poll: &Poll, edit: PollFields) -> Poll {
        done(self.edit(poll, edit).await)
    }

    /// An edit after which a poll closes by itself, so many milliseconds from now.
    pub(crate) async fn closing_in(&self, poll: &Poll, millis: i64) -> Poll {
        let now = self.now().await;
        let closes_at = Timestamp::from_millis(now.as_millis() + millis);
        let edit = PollFields { closes_at: Some(Some(closes_at)), ..PollFields::default() };
        done(self.replace(&edit.apply(poll, now).unwrap()).await)
    }

    /// Closes a poll that must not be closed yet.
    pub(crate) async fn closed(&self, poll: &Poll) -> Poll {
        done(self.replace(&poll.closed(self.now().await)).await)
    }

    /// Decides of a label of which it was not decided so before.
    pub(crate) async fn decided(&self, poll: &Poll, label: Label, decision: LabelDecision) -> Poll {
        done(self.replace(&poll.decided(label, decision, self.now().await).unwrap()).await)
    }

    /// The ballots on record and their votes by label, over all partitions; labels without ballots are left out.
    pub(crate) async fn by_label(&self, poll: &Poll) -> ByLabel {
        let mut sums: ByLabel = BTreeMap::new();
        let partitions = self.store.labels(poll).await.unwrap().expect("the poll is gone");
        for LabelTally { label, ballots, votes } in partitions.into_iter().flat_map(|partition| partition.labels) {
            let (sum, sums) = sums.entry(label).or_insert_with(|| (0, vec![0; votes.len()]));
            *sum += ballots;
            sums.iter_mut().zip(&votes).for_each(|(sum, votes)| *sum += votes);
        }
        sums.retain(|_, (ballots, _)| *ballots > 0);
        sums
    }

    /// Opens a poll.
    pub(crate) async fn opened(&self, poll: &Poll) -> Poll {
        done(self.replace(&poll.opened(self.now().await).unwrap()).await)
    }

    pub(crate) async fn replace(&self, edit: &Edit) -> Replacement {
        self.store.replace_poll(edit, &[]).await.unwrap()
    }

    /// Casts a voter's ballot.
    pub(crate) async fn cast(&self, poll: &Poll, voter: u64, options: &[impl AsRef<str>]) -> Outcome {
        self.apply(poll, &[ballot(poll, voter, options)]).await[0]
    }

    /// Takes a voter's ballot back.
    pub(crate) async fn withdraw(&self, poll: &Poll, voter: u64) -> Outcome {
        self.apply(poll, &[withdrawal(poll, voter)]).await[0]
    }

    /// Applies ballots of any partitions, one batch per partition, and gives their outcomes in the order of the
    /// ballots.
    pub(crate) async fn apply(&self, poll: &Poll, ballots: &[Ballot]) -> Vec<Outcome> {
        let mut outcomes = vec![None; ballots.len()];
        for partition in 0..poll.partitions.count() {
            let places: Vec<usize> =
                (0..ballots.len()).filter(|place| ballots[*place].voter.partition == partition).collect();
            if places.is_empty() {
                continue;
            }
            let batch: Vec<Ballot> = places.iter().map(|place| ballots[*place].clone()).collect();
            let committed = self.commit(poll, partition, &batch).await;
            for (place, outcome) in places.into_iter().zip(committed.outcomes) {
                outcomes[place] = Some(outcome);
            }
        }
        outcomes
            .into_iter()
            .map(|outcome| outcome.expect("a ballot of a partition that the poll does not have"))
            .collect()
    }

    /// Applies a batch of one partition, and checks the shape of the answer.
    pub(crate) async fn commit(&self, poll: &Poll, partition: u16, batch: &[Ballot]) -> Committed {
        let committed = match self.store.cast(poll, partition, batch).await.unwrap() {
            BatchOutcome::Committed(committed) => committed,
            other => panic!("{other:?} instead of outcomes"),
        };
        assert_eq!(committed.outcomes.len(), batch.len());
        check_sums(poll, &committed.tally);
        committed
    }

    /// A poll's tally, each partition's sums checked.
    pub(crate) async fn tally(&self, poll: &Poll) -> Tally {
        let partitions = self.store.tally(poll).await.unwrap().expect("the poll is gone");
        assert_eq!(partitions.len(), usize::from(poll.partitions.count()));
        for partition in &partitions {
            check_sums(poll, partition);
        }
        Tally::sum(poll, &partitions).unwrap()
    }

    /// Votes by counter and ballots, which say who won.
    pub(crate) async fn count(&self, poll: &Poll) -> (Vec<u64>, u64) {
        let tally = self.tally(poll).await;
        (tally.votes.to_vec(), tally.ballots)
    }

    /// The options a voter has on record, in the poll's order or theirs.
    pub(crate) async fn on_record(&self, poll: &Poll, voter: u64) -> Option<Vec<String>> {
        let counters = self.store.ballot(poll, digest(poll, voter)).await.unwrap()?;
        Some(poll.choices_of(counters).ids(poll).iter().map(ToString::to_string).collect())
    }
}

/// In every partition, at every instant: a single poll has as many votes as ballots, a multiple one from `min_choices`
/// to `max_choices` for each.
fn check_sums(poll: &Poll, tally: &PartitionTally) {
    assert_eq!(tally.votes.len(), poll.counters(), "votes by counter");
    let votes: u64 = tally.votes.iter().sum();
    let each = u64::from(poll.min_choices)..=u64::from(poll.max_choices);
    let possible = tally.ballots * each.start()..=tally.ballots * each.end();
    assert!(possible.contains(&votes), "{votes} votes on {} ballots", tally.ballots);
    assert!(tally.version >= tally.ballots, "version {} after {} ballots", tally.version, tally.ballots);
}

/// A site that no other rule has.
pub(crate) fn unused_site() -> SiteId {
    format!("rule-{}", hex(&random_bytes::<8>())).parse().unwrap()
}

/// The poll of a replacement that was made.
pub(crate) fn done(replacement: Replacement) -> Poll {
    match replacement {
        Replacement::Done(poll) => poll,
        other => panic!("{other:?} instead of the new revision"),
    }
}

/// A voter by number.
pub(crate) fn voter(number: u64) -> VoterId {
    VoterId::from_bytes(u128::from(number).to_be_bytes())
}

pub(crate) fn digest(poll: &Poll, number: u64) -> VoterDigest {
    VoterDigest::of(&voter(number), poll)
}

/// What a ballot for these options adds to.
pub(crate) fn counters(poll: &Poll, options: &[impl AsRef<str>]) -> Counters {
    poll.counters_of(Choices::check(poll, options).unwrap())
}

pub(crate) fn ballot(poll: &Poll, number: u64, options: &[impl AsRef<str>]) -> Ballot {
    let action = Action::Cast(Label::CLEAN, counters(poll, options));
    Ballot { voter: digest(poll, number), action, answer: None }
}

/// A ballot with a label.
pub(crate) fn labelled(poll: &Poll, number: u64, options: &[impl AsRef<str>], label: Label) -> Ballot {
    Ballot { action: Action::Cast(label, counters(poll, options)), ..ballot(poll, number, options) }
}

/// A label by its number.
pub(crate) fn label(number: u8) -> Label {
    Label::from_number(number).unwrap()
}

/// A ballot for "something else" that says what.
pub(crate) fn own_words(poll: &Poll, number: u64, text: &str) -> Ballot {
    let answer = OpenAnswer::check(poll, Choices::check(poll, &[OTHER]).unwrap(), text).unwrap();
    Ballot { answer: Some(answer), ..ballot(poll, number, &[OTHER]) }
}

pub(crate) fn withdrawal(poll: &Poll, number: u64) -> Ballot {
    Ballot { voter: digest(poll, number), action: Action::Withdraw, answer: None }
}

pub(crate) fn options(ids: &[impl AsRef<str>]) -> Vec<NewOption> {
    let option =
        |id: &str| NewOption { id: Some(id.to_owned()), label: format!("الخيار {id}"), ..NewOption::default() };
    ids.iter().map(|id| option(id.as_ref())).collect()
}

/// Yes or no, open.
pub(crate) fn yes_or_no() -> PollFields {
    PollFields {
        question: Some("هل تتوقع حل مجلس الأمة؟".to_owned()),
        options: Some(options(&["yes", "no"])),
        ..PollFields::default()
    }
}

/// Yes or no, open, and ballots may be changed and withdrawn.
pub(crate) fn changeable() -> PollFields {
    PollFields { changeable: Some(true), ..yes_or_no() }
}

/// Yes or no, or something else in a voter's own words; ballots may be changed and withdrawn.
pub(crate) fn open_answers() -> NewPoll {
    NewPoll { open_answer: true, ..changeable().into() }
}

/// As many options as a poll may have, any number of which may be chosen.
pub(crate) fn of_32_options() -> NewPoll {
    let ids: Vec<String> = (1..=32).map(|place| format!("o{place}")).collect();
    let fields = PollFields { options: Some(options(&ids)), ..changeable() };
    NewPoll { kind: Some(Kind::Multiple), ..fields.into() }
}

/// A rating from 0 to 10 with words at its ends; ballots may be changed and withdrawn.
pub(crate) fn rating() -> NewPoll {
    let [low_label, high_label] = ["مستبعد جدًا", "مرجّح \"جدًا\""].map(|label| Some(label.to_owned()));
    let scale = Some(NewScale { low: 0, high: 10, low_label, high_label });
    let fields = PollFields { scale, options: None, ..changeable() };
    NewPoll { kind: Some(Kind::Rating), ..fields.into() }
}

/// Three reactions, two of them emoji.
pub(crate) fn reactions() -> NewPoll {
    let option =
        |(id, emoji): (&str, Option<&str>)| NewOption { emoji: emoji.map(str::to_owned), ..options(&[id]).remove(0) };
    let options = [("like", Some("👍🏽")), ("love", Some("❤️")), ("said", None)].map(option).into();
    let fields = PollFields { options: Some(options), ..changeable() };
    NewPoll { kind: Some(Kind::Reaction), ..fields.into() }
}

/// Three options to rank, some or all; ballots may be changed and withdrawn.
pub(crate) fn ranked() -> NewPoll {
    ranking(&["a", "b", "c"])
}

/// These options to rank; ballots may be changed and withdrawn.
pub(crate) fn ranking(ids: &[impl AsRef<str>]) -> NewPoll {
    let fields = PollFields { options: Some(options(ids)), ..changeable() };
    NewPoll { kind: Some(Kind::Ranked), ..fields.into() }
}

/// Asks in as many tasks as there are questions, all at once, and gathers the answers.
pub(crate) async fn at_once<T: Send + 'static>(
    questions: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let tasks: Vec<_> = questions.into_iter().map(tokio::spawn).collect();
    let mut answers = Vec::with_capacity(tasks.len());
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers
}
