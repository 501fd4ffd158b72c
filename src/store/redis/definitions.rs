//! Poll definitions as they are stored, and bringing the partitions to them.

use futures_util::future::try_join_all;
use redis::Cmd;

use super::{RedisStore, keys, outbox::too_late, script::Call};
use crate::{
    poll::{Phase, Poll, PollId, Revision, Timestamp},
    site::NewEvent,
    store::{StoreError, record},
};

/// A definition in force.
#[derive(Clone)]
pub(super) struct Definition {
    pub(super) poll: Poll,
    /// The revision that last reset its timeline, by a reshape; 0 if none did.
    pub(super) reshaped: Revision,
}

impl Definition {
    /// A poll that was never reshaped.
    pub(super) fn new(poll: Poll) -> Self {
        Self { poll, reshaped: Revision(0) }
    }
}

/// The stored definition of an existing poll.
#[expect(clippy::large_enum_variant, reason = "it is taken apart as soon as it is there, and never kept")]
pub(super) enum StoredDefinition {
    InForce(Definition),
    /// It is a draft again until its reshape is made or given up.
    Reshaping(Box<Reshape>),
}

/// A reshape under way. Readers get `before` meanwhile.
pub(super) struct Reshape {
    pub(super) before: Definition,
    /// The draft, which takes no ballots.
    pub(super) held: Poll,
    /// The poll as it is to be, in the revision after `held`.
    pub(super) after: Poll,
    /// The events of the change, written once it is made.
    pub(super) events: Vec<NewEvent>,
}

impl Reshape {
    /// Begins to change a poll into this.
    pub(super) fn begin(before: Definition, wanted: &Poll, events: &[NewEvent]) -> Self {
        let mut held = before.poll.clone();
        held.schedule.phase = Phase::Draft;
        held.revision = before.poll.revision.next();
        let after = Poll { revision: held.revision.next(), ..wanted.clone() };
        Self { before, held, after, events: events.to_vec() }
    }
}

/// The outcome of writing a definition.
#[expect(clippy::large_enum_variant, reason = "it is taken apart as soon as it is there, and never kept")]
pub(super) enum DefineOutcome {
    /// It is in force.
    Done(Definition),
    /// Another revision is in force than the one it replaces.
    Mismatch,
    Closed,
    /// It resolves the poll, which is not closed.
    NotClosed,
    /// There is no such poll, or it was deleted.
    Gone,
}

/// How a definition replaces another.
#[derive(Clone, Copy, Default)]
pub(super) struct DefineOptions<'a> {
    /// The reshape that it begins.
    pub(super) begins: Option<&'a Reshape>,
    /// Whether the timeline is reset.
    pub(super) anew: bool,
    /// It is refused from this time on.
    pub(super) until: Option<Timestamp>,
    /// Whether it says what became of a prediction.
    pub(super) resolves: bool,
    /// The events of the change.
    pub(super) events: &'a [NewEvent],
}

/// What becomes of a partition that is not at its poll's revision, or not there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum SyncMode {
    /// It is brought forward; one that is not there stays so.
    Forward,
    /// The same; and it is made if it is not there.
    Make,
    /// The same as `Make`; but one of another poll with the same id, made at another moment, is let alone.
    MakeAnew,
    /// It is brought to the revision even if it is beyond.
    Back,
}

impl SyncMode {
    /// As `sync_partition.lua` has it.
    const fn name(self) -> &'static [u8] {
        match self {
            Self::Forward => b"forward",
            Self::Make => b"make",
            Self::MakeAnew => b"make-anew",
            Self::Back => b"back",
        }
    }
}

/// The partitions of a poll, all at its revision.
pub(super) struct SyncedPartitions {
    pub(super) is_any_closed: bool,
    pub(super) ballots: u64,
}

/// What became of bringing a partition to its poll's revision.
pub(super) enum SyncedPartition {
    /// It is there. Its phase and ballots.
    Done(i64, u64),
    /// It is not there.
    Gone,
    /// It is of a poll with the same id that was made then.
    OfAnother(Timestamp),
}

impl RedisStore {
    pub(super) async fn read_kept(&self, id: PollId) -> Result<Option<StoredDefinition>, StoreError> {
        let mut command = Cmd::new();
        command.arg("HMGET").arg(keys::poll(id)).arg("definition").arg("reshape").arg("reshaped");
        let (definition, reshape, reshaped): (Option<Vec<u8>>, Option<Vec<u8>>, Option<u64>) =
            self.ask_for(&command).await?;
        let Some(definition) = definition else { return Ok(None) };
        let poll = record::read_poll(&definition)?;
        let reshaped = Revision(reshaped.unwrap_or(0));
        if let Some(reshape) = reshape {
            let (before, after, events) = record::read_reshape(&reshape)?;
            // Another replica, of a version that does not know this, may have made a later edit beside it.
            if before.revision.next() == poll.revision {
                let before = Definition { poll: before, reshaped };
                return Ok(Some(StoredDefinition::Reshaping(Box::new(Reshape { before, held: poll, after, events }))));
            }
        }
        Ok(Some(StoredDefinition::InForce(Definition { poll, reshaped })))
    }

    /// Writes a definition with its events.
    pub(super) async fn define(
        &self,
        poll: &Poll,
        replaces: Revision,
        putting: DefineOptions<'_>,
    ) -> Result<DefineOutcome, StoreError> {
        let outbox = keys::poll_outbox(poll.id);
        let entries = self.announce_entries_of_poll(&outbox, poll, putting.events).await?;
        let (key, deleting, json) = (keys::poll(poll.id), keys::deleting(poll.id), record::write_poll(poll)?);
        let (replaces, revision) = (replaces.to_string(), poll.revision.to_string());
        let (phase, closes_at) = (poll.schedule.phase.code().to_string(), millis(poll.schedule.closes_at));
        let begins =
            putting.begins.map(|reshape| record::write_reshape(&reshape.before.poll, &reshape.after, &reshape.events));
        let begins = begins.transpose()?.unwrap_or_default();
        let (until, own, made) = (millis(putting.until), self.own_time(), poll.created_at.to_string());
        let call = Call::new(&self.scripts.define, &[key.as_bytes(), deleting.as_bytes(), outbox.as_bytes()])
            .arg(replaces.as_bytes())
            .arg(revision.as_bytes())
            .arg(phase.as_bytes())
            .arg(closes_at.as_bytes())
            .arg(json.as_bytes())
            .arg(begins.as_bytes())
            .arg(if putting.anew { revision.as_bytes() } else { b"" })
            .arg(until.as_bytes())
            .arg(own.as_bytes())
            .arg(if putting.resolves { b"1" } else { b"" })
            .arg(made.as_bytes())
            .arg(entries.announced.as_bytes());
        let mut reply = entries.add_to(call).send(&self.link).await?;
        Ok(match reply.int()? {
            1 => DefineOutcome::Done(Definition { poll: poll.clone(), reshaped: Revision(reply.number()?) }),
            0 => DefineOutcome::Mismatch,
            2 => DefineOutcome::Closed,
            4 => return Err(StoreError::unavailable("the clocks disagree about whether the poll is closed")),
            5 => DefineOutcome::NotClosed,
            6 => return Err(too_late()),
            _ => DefineOutcome::Gone,
        })
    }

    pub(super) async fn sync_partitions(
        &self,
        definition: &Definition,
        mode: SyncMode,
    ) -> Result<SyncedPartitions, StoreError> {
        let partitions = 0..definition.poll.partitions.count();
        let partitions =
            try_join_all(partitions.map(|partition| self.sync_partition(definition, partition, mode))).await?;
        let mut all = SyncedPartitions { is_any_closed: false, ballots: 0 };
        for partition in partitions {
            let SyncedPartition::Done(phase, ballots) = partition else { continue };
            all.is_any_closed |= phase == i64::from(Phase::Closed.code());
            all.ballots += ballots;
        }
        Ok(all)
    }

    /// Brings one partition to a poll's revision.
    pub(super) async fn sync_partition(
        &self,
        Definition { poll, reshaped }: &Definition,
        partition: u16,
        mode: SyncMode,
    ) -> Result<SyncedPartition, StoreError> {
        let (tally, minutes) = (keys::tally(poll, partition), keys::minutes(poll, partition));
        let (revision, phase) = (poll.revision.to_string(), poll.schedule.phase.code().to_string());
        let (opens_at, closes_at) = (millis(poll.schedule.opens_at), millis(poll.schedule.closes_at));
        let (counters, uncounted) = (poll.counters().to_string(), poll.decisions.uncounted().bits().to_string());
        let (reshaped, made, own) = (reshaped.to_string(), millis(Some(poll.created_at)), self.own_time());
        let moved_on = poll.sampling.map_or(Revision(0), |sampling| sampling.revision).to_string();
        let call = Call::new(&self.scripts.sync_partition, &[tally.as_bytes(), minutes.as_bytes()])
            .arg(revision.as_bytes())
            .arg(phase.as_bytes())
            .arg(opens_at.as_bytes())
            .arg(closes_at.as_bytes())
            .arg(if poll.changeable { b"1" } else { b"0" })
            .arg(counters.as_bytes())
            .arg(mode.name())
            .arg(reshaped.as_bytes())
            .arg(made.as_bytes())
            .arg(own.as_bytes())
            .arg(uncounted.as_bytes())
            .arg(moved_on.as_bytes());
        let mut reply = call.send(&self.link).await?;
        match reply.int()? {
            -2 => Ok(SyncedPartition::OfAnother(Timestamp::from_millis(reply.int()?))),
            -1 => Ok(SyncedPartition::Gone),
            phase => Ok(SyncedPartition::Done(phase, reply.number()?)),
        }
    }
}

/// A time as scripts read it: milliseconds, or nothing.
pub(super) fn millis(time: Option<Timestamp>) -> String {
    time.map(|time| time.as_millis().to_string()).unwrap_or_default()
}
