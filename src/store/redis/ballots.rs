//! Casting, splitting, reading ballots and tallies: everything within one partition.

use std::{cmp::Ordering, ops::Range};

use async_trait::async_trait;
use futures_util::future::try_join_all;

use super::{
    RedisStore,
    batch::{Packed, PackedAnswers, places_left_out, read_answer, read_ballot, read_outcomes},
    buckets::{bucket_of, split_off, splits_from},
    definitions::{SyncMode, SyncedPartition},
    keys,
    script::{Call, Reply},
};
use crate::{
    poll::{
        AnswerId, AnswerState, Ballot, CountedAnswer, Counters, Minute, PartitionLabels, PartitionTally, Phase, Poll,
        Position, Revision, Schedule, State, Text, Timestamp, VoterDigest,
    },
    site::NewEvent,
    store::{BallotCursor, BallotPage, Ballots, BatchOutcome, Committed, Minutes, StoreError, ballots::BALLOTS_PAGE},
};

/// How often a call is repeated because the caller was behind: on buckets, or with a partition behind its poll. Each
/// time it gets further, so only a storm of changes uses these up.
const MOST_TURNS: usize = 16;

/// How many buckets one call of `split.lua` adds at most, so that none takes long.
const SPLITS_AT_ONCE: u32 = 8;

/// The reply of one call of `cast.lua`. All but `Committed` mean that nothing was done.
enum CastReply {
    Committed(Committed),
    /// The partition has this other revision, or is not there.
    Differs(Option<Revision>),
    /// A ballot lies in another bucket than the caller thought.
    Moved,
}

#[async_trait]
impl Ballots for RedisStore {
    async fn cast(&self, poll: &Poll, partition: u16, ballots: &[Ballot]) -> Result<BatchOutcome, StoreError> {
        for _ in 0..MOST_TURNS {
            match self.cast_turn(poll, partition, ballots).await? {
                CastReply::Committed(committed) => {
                    // The ballots have their outcomes, whether or not the rest can be closed now.
                    let _ = self.close_if_in_part(poll, std::slice::from_ref(&committed.tally)).await;
                    return Ok(BatchOutcome::Committed(committed));
                }
                CastReply::Moved => {}
                CastReply::Differs(found) => match self.reconcile(poll, partition, found).await? {
                    Reconciled::Agreed => {}
                    Reconciled::Stale => return Ok(BatchOutcome::Stale),
                    Reconciled::Gone => return Ok(BatchOutcome::Gone),
                },
            }
        }
        Err(StoreError::unavailable("the poll kept changing while ballots were cast"))
    }

    async fn upkeep(&self, poll: &Poll, partition: u16) -> Result<(), StoreError> {
        let known = self.buckets.get(poll.id, partition);
        let may_add = known..known.saturating_add(SPLITS_AT_ONCE);
        let bucket = |number: u32| keys::voters(poll, partition, number);
        let pairs: Vec<String> = may_add.flat_map(|number| [bucket(splits_from(number)), bucket(number)]).collect();
        let tally = keys::tally(poll, partition);
        let mut script_keys = vec![tally.as_bytes()];
        script_keys.extend(pairs.iter().map(String::as_bytes));
        let known = known.to_string();
        let buckets =
            Call::new(&self.scripts.split, &script_keys).arg(known.as_bytes()).send(&self.link).await?.int()?;
        if let Ok(buckets) = u32::try_from(buckets) {
            self.buckets.learn(poll.id, partition, buckets);
        }
        Ok(())
    }

    async fn ballot(&self, poll: &Poll, voter: VoterDigest) -> Result<Option<Counters>, StoreError> {
        let kept = self.kept_ballot(poll, voter).await?;
        kept.map(|kept| Ok(read_ballot(poll.codec, &kept)?.counters)).transpose()
    }

    async fn ballot_answer(&self, poll: &Poll, voter: VoterDigest) -> Result<Option<Text>, StoreError> {
        let kept = self.kept_ballot(poll, voter).await?;
        let Some(id) = kept.as_deref().and_then(read_answer) else { return Ok(None) };
        Ok(self.read_answer(poll, id).await?.map(|answer| answer.text))
    }

    /// A scan goes by the buckets that there were when it came to their partition. What a bucket held then lies in it,
    /// or in those that were split off it since, and these are read in one step: so whatever is split meanwhile, a
    /// voter is read once.
    async fn ballots(&self, poll: &Poll, from: Option<BallotCursor>) -> Result<Option<BallotPage>, StoreError> {
        let (partition, bucket, of) = match from {
            Some(BallotCursor::Bucket { partition, bucket, of }) => (partition, bucket, of),
            Some(BallotCursor::After(_)) | None => (0, 0, 0),
        };
        if partition >= poll.partitions.count() {
            return Ok(Some(BallotPage { ballots: Vec::new(), voters: Vec::new(), next: None }));
        }
        let tally = keys::tally(poll, partition);
        for _ in 0..MOST_TURNS {
            let known = self.buckets.get(poll.id, partition);
            let of = if of == 0 { known } else { of };
            let (buckets, next_bucket) = next_buckets(bucket, of, known);
            let voters: Vec<String> = buckets.iter().map(|bucket| keys::voters(poll, partition, *bucket)).collect();
            let script_keys: Vec<&[u8]> = std::iter::once(&tally).chain(&voters).map(String::as_bytes).collect();
            let known = known.to_string();
            let mut reply = Call::new(&self.scripts.scan, &script_keys).arg(known.as_bytes()).send(&self.link).await?;
            match reply.int()? {
                -1 => return Ok(None),
                0 => self.buckets.learn(poll.id, partition, reply.number()?),
                _ => {
                    let mut ballots = Vec::with_capacity(BALLOTS_PAGE);
                    let mut voters = Vec::with_capacity(BALLOTS_PAGE);
                    while let Some(voter) = reply.optional_bytes()? {
                        let corrupt = |_| StoreError::Corrupt(format!("a voter of poll {}", poll.id));
                        voters.push(voter.try_into().map_err(corrupt)?);
                        ballots.push(read_ballot(poll.codec, &reply.bytes()?)?);
                    }
                    let (partition, bucket, of) =
                        if next_bucket < of { (partition, next_bucket, of) } else { (partition + 1, 0, 0) };
                    let next =
                        (partition < poll.partitions.count()).then_some(BallotCursor::Bucket { partition, bucket, of });
                    return Ok(Some(BallotPage { ballots, voters, next }));
                }
            }
        }
        Err(StoreError::unavailable("the poll kept growing while its ballots were read"))
    }

    async fn tally(&self, poll: &Poll) -> Result<Option<Vec<PartitionTally>>, StoreError> {
        let tallies = self.read_partitions(poll).await?;
        match &tallies {
            Some(found) if self.close_if_in_part(poll, found).await.unwrap_or(false) => {
                Box::pin(self.read_partitions(poll)).await
            }
            Some(_) | None => Ok(tallies),
        }
    }

    async fn labels(&self, poll: &Poll) -> Result<Option<Vec<PartitionLabels>>, StoreError> {
        self.read_labels(poll).await
    }

    async fn answers(&self, poll: &Poll) -> Result<Vec<CountedAnswer>, StoreError> {
        self.read_answers(poll).await
    }

    async fn decide_answer(
        &self,
        poll: &Poll,
        answer: AnswerId,
        state: AnswerState,
        events: &[NewEvent],
    ) -> Result<Option<CountedAnswer>, StoreError> {
        self.put_answer_state(poll, answer, state, events).await
    }

    async fn raise_epoch(&self, poll: &Poll, partition: u16, seen: Position) -> Result<bool, StoreError> {
        let key = keys::tally(poll, partition);
        let (epoch, version) = (seen.epoch.to_string(), seen.version.to_string());
        let call = Call::new(&self.scripts.raise, &[key.as_bytes()]).arg(epoch.as_bytes()).arg(version.as_bytes());
        Ok(call.send(&self.link).await?.int()? == 1)
    }

    async fn minutes(&self, poll: &Poll, range: Range<Minute>) -> Result<Minutes, StoreError> {
        self.read_minutes(poll, range).await
    }
}

impl RedisStore {
    /// What is on record of a voter.
    async fn kept_ballot(&self, poll: &Poll, voter: VoterDigest) -> Result<Option<Vec<u8>>, StoreError> {
        let tally = keys::tally(poll, voter.partition);
        for _ in 0..MOST_TURNS {
            let bucket = bucket_of(voter.field, self.buckets.get(poll.id, voter.partition));
            let voters = keys::voters(poll, voter.partition, bucket);
            let call = Call::new(&self.scripts.ballot, &[tally.as_bytes(), voters.as_bytes()]).arg(&voter.field);
            let mut reply = call.send(&self.link).await?;
            let Some(buckets) = reply.number_if_there::<u32>()? else { return Ok(None) };
            self.buckets.learn(poll.id, voter.partition, buckets);
            if bucket_of(voter.field, buckets) == bucket {
                return reply.optional_bytes();
            }
        }
        Err(StoreError::unavailable("the poll kept growing while a ballot was read"))
    }

    async fn cast_turn(&self, poll: &Poll, partition: u16, ballots: &[Ballot]) -> Result<CastReply, StoreError> {
        let known = self.buckets.get(poll.id, partition);
        let batch = Packed::pack(poll.codec, ballots, known);
        let bucket_prefix = keys::voters_prefix(poll, partition);
        // At a million voters nearly every ballot of a batch has a bucket of its own, so this runs for each vote.
        let key_of = |bucket: &u32| [bucket_prefix.as_str(), itoa::Buffer::new().format(*bucket)].concat();
        let buckets: Vec<String> = batch.buckets.iter().map(key_of).collect();
        let (tally, minutes) = (keys::tally(poll, partition), keys::minutes(poll, partition));
        let mut script_keys = Vec::with_capacity(buckets.len() + 2);
        script_keys.extend([tally.as_bytes(), minutes.as_bytes()]);
        script_keys.extend(buckets.iter().map(String::as_bytes));
        let answers = poll.open_answer.then(|| PackedAnswers::of(poll, partition, ballots));
        script_keys.extend(answers.iter().map(|answers| answers.key.as_bytes()));
        let (revision, known) = (poll.revision.to_string(), known.to_string());
        let counters = poll.counters();
        let counter_count = counters.to_string();
        let asked = self.settings.clocks.own().now();
        let [mut codec, mut own, mut timed, mut made] = [(); 4].map(|()| itoa::Buffer::new());
        let mut call = Call::new(&self.scripts.cast, &script_keys)
            .arg(revision.as_bytes())
            .arg(known.as_bytes())
            .arg(counter_count.as_bytes())
            .arg(&batch.ballots)
            .arg(codec.format(poll.codec.code()).as_bytes())
            .arg(own.format(asked.as_millis()).as_bytes())
            .arg(timed.format(poll.timed_counters()).as_bytes())
            .arg(if poll.article.is_some() { made.format(poll.created_at.as_millis()).as_bytes() } else { b"" });
        if let Some(PackedAnswers { most, said, .. }) = &answers {
            call = said.iter().fold(call.arg(most.as_bytes()), |call, said| call.arg(said));
        }
        let mut reply = call.send(&self.link).await?;
        match reply.int()? {
            -1 => return Ok(CastReply::Differs(None)),
            0 => return Ok(CastReply::Differs(Some(Revision(reply.number()?)))),
            2 => {
                self.buckets.learn(poll.id, partition, reply.number()?);
                return Ok(CastReply::Moved);
            }
            _ => {}
        }
        let letters = reply.bytes()?;
        let recorded = reply.bytes()?;
        let as_of = Timestamp::from_millis(reply.int()?);
        self.settings.clocks.compare(asked, as_of);
        let state = read_state(poll, as_of, &mut reply)?;
        let (epoch, version, ballots) = (reply.number()?, reply.number()?, reply.number()?);
        self.buckets.learn(poll.id, partition, reply.number()?);
        let upkeep_due = reply.int()? > 0;
        let votes = reply.numbers(counters)?;
        let outcomes = read_outcomes(poll.codec, &letters, &recorded)?;
        let left_out = places_left_out(&letters);
        let tally = PartitionTally { revision: poll.revision, epoch, version, ballots, votes, state, as_of };
        Ok(CastReply::Committed(Committed { outcomes, left_out, tally, upkeep_due }))
    }

    /// Brings a partition, found at another revision than its caller knows, to the poll's definition. A caller that is
    /// behind gets `Stale`. A partition may be behind because an edit has not reached it yet, or was cut short. A
    /// partition beyond its definition can only be one whose Redis lost its last writes: it goes back, or no vote could
    /// ever be cast in it again. One that is not there is lost with its Redis's last writes, and is made again, or the
    /// poll could never be voted in again. But if the poll is an article's, whoever makes it decides; also about a
    /// partition of a later moment than the definition.
    async fn reconcile(&self, known: &Poll, partition: u16, found: Option<Revision>) -> Result<Reconciled, StoreError> {
        let Some(definition) = self.definition(known.id).await? else { return Ok(Reconciled::Gone) };
        let Poll { revision: in_force, created_at, article, .. } = &definition.poll;
        let is_known = (in_force, created_at) == (&known.revision, &known.created_at);
        let mode = match found.map(|found| found.cmp(in_force)) {
            Some(Ordering::Less) => SyncMode::Forward,
            Some(Ordering::Greater) => SyncMode::Back,
            Some(Ordering::Equal) if !is_known => return Ok(Reconciled::Stale),
            Some(Ordering::Equal) => return Ok(Reconciled::Gone),
            None if article.is_some() => return Ok(Reconciled::Gone),
            None => SyncMode::Make,
        };
        if !matches!(self.sync_partition(&definition, partition, mode).await?, SyncedPartition::Done(..)) {
            return Ok(Reconciled::Gone);
        }
        if found.is_none() {
            let now = self.definition(known.id).await?;
            if now.is_none_or(|now| now.poll.created_at != *created_at) {
                // It was deleted between these steps, and perhaps before there was this partition.
                self.forget_partition(&definition.poll, partition).await?;
                return Ok(Reconciled::Gone);
            }
            tracing::warn!(poll = %known.id, partition, "the store has lost a part of a poll, which is made again");
        }
        Ok(if is_known { Reconciled::Agreed } else { Reconciled::Stale })
    }

    async fn read_partitions(&self, poll: &Poll) -> Result<Option<Vec<PartitionTally>>, StoreError> {
        let partitions = (0..poll.partitions.count()).map(|partition| self.read_partition(poll, partition));
        Ok(try_join_all(partitions).await?.into_iter().collect())
    }

    async fn read_partition(&self, poll: &Poll, partition: u16) -> Result<Option<PartitionTally>, StoreError> {
        let (key, counters) = (keys::tally(poll, partition), poll.counters());
        let counter_count = counters.to_string();
        let mut own = itoa::Buffer::new();
        for _ in 0..MOST_TURNS {
            let asked = self.settings.clocks.own().now();
            let own = own.format(asked.as_millis());
            let call =
                Call::new(&self.scripts.tally, &[key.as_bytes()]).arg(counter_count.as_bytes()).arg(own.as_bytes());
            let mut reply = call.send(&self.link).await?;
            let Some(revision) = reply.number_if_there()?.map(Revision) else {
                match Box::pin(self.reconcile(poll, partition, None)).await? {
                    Reconciled::Agreed | Reconciled::Stale => continue,
                    Reconciled::Gone => return Ok(None),
                }
            };
            let as_of = Timestamp::from_millis(reply.int()?);
            self.settings.clocks.compare(asked, as_of);
            let mut state = read_state(poll, as_of, &mut reply)?;
            let mut shown = revision;
            if revision != poll.revision {
                // A published poll is a draft only while it is reshaped.
                let is_held = state == State::Draft && poll.schedule.phase != Phase::Draft;
                // So a tally never says less than its poll, above all "closed". For a later revision than its caller
                // knows it names that revision, and the caller reads the poll again.
                match Box::pin(self.reconcile(poll, partition, Some(revision))).await {
                    Ok(Reconciled::Stale) if revision > poll.revision && !is_held => {}
                    Ok(Reconciled::Agreed | Reconciled::Stale) => continue,
                    Ok(Reconciled::Gone) => return Ok(None),
                    // A store that takes no writes is read as it is.
                    Err(StoreError::Unavailable(_)) if is_held => {
                        (shown, state) = (poll.revision, poll.state_at(as_of));
                    }
                    Err(StoreError::Unavailable(_))
                        if revision < poll.revision && poll.schedule.phase != Phase::Closed =>
                    {
                        shown = poll.revision;
                    }
                    Err(error) => return Err(error),
                }
            }
            let (epoch, version, ballots) = (reply.number()?, reply.number()?, reply.number()?);
            let votes = reply.numbers(counters)?;
            return Ok(Some(PartitionTally { revision: shown, epoch, version, ballots, votes, state, as_of }));
        }
        Err(StoreError::unavailable("the poll kept changing while its tally was read"))
    }
}

/// About how many ballots a bucket has.
const BUCKET: usize = 64;

/// The buckets that a page is read from, and the bucket that comes after. They begin at a bucket by its number when
/// there were `of`; now there are `known`.
fn next_buckets(bucket: u32, of: u32, known: u32) -> (Vec<u32>, u32) {
    let (mut buckets, mut next) = (Vec::new(), bucket);
    while next < of && buckets.len() < BALLOTS_PAGE / BUCKET {
        buckets.extend(split_off(next, of, known));
        next += 1;
    }
    (buckets, next)
}

/// The outcome of reconciling a partition with its poll's definition.
enum Reconciled {
    Agreed,
    /// The definition in force is not the one the caller knows.
    Stale,
    Gone,
}

fn read_state(poll: &Poll, now: Timestamp, reply: &mut Reply) -> Result<State, StoreError> {
    let phase = Phase::from_code(reply.number()?).ok_or_else(|| StoreError::Corrupt("a poll's phase".to_owned()))?;
    let is_open = reply.int()? == 1;
    Ok(match phase {
        Phase::Live if is_open => State::Open,
        Phase::Live => State::Scheduled,
        Phase::Draft | Phase::Closed => Schedule { phase, ..poll.schedule }.state_at(now),
    })
}
