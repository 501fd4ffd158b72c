//! Opening and closing incidents.

use super::{Integrity, IntegrityError, IntegrityReport};
use crate::{
    poll::{
        Edit, Finding, IncidentCause, IncidentPolicy, Label, Poll, PollId, REASON, State, Suspects, Text, Timestamp,
    },
    site::{NewEvent, Publisher},
};

/// How often an incident is opened or closed again on top of an edit that came between.
const MOST_TURNS: usize = 5;

/// A change of a poll's incidents, with what is told of it.
type IncidentChange = (Edit, Vec<NewEvent>);

impl Integrity {
    /// Opens an incident that somebody says goes on: every ballot that is cast from now on gets its label.
    ///
    /// # Errors
    /// [`IntegrityError::NoPoll`]; [`Reason`](IntegrityError::Reason); [`NotOpen`](IntegrityError::NotOpen);
    /// [`KeptChanging`](IntegrityError::KeptChanging); what the store failed with.
    pub async fn open_incident(
        &self,
        publisher: &Publisher,
        id: PollId,
        reason: &str,
    ) -> Result<IntegrityReport, IntegrityError> {
        let reason = Text::parse(reason, REASON).map_err(IntegrityError::Reason)?;
        let change = |poll: &Poll, now: Timestamp| {
            let (edit, incident) = poll.with_incident(by_editor(reason.clone(), now), IncidentPolicy::Show, now)?;
            let told = NewEvent::of_incident(&edit.poll, &incident, &publisher.actor(), now);
            Some((edit, vec![told]))
        };
        self.change_incidents(publisher, id, change).await
    }

    /// Closes the incident of a label. Its label stays on its ballots; to close it again changes nothing.
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
        let change = |poll: &Poll, now: Timestamp| {
            let edit = poll.with_incident_ended(label, Some(&reason), now)?;
            let ended =
                edit.poll.incidents.iter().filter(|it| poll.open_incidents().any(|open| open.label == it.label));
            let ended = ended.filter(|incident| incident.label == label && !incident.is_open());
            let told = ended.map(|incident| NewEvent::of_incident(&edit.poll, incident, &publisher.actor(), now));
            let told = told.collect();
            Some((edit, told))
        };
        self.change_incidents(publisher, id, change).await
    }

    async fn change_incidents(
        &self,
        publisher: &Publisher,
        id: PollId,
        change: impl Fn(&Poll, Timestamp) -> Option<IncidentChange>,
    ) -> Result<IntegrityReport, IntegrityError> {
        for _ in 0..MOST_TURNS {
            let poll = self.poll(publisher, id).await?;
            let now = self.store.now().await?;
            let state = poll.state_at(now);
            if state != State::Open {
                return Err(IntegrityError::NotOpen(Box::new(poll), state));
            }
            let Some((edit, told)) = change(&poll, now) else { return self.report(publisher, id).await };
            if self.is_put((&poll, edit), told, (&publisher.actor(), now)).await? {
                return self.report(publisher, id).await;
            }
        }
        Err(IntegrityError::KeptChanging)
    }
}

/// What an editor says is not doubted, and is about everybody.
fn by_editor(reason: Text, now: Timestamp) -> Finding {
    Finding {
        cause: IncidentCause::Editor,
        since: now,
        reason,
        sureness: 100,
        suspects: Suspects::Everyone,
        honest_per_hour: 0,
    }
}
