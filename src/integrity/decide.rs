//! Holding, voiding and releasing a label.

use super::{Integrity, IntegrityError, IntegrityReport};
use crate::{
    poll::{Label, LabelDecision, PollId, REASON, State, Text},
    site::{NewEvent, Publisher},
};

/// How often a decision is tried again on top of an edit that came between.
const MOST_TURNS: usize = 5;

impl Integrity {
    /// Decides whether the ballots with a label count, and why. The same again changes nothing.
    ///
    /// # Errors
    /// [`IntegrityError::NoPoll`]; [`Reason`](IntegrityError::Reason); [`Undecided`](IntegrityError::Undecided);
    /// [`KeptChanging`](IntegrityError::KeptChanging); what the store failed with.
    pub async fn decide(
        &self,
        publisher: &Publisher,
        id: PollId,
        label: Label,
        (decision, reason): (LabelDecision, &str),
    ) -> Result<IntegrityReport, IntegrityError> {
        let reason = Text::parse(reason, REASON).map_err(IntegrityError::Reason)?;
        for _ in 0..MOST_TURNS {
            let poll = self.poll(publisher, id).await?;
            let now = self.store.now().await?;
            let is_closed = poll.state_at(now) == State::Closed;
            let Some(report) = self.report_of(poll).await? else { continue };
            let poll = &report.poll;
            // What is decided before the close makes the final figure: so it must be sure which it is.
            if is_closed != (report.state == State::Closed) {
                return Err(IntegrityError::Undecided);
            }
            let edit = if is_closed {
                poll.amended(label, decision, report.recorded(), now)
            } else {
                poll.decided(label, decision, now)
            };
            let Some(edit) = edit else { return Ok(report) };
            let told = vec![NewEvent::of_decision(&edit.poll, (label, decision), &reason, &publisher.actor(), now)];
            if self.is_put((poll, edit), told, (&publisher.actor(), now)).await? {
                return self.report(publisher, id).await;
            }
        }
        Err(IntegrityError::KeptChanging)
    }
}
