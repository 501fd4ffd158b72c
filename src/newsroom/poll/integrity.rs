//! What there is to say against a poll's ballots: all of them and those that count, label by label, and what holding
//! one would change.

use super::incidents::{IncidentsPart, TypedReason};
use crate::{
    embed::{digits::Digits, language::Language},
    integrity::{IntegrityReport, LabelReport},
    newsroom::{
        labels::label_text,
        texts::{IntegrityTexts, fill, texts_of},
    },
    poll::{Label, LabelDecision, LabelTally, Poll, PollOption, State, TimeZone},
};

/// What those see who may moderate a poll.
pub struct IntegrityPart {
    /// What goes on in it, or went on.
    pub incidents: IncidentsPart,
    /// Sums, each with its name: all ballots, those that count, and those that don't.
    pub sums: Vec<(&'static str, String)>,
    /// Each option's votes on record, and those that count.
    pub options: Vec<RecordedOption>,
    /// What counted at the close, and what is told beside it.
    pub after_close: Option<String>,
    /// Each label that has ballots, or that something is decided of.
    pub labels: Vec<LabelLine>,
    /// How many there are clean, in words.
    pub clean: String,
}

/// An option, with its votes on record.
pub struct RecordedOption {
    pub label: String,
    pub raw: String,
    pub counted: String,
}

/// A label.
pub struct LabelLine {
    /// Its name, for the form.
    pub name: String,
    /// What there is to say against its ballots.
    pub about: String,
    /// How many it has.
    pub ballots: String,
    /// What is decided of it.
    pub decision: LabelDecision,
    /// That in words.
    pub decided: &'static str,
    /// What would change if it were decided otherwise: for what, and each option's share.
    pub change: Option<(&'static str, Vec<String>)>,
    /// What was typed as the reason, if it was not taken.
    pub reason: String,
}

impl IntegrityPart {
    /// Of a report; with a reason that was typed and was not right.
    pub fn of(
        language: &'static Language,
        timezone: &TimeZone,
        report: &IntegrityReport,
        typed: Option<TypedReason<'_>>,
    ) -> Self {
        let texts = &texts_of(language).integrity;
        let votes = |tally: &LabelTally| language.count("votes", tally.ballots, Digits::Latn);
        let decided = |decision| votes(&report.decided(decision));
        let sums = vec![
            (texts.raw.as_str(), votes(&report.raw())),
            (&texts.counted, decided(LabelDecision::Counted)),
            (&texts.held, decided(LabelDecision::Held)),
            (&texts.void, decided(LabelDecision::Void)),
        ];
        let (raw, counted) = (report.raw(), report.decided(LabelDecision::Counted));
        let number = |number: u64| language.number(number, Digits::Latn);
        let line = |option: &PollOption| RecordedOption {
            label: option.label.as_str().to_owned(),
            raw: number(raw.votes_for(option.index)),
            counted: number(counted.votes_for(option.index)),
        };
        let options = report.poll.options.iter().map(line).collect();
        let after_close = report.at_close().map(|at_close| fill(&texts.at_close, &[("votes", &votes(&at_close))]));
        let mut clean = votes(&LabelTally::sum(&[], |_| false));
        let mut labels = Vec::new();
        for LabelReport { label, decision, tally } in report.labels() {
            if label == Label::CLEAN {
                clean = votes(&tally);
                continue;
            }
            let reason = match typed {
                Some(TypedReason::Decision(of, reason)) if of == label => reason.to_owned(),
                Some(_) | None => String::new(),
            };
            labels.push(LabelLine {
                name: label.name().into_owned(),
                about: label_text(language, label),
                ballots: votes(&tally),
                decision,
                decided: decision_text(texts, decision),
                change: change(language, report, decision, &tally),
                reason,
            });
        }
        let incidents = IncidentsPart::of(language, timezone, report, typed);
        Self { incidents, sums, options, after_close, labels, clean: fill(&texts.clean, &[("votes", &clean)]) }
    }
}

impl LabelLine {
    /// Whether another decision can be taken.
    pub fn may(&self, decision: &str) -> bool {
        self.decision.as_str() != decision
    }
}

fn decision_text(texts: &'static IntegrityTexts, decision: LabelDecision) -> &'static str {
    match decision {
        LabelDecision::Counted => &texts.is_counted,
        LabelDecision::Held => &texts.is_held,
        LabelDecision::Void => &texts.is_void,
    }
}

/// What each option would come to without the ballots of a label that counts, or with those of one that does not.
fn change(
    language: &Language,
    report: &IntegrityReport,
    decision: LabelDecision,
    of_label: &LabelTally,
) -> Option<(&'static str, Vec<String>)> {
    let texts = &texts_of(language).integrity;
    let now = report.decided(LabelDecision::Counted);
    let (what, then) = if decision == LabelDecision::Counted {
        let mut without = now.clone();
        without.take_out(of_label)?;
        (texts.if_held.as_str(), without)
    } else {
        let mut together = now.clone();
        together.add(of_label);
        (texts.if_counted.as_str(), together)
    };
    let share = |tally: &LabelTally, option: &PollOption| {
        tally.votes_for(option.index).saturating_mul(1_000).saturating_add(tally.ballots / 2).checked_div(tally.ballots)
    };
    let said = |share: Option<u64>| {
        share.map_or_else(|| "–".to_owned(), |tenths| language.share(tenths.min(1_000), Digits::Latn))
    };
    let poll: &Poll = &report.poll;
    let told = |option: &PollOption| {
        let (was, is) = (share(&now, option), share(&then, option));
        let values = [("option", option.label.as_str()), ("is", &*said(is)), ("was", &*said(was))];
        (was != is).then(|| fill(&texts.share_change, &values))
    };
    Some((what, poll.options.iter().filter_map(told).collect()))
}

/// Whether there is anything to moderate in a state.
pub fn has_ballots(state: State) -> bool {
    matches!(state, State::Open | State::Closed)
}
