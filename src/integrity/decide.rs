//! Holding, voiding and releasing a label.

use super::{Integrity, IntegrityError, IntegrityReport};
use crate::{
    poll::{Label, LabelDecision, PollId, REASON, State, Text},
    site::{NewEvent, Publisher},
    store::Replacement,
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
                poll.decided(label, decision, now).map(|edit| edit.sampled(report.version))
            };
            let Some(edit) = edit else { return Ok(report) };
            let mut events = NewEvent::of_change(poll, &edit.poll, &publisher.actor(), now);
            events.push(NewEvent::of_decision(&edit.poll, (label, decision), &reason, &publisher.actor(), now));
            match self.store.replace_poll(&edit, &events).await? {
                Replacement::Done(poll) => {
                    self.note_change(&poll).await;
                    return self.report(publisher, id).await;
                }
                // Somebody else was faster, or it has closed: decide on top of that.
                Replacement::Mismatch(_) | Replacement::Closed | Replacement::NotClosed => {}
                Replacement::HasBallots => return Err(IntegrityError::Internal("a decision reshaped a poll")),
                Replacement::Gone => return Err(IntegrityError::NoPoll),
            }
        }
        Err(IntegrityError::KeptChanging)
    }

    /// Makes this replica serve a poll as the store now has it. It is decided already, so a store that does not answer is
    /// no reason to refuse it: what is known of the poll here expires by itself.
    pub(super) async fn note_change(&self, poll: &crate::poll::Poll) {
        self.signal.note_change(&poll.site);
        if let Err(error) = self.hub.note_change(&self.store, poll.id).await {
            tracing::warn!(poll = %poll.id, error = %error, "a poll of which a label was decided could not be read again");
        }
    }
}
