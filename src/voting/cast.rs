//! Ballots: cast, read, taken back.
//!
//! A ballot is refused for the cheapest reason first, and the store is called once, by the [batcher]. If the store says
//! that the poll has changed, the poll is read again and the choices are checked again: they may not fit any more.
//!
//! [batcher]: super::ballot_batcher

use std::{borrow::Cow, sync::Arc};

use super::{
    VoteError, Voting,
    ballot_batcher::{CastError, Receipt},
    error::OnRecord,
    visible::shown_to,
};
use crate::{
    live::{KnownTally, PollWithSite},
    poll::{
        Action, Ballot, Choices, Counters, InvalidChoice, Label, OpenAnswer, Outcome, Poll, PollId, Text, Timestamp,
        Viewer, VoterDigest, VoterId,
    },
    quota::{Decision, QuotaName, QuotaState, Subject},
};

/// How often a poll that changes meanwhile is read again before the ballot is refused.
const MAX_REREADS: usize = 4;

/// Who casts a ballot.
#[derive(Debug, Clone, Copy)]
pub struct Caster {
    pub voter: VoterId,
    /// Whether they come by a [nonce](crate::voter::Nonce): such a voter was not counted in any quota yet.
    pub is_new: bool,
    /// The client they come from.
    pub client: Subject,
    /// The ballot's label, from what is to be said against it.
    pub label: Label,
    /// Whether they have left out the work that the poll asks of new voters.
    pub owes_work: bool,
}

/// What was spent of a client's quotas on a ballot.
pub(super) struct Spent {
    /// A token of new voters.
    as_new: bool,
    /// One of ballots in the poll, by the client in it.
    of_ballot: Option<Subject>,
}

/// A ballot that is on record.
pub struct Vote {
    /// The poll it was decided by.
    pub known: Arc<PollWithSite>,
    /// What it says.
    pub choices: Choices,
    /// What became of it.
    pub cast: VoteOutcome,
    /// When it was counted. What a voter chose is on record; when, is not.
    pub at: Option<Timestamp>,
    /// What it says in the voter's own words, if it does.
    pub answer: Option<VotedAnswer>,
    /// The tally with it, if the voter may see that.
    pub shown: Option<Arc<KnownTally>>,
}

/// What a ballot says in its voter's own words.
pub struct VotedAnswer {
    pub text: Arc<OpenAnswer>,
    /// Whether it is kept: a poll keeps so many different ones and no more.
    pub is_kept: bool,
}

/// What a ballot asks for.
#[derive(Debug, Clone, Copy)]
pub struct BallotRequest<'a> {
    /// The options it names.
    pub choices: &'a [Cow<'a, str>],
    /// What it says in the voter's own words.
    pub answer: Option<&'a str>,
}

impl BallotRequest<'_> {
    /// What the ballot says, if it fits the poll.
    ///
    /// # Errors
    /// [`VoteError::InvalidChoice`], [`InvalidAnswer`](VoteError::InvalidAnswer).
    pub(super) fn check(&self, poll: &Poll) -> Result<(Choices, Option<Arc<OpenAnswer>>), VoteError> {
        let choices = Choices::check(poll, self.choices).map_err(|rule| invalid(poll, self.choices, rule))?;
        let answer = self.answer.map(|text| OpenAnswer::check(poll, choices, text)).transpose()?;
        Ok((choices, answer))
    }
}

/// What became of a ballot that was not refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VoteOutcome {
    /// It was counted.
    Counted,
    /// It replaced another.
    Changed,
    /// It was on record already.
    Repeated,
}

impl VoteOutcome {
    /// Its name in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counted => "counted",
            Self::Changed => "changed",
            Self::Repeated => "repeated",
        }
    }
}

/// What became of taking a ballot back. Having none is as good as having withdrawn it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withdrawal {
    /// It is gone.
    Withdrawn,
    /// There was none.
    NoBallot,
}

impl Withdrawal {
    /// Its name in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Withdrawn => "withdrawn",
            Self::NoBallot => "no-ballot",
        }
    }
}

impl Voting {
    /// Casts a voter's ballot. It counts in the quota that its client has in the poll; a new voter also counts in the
    /// client's quota of new voters. `note` gets the state of each quota, also if the ballot is refused.
    ///
    /// # Errors
    /// [`VoteError::QuotaExceeded`], [`InvalidChoice`](VoteError::InvalidChoice),
    /// [`InvalidAnswer`](VoteError::InvalidAnswer),
    /// [`AlreadyVoted`](VoteError::AlreadyVoted), [`NotOpen`](VoteError::NotOpen); what the store failed with.
    pub async fn cast(
        &self,
        caster: Caster,
        known: Arc<PollWithSite>,
        asked: BallotRequest<'_>,
        note: impl Fn(QuotaState),
    ) -> Result<Vote, VoteError> {
        let spent = self.admit_ballot(&caster, known.poll.id, &note).await?;
        let cast = self.cast_admitted(caster, known, asked).await;
        self.settle(&caster, &spent, &cast);
        cast
    }

    /// Counts a ballot in its client's quotas.
    ///
    /// # Errors
    /// [`VoteError::QuotaExceeded`].
    pub(super) async fn admit_ballot(
        &self,
        caster: &Caster,
        poll: PollId,
        note: &impl Fn(QuotaState),
    ) -> Result<Spent, VoteError> {
        let Caster { voter, is_new, client, .. } = caster;
        let as_new = *is_new && self.admit_new(voter, client, note).await?;
        let client_in_poll = client.in_poll(*poll.as_bytes());
        let decision = self.replica.quotas.admit(QuotaName::Ballot, &client_in_poll);
        let of_ballot = self.admit(decision, &client_in_poll, note).await?.then_some(client_in_poll);
        Ok(Spent { as_new, of_ballot })
    }

    /// Gives back what a ballot was counted in and has not cost.
    pub(super) fn settle(&self, caster: &Caster, spent: &Spent, cast: &Result<Vote, VoteError>) {
        let is_on_record = match cast {
            Ok(vote) if vote.cast == VoteOutcome::Counted => return,
            Ok(_) | Err(VoteError::AlreadyVoted(_)) => true,
            Err(_) => false,
        };
        // A retry or a change costs nothing, and neither does a refused ballot.
        if let Some(client_in_poll) = &spent.of_ballot {
            self.replica.quotas.give_back(QuotaName::Ballot, client_in_poll);
        }
        // A voter who has a ballot is not new: this is a retry that came to another replica, or late.
        if spent.as_new && is_on_record {
            self.replica.quotas.give_back(QuotaName::Mint, &caster.client);
        }
    }

    /// Casts a ballot that was counted in its client's quotas.
    ///
    /// # Errors
    /// As [`cast`](Self::cast), but for quotas.
    pub(super) async fn cast_admitted(
        &self,
        caster: Caster,
        known: Arc<PollWithSite>,
        asked: BallotRequest<'_>,
    ) -> Result<Vote, VoteError> {
        let Caster { voter, is_new, client, label, owes_work } = caster;
        let mut checked = None;
        let traces = self.replica.hub.traces();
        let network = client.network_of_client();
        let policy = known.site.settings.proof_of_work;
        let action = |poll: &Poll| {
            let (choices, answer) = asked.check(poll)?;
            checked = Some((choices, answer.clone()));
            let mark = || traces.mark(poll.id, &network, self.replica.clock.now());
            let is_without_work = owes_work && poll.asks_for_work(policy);
            let seen = if is_without_work { poll.label_without_work(label) } else { label };
            Ok((Action::Cast(poll.label_of_vote(seen, mark), poll.counters_of(choices)), answer))
        };
        let (known, partition, receipt) = self.put(known, &voter, action).await?;
        let (cast, at) = match receipt.outcome {
            Outcome::Counted => (VoteOutcome::Counted, Some(receipt.at)),
            Outcome::Changed => (VoteOutcome::Changed, Some(receipt.at)),
            Outcome::Repeated => (VoteOutcome::Repeated, None),
            Outcome::AlreadyVoted(counters) => return Err(VoteError::AlreadyVoted(on_record(&known, counters))),
            Outcome::NotOpen => return Err(not_open(&known, &receipt)),
            Outcome::Undecided => return Err(VoteError::Undecided),
            Outcome::Withdrawn | Outcome::NoBallot => return Err(VoteError::Internal("a cast ballot was withdrawn")),
        };
        let snapshot = self.learn(&known, partition, &receipt).await;
        let shown = snapshot.and_then(|snapshot| shown_to(snapshot, Viewer::Voter).tally());
        let (choices, text) = checked.ok_or(VoteError::Internal("a ballot was cast without choices"))?;
        // Detectors see a ballot that was changed as they see a new one: it moves the tally as much.
        if matches!(cast, VoteOutcome::Counted | VoteOutcome::Changed) {
            let is_new = is_new && cast == VoteOutcome::Counted;
            let first = choices.options(&known.poll).next().map_or(0, |option| option.index);
            traces.note(known.poll.id, receipt.at, network, (first, is_new));
        }
        let answer = text.map(|text| VotedAnswer { text, is_kept: !receipt.is_text_left_out });
        Ok(Vote { known, choices, cast, at, answer, shown })
    }

    /// Takes a voter's ballot back.
    ///
    /// # Errors
    /// [`VoteError::NotTakenBack`], [`NotOpen`](VoteError::NotOpen); what the store failed with.
    pub async fn withdraw(&self, voter: &VoterId, known: Arc<PollWithSite>) -> Result<Withdrawal, VoteError> {
        let (known, partition, receipt) = self.put(known, voter, |_| Ok((Action::Withdraw, None))).await?;
        match receipt.outcome {
            Outcome::Withdrawn => {
                self.learn(&known, partition, &receipt).await;
                Ok(Withdrawal::Withdrawn)
            }
            Outcome::NoBallot => Ok(Withdrawal::NoBallot),
            Outcome::AlreadyVoted(counters) => Err(VoteError::NotTakenBack(on_record(&known, counters))),
            Outcome::NotOpen => Err(not_open(&known, &receipt)),
            Outcome::Undecided => Err(VoteError::Undecided),
            Outcome::Counted | Outcome::Repeated | Outcome::Changed => {
                Err(VoteError::Internal("a withdrawn ballot was cast"))
            }
        }
    }

    /// What a voter's ballot says; `None` if they have none.
    ///
    /// # Errors
    /// What the store failed with.
    pub async fn ballot(&self, voter: &VoterId, poll: &Poll) -> Result<Option<Choices>, VoteError> {
        let counters = self.others.ballot(poll, VoterDigest::of(voter, poll)).await?;
        Ok(counters.map(|counters| poll.choices_of(counters)))
    }

    /// What a voter's ballot says in their own words, as that is kept; nothing if it says nothing.
    ///
    /// # Errors
    /// What the store failed with.
    pub async fn ballot_answer(&self, voter: &VoterId, poll: &Poll) -> Result<Option<Text>, VoteError> {
        if !poll.open_answer {
            return Ok(None);
        }
        Ok(self.others.ballot_answer(poll, VoterDigest::of(voter, poll)).await?)
    }

    /// Counts a new voter in their client's quota. Returns whether a token was spent on them: within a minute a nonce counts
    /// once, or a client whose answer was lost would pay for the retry.
    async fn admit_new(
        &self,
        voter: &VoterId,
        client: &Subject,
        note: &impl Fn(QuotaState),
    ) -> Result<bool, VoteError> {
        let Some(decision) = self.replica.quotas.admit_voter(voter, client) else { return Ok(false) };
        let is_spent = self.admit(decision, client, note).await?;
        self.replica.quotas.note_voter(voter);
        Ok(is_spent)
    }

    /// Makes a quota's decision final, which all replicas share. Returns whether a token was spent: only the store knows
    /// whether a ballot is a retry, so it may have to be given back.
    pub(super) async fn admit(
        &self,
        mut decision: Decision,
        client: &Subject,
        note: &impl Fn(QuotaState),
    ) -> Result<bool, VoteError> {
        if let Decision::Undecided(undecided) = decision {
            // Boxed: few ballots get here, those of a client that has spent a tenth of its quota.
            decision = Box::pin(self.replica.quotas.ask_store(undecided, client, &*self.vote_reads)).await;
        }
        decision.noted(note).map_err(VoteError::QuotaExceeded)
    }

    /// Gives a ballot to the batcher, and again if a new revision of the poll becomes known meanwhile. Returns the poll
    /// it was decided by, the voter's partition, and what became of the ballot.
    async fn put(
        &self,
        mut known: Arc<PollWithSite>,
        voter: &VoterId,
        mut action: impl FnMut(&Poll) -> Result<(Action, Option<Arc<OpenAnswer>>), VoteError>,
    ) -> Result<(Arc<PollWithSite>, u16, Receipt), VoteError> {
        let mut rereads = 0;
        loop {
            let digest = VoterDigest::of(voter, &known.poll);
            let (action, answer) = action(&known.poll)?;
            if known.poll.is_sampled() {
                // Boxed: keeps the common future small.
                Box::pin(self.fix_sample(&known.poll)).await;
            }
            let ballot = Ballot { voter: digest, action, answer };
            match self.batcher.cast(&known.poll, ballot).await {
                Ok(receipt) => return Ok((known, digest.partition, receipt)),
                Err(CastError::Stale | CastError::Gone) if rereads < MAX_REREADS => {
                    rereads += 1;
                    let id = known.poll.id;
                    known = self.polls.refresh(&*self.vote_reads, id).await?.ok_or(VoteError::NoPoll)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Has what readers are shown fixed before a ballot is in it, by this revision of the poll. If the store does not answer,
    /// it will not take the ballot either.
    async fn fix_sample(&self, poll: &Poll) {
        let hub = &self.replica.hub;
        let newest = hub.read(&self.others, poll.id, None).await;
        if newest.is_ok_and(|newest| newest.is_some_and(|it| it.snapshot.poll.revision < poll.revision)) {
            let _ = hub.reread(&self.others, poll.id).await;
        }
    }

    /// Gives the hub what the store reported, and returns the poll's tally. The vote stands even without a tally, so a
    /// store that does not answer now is no reason to refuse it.
    async fn learn(&self, known: &PollWithSite, partition: u16, receipt: &Receipt) -> Option<Arc<KnownTally>> {
        match self.replica.hub.learn(&self.vote_reads, &known.poll, partition, &receipt.tally).await {
            Ok(snapshot) => snapshot,
            Err(error) => {
                tracing::warn!(poll = %known.poll.id, error = %error, "a ballot was counted, but the tally could not be read");
                None
            }
        }
    }
}

fn on_record(known: &PollWithSite, counters: Counters) -> OnRecord {
    OnRecord { poll: Arc::clone(&known.poll), choices: known.poll.choices_of(counters) }
}

fn not_open(known: &PollWithSite, receipt: &Receipt) -> VoteError {
    VoteError::NotOpen(Arc::clone(&known.poll), receipt.tally.state)
}

/// Finds which choice is wrong, unless it is their number.
fn invalid(poll: &Poll, named: &[Cow<'_, str>], rule: InvalidChoice) -> VoteError {
    let nth = match &rule {
        InvalidChoice::Unknown(..)
        | InvalidChoice::OutOfRange { .. }
        | InvalidChoice::NoReaction(..)
        | InvalidChoice::NoSuchPreference(..) => named.iter().position(|id| poll.option(id).is_none()),
        InvalidChoice::Repeated(_) | InvalidChoice::RepeatedPreference(_) => {
            named.iter().enumerate().position(|(nth, id)| named.iter().take(nth).any(|before| before == id))
        }
        InvalidChoice::TooFew { .. }
        | InvalidChoice::TooMany { .. }
        | InvalidChoice::EmptyOrder(_)
        | InvalidChoice::SameRank(_) => None,
    };
    VoteError::InvalidChoice { rule, nth }
}
