//! How far a poll's figure can be relied on.

use super::{Incident, LabelDecision, Poll};

/// How far a poll's figure can be relied on: what publishers look at before they print it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grade {
    /// Nothing speaks against it.
    Clean,
    /// Something was found, and is taken care of, or leaves doubt.
    Watched,
    /// Ballots count of which it is sure that they are not readers making up their minds.
    Disputed,
}

impl Grade {
    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Watched => "watched",
            Self::Disputed => "disputed",
        }
    }
}

impl Poll {
    /// How far its figure can be relied on. An incident that an editor has ended says nothing against it any more, and one
    /// whose ballots don't count says that somebody has looked.
    pub fn grade(&self) -> Grade {
        let mut grade = if self.decisions_now().count_all() { Grade::Clean } else { Grade::Watched };
        for incident in self.standing_incidents() {
            let counts = self.decisions_now().of(incident.label) == LabelDecision::Counted;
            if counts && incident.about.is_sure() {
                return Grade::Disputed;
            }
            grade = Grade::Watched;
        }
        grade
    }

    /// The incidents that speak against its figure.
    pub fn standing_incidents(&self) -> impl Iterator<Item = &Incident> {
        self.incidents.iter().filter(|incident| !incident.is_dismissed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poll::{
        Ending, Finding, IncidentCause, IncidentPolicy, Kind, Label, REASON, Suspects, Text,
        definition::tests::{earlier, poll_with},
    };

    #[test]
    fn a_poll_is_disputed_while_ballots_count_that_are_surely_no_readers() {
        let clean = poll_with(Kind::Single, 1, 1, &["yes", "no"]);
        let label = Label::from_number(8).unwrap();
        let with = |sureness| {
            let finding = Finding {
                cause: IncidentCause::EvenGaps,
                since: earlier(9),
                reason: Text::parse("?", REASON).unwrap(),
                sureness,
                suspects: Suspects::Everyone,
                honest_per_hour: 0,
            };
            clean.with_incident(finding, IncidentPolicy::Show, earlier(9)).unwrap().0.poll
        };
        let (doubtful, sure) = (with(89), with(90));
        assert_eq!([&clean, &doubtful, &sure].map(Poll::grade), [Grade::Clean, Grade::Watched, Grade::Disputed]);
        let held = sure.decided(label, LabelDecision::Held, earlier(8)).unwrap().poll;
        assert_eq!(held.grade(), Grade::Watched);
        let over = sure.with_incident_ended(label, Ending::Over(0), earlier(8)).unwrap().0.poll;
        assert_eq!(over.grade(), Grade::Disputed, "its ballots still count");
        let dismissed =
            sure.with_incident_ended(label, Ending::ByEditor(&Text::parse("?", REASON).unwrap()), earlier(8));
        assert_eq!(dismissed.unwrap().0.poll.grade(), Grade::Clean);
        let classes = clean.decided(Label::from_number(1).unwrap(), LabelDecision::Void, earlier(8)).unwrap();
        assert_eq!(classes.poll.grade(), Grade::Watched);
    }
}
