//! How far a poll's figure can be relied on.

use super::{Incident, Label, LabelDecision, Poll};

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
    /// How far its figure can be relied on. An incident that an editor has ended says nothing against it any more, and
    /// one whose ballots don't count says that somebody has looked. Where it is about everybody, those who left out the
    /// work that was asked for meanwhile are the first whose ballots don't: else readers would be held, and what they
    /// suffer from counted.
    pub fn grade(&self) -> Grade {
        let mut grade = if self.decisions_now().count_all() { Grade::Clean } else { Grade::Watched };
        for incident in self.standing_incidents() {
            let counts = |label| self.decisions_now().of(label) == LabelDecision::Counted;
            if (counts(incident.label) || (incident.leaves_out_work() && counts(Label::NO_WORK)))
                && incident.about.is_sure()
            {
                return Grade::Disputed;
            }
            grade = Grade::Watched;
        }
        grade
    }

    /// Why it has that grade, in words: what was found, and what is decided of labels beside that.
    pub fn grade_reasons(&self) -> Vec<String> {
        let decisions = self.decisions_now();
        let mut reasons: Vec<String> =
            self.standing_incidents().map(|incident| incident.about.reason.as_str().to_owned()).collect();
        let leaves_out_work = |incident: &Incident| incident.leaves_out_work() && !decisions.count(incident.label);
        if decisions.count(Label::NO_WORK)
            && let Some(incident) = self.standing_incidents().find(|incident| leaves_out_work(incident))
        {
            reasons
                .push(format!("ballots with the label no-work count that were cast during {}", incident.label.name()));
        }
        let is_told = |label: &Label| self.standing_incidents().any(|incident| incident.label == *label);
        for label in decisions.uncounted().labels().filter(|label| !is_told(label)) {
            reasons.push(format!("ballots with the label {} are {}", label.name(), decisions.of(label).as_str()));
        }
        reasons
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
        Ending, Finding, IncidentCause, IncidentPolicy, Kind, REASON, Suspects, Text,
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
                figures: None,
                asks_for_work: true,
            };
            clean.with_incident(finding, IncidentPolicy::Show, earlier(9)).unwrap().0.poll
        };
        let (doubtful, sure) = (with(89), with(90));
        assert_eq!([&clean, &doubtful, &sure].map(Poll::grade), [Grade::Clean, Grade::Watched, Grade::Disputed]);
        let hold = |poll: &Poll, label| poll.decided(label, LabelDecision::Held, earlier(8)).unwrap().poll;
        let of_workers = hold(&sure, label);
        assert_eq!(
            of_workers.grade(),
            Grade::Disputed,
            "those count who left out the work that was asked for meanwhile"
        );
        assert_eq!(hold(&of_workers, Label::NO_WORK).grade(), Grade::Watched);
        let of_others = "ballots with the label no-work count that were cast during incident-8";
        assert_eq!(of_workers.grade_reasons(), ["?", of_others]);
        assert_eq!(hold(&of_workers, Label::NO_WORK).grade_reasons(), ["?", "ballots with the label no-work are held"]);
        assert_eq!(hold(&sure, Label::NO_WORK).grade(), Grade::Disputed, "others count that did it");
        let mut unasked = sure.clone();
        unasked.incidents[0].about.asks_for_work = false;
        assert_eq!(hold(&unasked, label).grade(), Grade::Watched, "nobody was asked for work");
        let over = sure.with_incident_ended(label, Ending::Over(0), earlier(8)).unwrap().0.poll;
        assert_eq!(over.grade(), Grade::Disputed, "its ballots still count");
        let dismissed =
            sure.with_incident_ended(label, Ending::ByEditor(&Text::parse("?", REASON).unwrap()), earlier(8));
        assert_eq!(dismissed.unwrap().0.poll.grade(), Grade::Clean);
        let classes = clean.decided(Label::from_number(1).unwrap(), LabelDecision::Void, earlier(8)).unwrap();
        assert_eq!(classes.poll.grade(), Grade::Watched);
        assert_eq!(classes.poll.grade_reasons(), ["ballots with the label no-mark are void"]);
    }
}
