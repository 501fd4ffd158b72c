//! Opening and closing incidents.

use super::{Integrity, IntegrityError, IntegrityReport};
use crate::{
    poll::{
        Edit, Ending, Finding, Incident, IncidentCause, IncidentPolicy, Label, Minute, Poll, PollId, REASON, State,
        Suspects, Text, Timestamp,
    },
    site::{NewEvent, Publisher},
};

/// How often an incident is opened or closed again on top of an edit that came between.
const MOST_TURNS: usize = 5;

/// A change of a poll's incidents, with those that it opens or ends.
type IncidentChange = (Edit, Vec<Incident>);

impl Integrity {
    /// Opens an incident that somebody says goes on: every ballot that is cast from now on gets its label. The same again
    /// changes nothing.
    ///
    /// # Errors
    /// [`IntegrityError::NoPoll`]; [`Reason`](IntegrityError::Reason); [`NotOpen`](IntegrityError::NotOpen);
    /// [`TooMany`](IntegrityError::TooMany);
    /// [`KeptChanging`](IntegrityError::KeptChanging); what the store failed with.
    pub async fn open_incident(
        &self,
        publisher: &Publisher,
        id: PollId,
        reason: &str,
    ) -> Result<IntegrityReport, IntegrityError> {
        let reason = Text::parse(reason, REASON).map_err(IntegrityError::Reason)?;
        let per_hour = self.last_hour(publisher, id).await?;
        let change = |poll: &Poll, now: Timestamp| {
            if poll.goes_on_by_editor(&reason) {
                return Ok(None);
            }
            if !poll.has_room_for_incident() {
                return Err(IntegrityError::TooMany);
            }
            let found = by_editor(reason.clone(), per_hour, now);
            Ok(poll.with_incident(found, IncidentPolicy::Show, now).map(|(edit, incident)| (edit, vec![incident])))
        };
        self.change_incidents(publisher, id, |state| state == State::Open, change).await
    }

    /// Closes the incident of a label, or says of one that is over that it was none: in a closed poll too. Its label stays on
    /// its ballots; to close it again changes nothing.
    ///
    /// # Errors
    /// [`IntegrityError::NoIncident`]; as [`open_incident`](Self::open_incident).
    pub async fn close_incident(
        &self,
        publisher: &Publisher,
        (id, label): (PollId, Label),
        reason: &str,
    ) -> Result<IntegrityReport, IntegrityError> {
        let reason = Text::parse(reason, REASON).map_err(IntegrityError::Reason)?;
        let poll = self.poll(publisher, id).await?;
        if poll.incidents.iter().all(|incident| incident.label != label) {
            return Err(IntegrityError::NoIncident);
        }
        let change = |poll: &Poll, now: Timestamp| Ok(poll.with_incident_ended(label, Ending::ByEditor(&reason), now));
        let is_possible = |state| matches!(state, State::Open | State::Closed);
        self.change_incidents(publisher, id, is_possible, change).await
    }

    /// How many ballots came in the last hour.
    async fn last_hour(&self, publisher: &Publisher, id: PollId) -> Result<u32, IntegrityError> {
        let poll = self.poll(publisher, id).await?;
        let until = Minute::of(self.store.now().await?);
        let minutes = self.store.minutes(&poll, until.plus(-60)..until).await?;
        let ballots: i64 = minutes.changes.iter().map(|(_, change)| change.ballots).sum();
        Ok(u32::try_from(ballots.max(0)).unwrap_or(u32::MAX))
    }

    async fn change_incidents(
        &self,
        publisher: &Publisher,
        id: PollId,
        is_possible: impl Fn(State) -> bool,
        change: impl Fn(&Poll, Timestamp) -> Result<Option<IncidentChange>, IntegrityError>,
    ) -> Result<IntegrityReport, IntegrityError> {
        for _ in 0..MOST_TURNS {
            let poll = self.poll(publisher, id).await?;
            let now = self.store.now().await?;
            let state = poll.state_at(now);
            if !is_possible(state) {
                return Err(IntegrityError::NotOpen(Box::new(poll), state));
            }
            let Some((edit, incidents)) = change(&poll, now)? else { return self.report(publisher, id).await };
            let told = NewEvent::of_incidents(&edit.poll, &incidents, &publisher.actor(), now);
            if self.is_put((&poll, edit), told, (&publisher.actor(), now)).await? {
                return self.report(publisher, id).await;
            }
        }
        Err(IntegrityError::KeptChanging)
    }
}

/// What an editor says is not doubted, and is about everybody.
fn by_editor(reason: Text, honest_per_hour: u32, now: Timestamp) -> Finding {
    Finding {
        cause: IncidentCause::Editor,
        since: now,
        reason,
        sureness: 100,
        suspects: Suspects::Everyone,
        honest_per_hour,
        figures: None,
        asks_for_work: false,
    }
}
