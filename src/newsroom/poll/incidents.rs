//! A poll's incidents: what goes on in it, or went on, since when, why, how sure that is, and what it may cost readers.

use crate::{
    embed::{digits::Digits, language::Language},
    integrity::{IncidentReport, IntegrityReport},
    newsroom::{
        labels::cause_text,
        texts::{fill, texts_of},
    },
    poll::{Figures, IncidentCause, Label, State, TimeZone, Timestamp},
};

/// A reason that was typed, and was not taken; and what for.
#[derive(Clone, Copy)]
pub enum TypedReason<'a> {
    /// To decide of a label.
    Decision(Label, &'a str),
    /// To open an incident.
    NewIncident(&'a str),
    /// To close the incident of a label.
    EndOfIncident(Label, &'a str),
}

/// What those see who may moderate a poll.
pub struct IncidentsPart {
    /// The latest first.
    pub lines: Vec<IncidentLine>,
    /// Whether one can be opened.
    pub may_open: bool,
    /// Whether those that are opened from now on have no label of their own.
    pub are_labels_spent: bool,
    /// What was typed as the reason of a new one, if it was not taken.
    pub reason: Option<String>,
}

/// An incident.
pub struct IncidentLine {
    pub label: String,
    /// What tells it from all others of the poll, also once there are more: its label, and when it was opened.
    pub key: String,
    /// What was found, in words.
    pub what: &'static str,
    /// Why, in the words of whoever has opened it; not there where figures say it.
    pub why: Option<String>,
    /// In which language, if it is not the editor's: a detector of before told no figures, but spoke English.
    pub why_language: Option<&'static str>,
    /// What else speaks for it.
    pub signs: Vec<&'static str>,
    /// Whether it goes on.
    pub is_on: bool,
    /// That in words.
    pub state: String,
    /// What else is known of it, each with its name.
    pub facts: Vec<(&'static str, String)>,
    /// Whether ballots have its label.
    pub has_votes: bool,
    /// Whether ballots count that were cast meanwhile and have the label of those who left out the work.
    pub leaves_out_work: bool,
    /// What was typed as the reason to close it, or to say that it was none; or that neither can be any more.
    pub reason: Option<String>,
}

impl IncidentsPart {
    /// Of a report; with a reason that was typed and was not right.
    pub fn of(
        language: &'static Language,
        timezone: &TimeZone,
        report: &IntegrityReport,
        typed: Option<TypedReason<'_>>,
    ) -> Self {
        let is_open = report.state == State::Open;
        let typed_for = |label: Label| match typed {
            Some(TypedReason::EndOfIncident(of, reason)) if of == label => reason.to_owned(),
            Some(_) | None => String::new(),
        };
        let counts_without_work = report.poll.decisions_now().count(Label::NO_WORK);
        let mut has_typed = false;
        let line = |report: IncidentReport<'_>| {
            let label = report.incident.label;
            let mut line = IncidentLine::of(language, timezone, is_open, &report);
            line.leaves_out_work = counts_without_work && line.reason.is_some() && report.incident.leaves_out_work();
            if let Some(reason) = line.reason.as_mut().filter(|_| !has_typed) {
                *reason = typed_for(label);
                has_typed = !reason.is_empty();
            }
            line
        };
        let reason = match typed {
            Some(TypedReason::NewIncident(reason)) => Some(reason.to_owned()),
            Some(_) | None => None,
        };
        let are_labels_spent = is_open && report.poll.labels_left() == 0;
        Self { lines: report.incidents().map(line).collect(), may_open: is_open, are_labels_spent, reason }
    }
}

impl IncidentLine {
    fn of(
        language: &'static Language,
        timezone: &TimeZone,
        is_poll_open: bool,
        IncidentReport { incident, ballots, honest }: &IncidentReport<'_>,
    ) -> Self {
        let texts = &texts_of(language).incidents;
        let time = |moment: Timestamp| timezone.minute_time(moment);
        let votes = |number: u64| language.count("votes", number, Digits::Latn);
        let about = &incident.about;
        let is_on = incident.is_open() && is_poll_open;
        let state = match &incident.end {
            None if is_on => texts.goes_on.clone(),
            None => texts.until_close.clone(),
            Some(end) => match &end.reason {
                Some(reason) => fill(
                    &texts.closed_because,
                    &[("time", &time(end.at)), ("reason", &format!("\u{2068}{reason}\u{2069}"))],
                ),
                None => fill(&texts.over, &[("time", &time(end.at))]),
            },
        };
        let sureness = language.share(u64::from(about.sureness) * 10, Digits::Latn);
        let told = about.figures.map(|figures| FiguresTold::of(language, figures));
        let (why, signs, counted) = match told {
            Some(told) => (None, told.signs, told.facts),
            None => (Some(about.reason.as_str().to_owned()), Vec::new(), Vec::new()),
        };
        let mut facts = counted;
        facts.extend([
            (texts.since.as_str(), time(about.since)),
            (&texts.noticed, time(incident.opened_at)),
            (&texts.sureness, sureness),
            (&texts.votes, votes(*ballots)),
            (&texts.honest, votes(*honest)),
        ]);
        Self {
            label: incident.label.name().into_owned(),
            key: format!("{}-{}", incident.label.name(), incident.opened_at.as_millis()),
            what: cause_text(language, about.cause),
            why,
            why_language: (about.cause != IncidentCause::Editor).then_some("en"),
            signs,
            is_on,
            state,
            facts,
            has_votes: *ballots > 0,
            leaves_out_work: false,
            reason: (!incident.is_dismissed()).then(String::new),
        }
    }
}

/// What a detector has counted, in an editor's language.
struct FiguresTold {
    signs: Vec<&'static str>,
    facts: Vec<(&'static str, String)>,
}

impl FiguresTold {
    fn of(language: &'static Language, figures: Figures) -> Self {
        let texts = &texts_of(language).incidents;
        let number = |number: u32| language.number(number.into(), Digits::Latn);
        let votes = |number: u32| language.count("votes", number.into(), Digits::Latn);
        let percent = |percent: u32| language.share(u64::from(percent) * 10, Digits::Latn);
        let mut signs = Vec::new();
        let facts: Vec<(&'static str, String)> = match figures {
            Figures::Network { networks, minutes, ballots, expected, others, even_gaps, one_option } => {
                if even_gaps {
                    signs.push(texts.sign_even_gaps.as_str());
                }
                if one_option {
                    signs.push(texts.sign_one_option.as_str());
                }
                vec![
                    (&texts.networks, number(networks)),
                    (&texts.minutes, number(minutes)),
                    (&texts.of_busiest, votes(ballots)),
                    (&texts.expected, votes(expected)),
                    (&texts.of_others, votes(others)),
                ]
            }
            Figures::Beat { ballots, among, gap } => vec![
                (&texts.on_beat, votes(ballots)),
                (&texts.among, votes(among)),
                (&texts.gap, language.tenths(u64::from(gap) / 100, Digits::Latn)),
            ],
            Figures::Gaps { variation } => vec![(&texts.variation, percent(variation))],
            Figures::Share { before } => vec![(&texts.share_before, percent(before))],
            Figures::Views { minutes, ballots, views } => {
                vec![(&texts.minutes, number(minutes)), (&texts.came, votes(ballots)), (&texts.views, number(views))]
            }
            Figures::NewVoters { before } => vec![(&texts.new_before, percent(before))],
        };
        Self { signs, facts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_detector_has_counted_is_told_in_every_language() {
        for language in Language::all() {
            for (figures, told) in [
                (
                    Figures::Network {
                        networks: 3,
                        minutes: 5,
                        ballots: 120,
                        expected: 4,
                        others: 30,
                        even_gaps: true,
                        one_option: true,
                    },
                    &["3", "5", "120", "4", "30"][..],
                ),
                (Figures::Beat { ballots: 90, among: 128, gap: 6_500 }, &["90", "128", "6"]),
                (Figures::Gaps { variation: 8 }, &["8"]),
                (Figures::Share { before: 12 }, &["12"]),
                (Figures::Views { minutes: 10, ballots: 200, views: 9 }, &["10", "200", "9"]),
                (Figures::NewVoters { before: 40 }, &["40"]),
            ] {
                let FiguresTold { signs, facts } = FiguresTold::of(language, figures);
                let numbers: Vec<&str> = facts.iter().map(|(_, value)| value.as_str()).collect();
                assert_eq!(numbers.len(), told.len());
                assert!(numbers.iter().zip(told).all(|(value, number)| value.contains(number)), "{numbers:?}");
                assert_eq!(signs.len(), if told.len() == 5 { 2 } else { 0 });
            }
        }
    }
}
