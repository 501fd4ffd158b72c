//! What editors see of a poll's labels.

use super::{Integrity, IntegrityError};
use crate::{
    poll::{Incident, Label, LabelDecision, LabelTally, PartitionLabels, Poll, PollId, State, Timestamp},
    site::Publisher,
};

/// How often a poll that is edited meanwhile is read again.
const MOST_TURNS: usize = 5;

/// A poll's ballots, by what is decided of them.
pub struct IntegrityReport {
    pub poll: Poll,
    pub state: State,
    /// When it was read.
    now: Timestamp,
    /// All its ballots, of each partition.
    recorded: Vec<PartitionLabels>,
}

/// The ballots with one label.
pub struct LabelReport {
    pub label: Label,
    /// What is decided of it.
    pub decision: LabelDecision,
    /// What the ballots add up to.
    pub tally: LabelTally,
}

impl IntegrityReport {
    /// All ballots on record.
    pub fn raw(&self) -> LabelTally {
        LabelTally::sum(&self.recorded, |_| true)
    }

    /// Those of which this is decided now.
    pub fn decided(&self, decision: LabelDecision) -> LabelTally {
        let decisions = self.poll.decisions_now();
        LabelTally::sum(&self.recorded, |label| decisions.of(label) == decision)
    }

    /// Those that counted at the close; `None` before.
    pub fn at_close(&self) -> Option<LabelTally> {
        let decisions = self.poll.decisions;
        (self.state == State::Closed).then(|| LabelTally::sum(&self.recorded, |label| decisions.count(label)))
    }

    /// The clean ballots, and each other label that has ballots, or of which something is decided.
    pub fn labels(&self) -> impl Iterator<Item = LabelReport> {
        let decisions = self.poll.decisions_now();
        let of_label = move |label| {
            let tally = LabelTally { label, ..LabelTally::sum(&self.recorded, |other| other == label) };
            LabelReport { label, decision: decisions.of(label), tally }
        };
        let is_told = |report: &LabelReport| {
            report.label == Label::CLEAN
                || report.tally.ballots > 0
                || report.decision != LabelDecision::Counted
                // It is to be decided with an incident's.
                || (report.label == Label::NO_WORK && self.poll.standing_incidents().any(Incident::leaves_out_work))
        };
        std::iter::once(Label::CLEAN).chain(Label::all()).map(of_label).filter(is_told)
    }
}

/// An incident, and the ballots with its label.
pub struct IncidentReport<'a> {
    pub incident: &'a Incident,
    /// How many ballots have its label.
    pub ballots: u64,
    /// How many of them may be readers', going by the time before.
    pub honest: u64,
}

impl IntegrityReport {
    /// All incidents that are kept; the latest comes first.
    pub fn incidents(&self) -> impl Iterator<Item = IncidentReport<'_>> {
        self.poll.incidents.iter().rev().map(|incident| {
            let ballots = LabelTally::sum(&self.recorded, |label| label == incident.label).ballots;
            IncidentReport { incident, ballots, honest: incident.honest_ballots(self.now).min(ballots) }
        })
    }
}

impl Integrity {
    /// A poll's ballots by their labels, for those who may moderate it.
    ///
    /// # Errors
    /// [`IntegrityError::NoPoll`]; [`KeptChanging`](IntegrityError::KeptChanging); what the store failed with.
    pub async fn report(&self, publisher: &Publisher, id: PollId) -> Result<IntegrityReport, IntegrityError> {
        for _ in 0..MOST_TURNS {
            let poll = self.poll(publisher, id).await?;
            if let Some(report) = self.report_of(poll).await? {
                return Ok(report);
            }
        }
        Err(IntegrityError::KeptChanging)
    }

    /// The same of a poll as it was read a moment ago; `None` if it has changed since.
    pub(super) async fn report_of(&self, poll: Poll) -> Result<Option<IntegrityReport>, IntegrityError> {
        // Reading the tally brings every partition to the poll's revision, and tells which state all are in.
        let tallies = self.store.tally(&poll).await?.ok_or(IntegrityError::NoPoll)?;
        let recorded = self.store.labels(&poll).await?.ok_or(IntegrityError::NoPoll)?;
        let is_of_it = |revision| revision == poll.revision;
        if !tallies.iter().all(|tally| is_of_it(tally.revision)) || !recorded.iter().all(|part| is_of_it(part.revision))
        {
            return Ok(None);
        }
        let tally =
            crate::poll::Tally::sum(&poll, &tallies).ok_or(IntegrityError::Internal("a poll without partitions"))?;
        Ok(Some(IntegrityReport { poll, state: tally.state, now: tally.as_of, recorded }))
    }
}

impl IntegrityReport {
    /// All ballots, of each partition.
    pub(super) fn recorded(&self) -> &[PartitionLabels] {
        &self.recorded
    }
}
