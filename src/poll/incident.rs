//! Incidents: something goes on in a poll that is not readers making up their minds.
//!
//! An incident has a label, which ballots get that are cast while it goes on and that it is about. So what it has done to
//! a poll can be seen, held and taken out later, and no ballot is refused for it. It is a part of the poll's definition:
//! every store keeps it, every replica learns of it with the next revision, and of two that are opened at once the second
//! is decided on top of the first.

mod figures;

use serde::{Deserialize, Serialize};

pub use figures::Figures;

use super::{Edit, Effect, LABELS, Label, LabelDecision, NetworkDigest, Phase, Poll, Schedule, State, Text, Timestamp};

/// The first label that an incident may have; those below are of what a replica sees at a vote.
const FIRST_OF_INCIDENTS: u8 = 8;

/// The label that all incidents share which find no other.
const SHARED: u8 = LABELS - 1;

/// The most incidents that are kept of a poll. Beyond, the oldest that is over is forgotten, but for its label.
pub const MOST_INCIDENTS: usize = 40;

/// The most networks that one incident is about.
const MOST_NETWORKS: usize = 64;

/// From here on there is no doubt left, in percent: an incident may be held without asking.
pub const SURE: u8 = 90;

/// For how long an editor's word stands that nothing goes on.
const DISMISSED_MILLIS: i64 = DAY_MILLIS;

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// What is found within this time after the day has begun may be what went on when the last one ended.
const TAKEN_OVER_MILLIS: i64 = 60 * 60 * 1000;

/// Something that goes on, or went on, in a poll.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// The label of the ballots it is about: `incident-8` and on, or in the end `other-incidents`.
    pub label: Label,
    /// When it was opened, by the store's clock: its label is on ballots from then on.
    pub opened_at: Timestamp,
    /// When and how it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<IncidentEnd>,
    /// What is known of it.
    #[serde(flatten)]
    pub about: Finding,
}

/// What was found: an incident, but for its label and its life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Who or what has found it.
    pub cause: IncidentCause,
    /// Since when it goes on, as far as can be told.
    pub since: Timestamp,
    /// Why it is one.
    pub reason: Text,
    /// What a detector has counted, which the reason says in English.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub figures: Option<Figures>,
    /// How sure that is, in percent.
    pub sureness: u8,
    /// Whose ballots it is about.
    #[serde(default, skip_serializing_if = "Suspects::is_everyone")]
    pub suspects: Suspects,
    /// How many of the ballots that it is about readers cast in an hour, going by the time before.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub honest_per_hour: u32,
    /// Whether the poll asked new voters to prove work for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub asks_for_work: bool,
}

/// Whose ballots an incident is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Suspects {
    /// Everybody's, but for those that an incident of their network is about. Where a detector has found it, also but for
    /// those of which a replica has seen something.
    #[default]
    Everyone,
    /// Those of these networks, by marks of the day on which it was opened.
    Networks(Vec<NetworkDigest>),
}

/// Who or what has found an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IncidentCause {
    Editor,
    /// Networks vote more than their past and the other readers explain.
    NetworkBurst,
    /// Ballots come at gaps too even for many readers.
    EvenGaps,
    /// The shares of the options have moved at once.
    ShareSwing,
    /// There are more votes than views.
    MoreVotesThanViews,
    /// More voters than before come for the first time.
    NewVoters,
}

/// What a site has done about an incident of which there is no doubt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IncidentPolicy {
    /// It is shown to editors, who decide.
    #[default]
    Show,
    /// The ballots that it is about are held from then on, if it is not about everybody's.
    Hold,
}

/// How an incident ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentEnd {
    /// When, by the store's clock: the poll's close at the latest.
    pub at: Timestamp,
    /// Why, if an editor has ended it, or has said later that it was none; else it was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text>,
    /// How many ballots those that it was about cast in an hour once it was over, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_hour_after: Option<u32>,
}

/// What ends an incident.
#[derive(Debug, Clone, Copy)]
pub enum Ending<'a> {
    /// It is over. Those that it was about cast so many ballots in an hour now.
    Over(u32),
    /// An editor says so, and why.
    ByEditor(&'a Text),
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl IncidentCause {
    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Editor => "editor",
            Self::NetworkBurst => "network-burst",
            Self::EvenGaps => "even-gaps",
            Self::ShareSwing => "share-swing",
            Self::MoreVotesThanViews => "more-votes-than-views",
            Self::NewVoters => "new-voters",
        }
    }
}

impl IncidentPolicy {
    /// All there are, by their names.
    pub const NAMES: [(&'static str, Self); 2] = [("show", Self::Show), ("hold", Self::Hold)];

    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Show => "show",
            Self::Hold => "hold",
        }
    }
}

impl Suspects {
    /// Whether it is about every ballot.
    pub fn is_everyone(&self) -> bool {
        *self == Self::Everyone
    }

    /// The networks it is about.
    pub fn networks(&self) -> &[NetworkDigest] {
        match self {
            Self::Everyone => &[],
            Self::Networks(networks) => networks,
        }
    }

    fn forget(&mut self, is_forgotten: impl Fn(&NetworkDigest) -> bool) {
        if let Self::Networks(networks) = self {
            networks.retain(|network| !is_forgotten(network));
        }
    }

    /// Whether it can be about more networks.
    fn has_room(&self) -> bool {
        self.networks().len() < MOST_NETWORKS
    }
}

impl Finding {
    /// Whether there is no doubt left.
    pub fn is_sure(&self) -> bool {
        self.sureness >= SURE
    }

    /// Keeps these of its networks, and as many of them as there is room for, with their part of the honest ballots.
    fn keep(&mut self, room: usize, is_kept: impl Fn(&NetworkDigest) -> bool) {
        if let Suspects::Networks(networks) = &mut self.suspects {
            let found = networks.len();
            networks.retain(is_kept);
            networks.truncate(room);
            let (found, kept) = (u64::try_from(found).unwrap_or(u64::MAX), u64::try_from(networks.len()).unwrap_or(0));
            let per_hour = (u64::from(self.honest_per_hour) * kept).div_ceil(found.max(1));
            self.honest_per_hour = u32::try_from(per_hour).unwrap_or(u32::MAX);
        }
    }

    /// Whether one incident can be of both.
    fn is_like(&self, other: &Self) -> bool {
        self.cause == other.cause
            && self.is_sure() == other.is_sure()
            && self.suspects.is_everyone() == other.suspects.is_everyone()
    }
}

impl Incident {
    /// Whether it goes on.
    pub fn is_open(&self) -> bool {
        self.end.is_none()
    }

    /// Whether an editor has ended it, or has said since that it was none: they know better.
    pub fn is_dismissed(&self) -> bool {
        self.end.as_ref().is_some_and(|end| end.reason.is_some())
    }

    /// Whether it is sure, and ballots that were cast meanwhile have another label for it that they left out the work that was
    /// asked for.
    pub fn leaves_out_work(&self) -> bool {
        self.about.asks_for_work && self.about.is_sure() && self.about.suspects.is_everyone()
    }

    /// How many of its ballots may be readers', going by the time before it, and after it if that is known.
    pub fn honest_ballots(&self, now: Timestamp) -> u64 {
        let until = self.end.as_ref().map_or(now, |end| end.at);
        let millis = u64::try_from(until.as_millis() - self.opened_at.as_millis()).unwrap_or(0);
        let before = u64::from(self.about.honest_per_hour);
        let after = self.end.as_ref().and_then(|end| end.per_hour_after).map_or(before, u64::from);
        (millis * (before + after)).div_ceil(2 * 60 * 60 * 1000)
    }

    /// Whether its marks are of the day of this moment.
    fn is_of_day(&self, now: Timestamp) -> bool {
        NetworkDigest::day(self.opened_at) == NetworkDigest::day(now)
    }
}

impl Poll {
    /// The incidents that go on.
    pub fn open_incidents(&self) -> impl Iterator<Item = &Incident> {
        self.incidents.iter().filter(|incident| incident.is_open())
    }

    /// Whether one goes on that an editor has opened for this reason.
    pub fn goes_on_by_editor(&self, reason: &Text) -> bool {
        self.open_incidents().any(|it| it.about.cause == IncidentCause::Editor && it.about.reason == *reason)
    }

    /// Whether one more can be kept: those that go on are never forgotten for it.
    pub fn has_room_for_incident(&self) -> bool {
        self.open_incidents().count() < MOST_INCIDENTS
    }

    /// The label of a ballot that is cast now: that of an incident that is about its network; or else of one that an editor
    /// has opened; or else of what a replica has seen; or else of an incident that a detector has found to be about everybody.
    /// Of these one that is sure goes before a mark that is missing or early: whoever has it held gets also those who bring
    /// none. But one of these that is not counted goes before those that are: so nobody gets out of it by what else there is to say
    /// against them. `network` is asked for only where it matters.
    pub fn label_of_vote(&self, seen: Label, network: impl FnOnce() -> NetworkDigest) -> Label {
        let worst = |labels: &mut dyn Iterator<Item = &Incident>| {
            labels.map(|incident| incident.label).fold(Label::CLEAN, Label::worse)
        };
        if self.incidents.is_empty() {
            return seen;
        }
        let of_networks = || self.open_incidents().filter(|incident| !incident.about.suspects.is_everyone());
        let by_network = if of_networks().next().is_some() {
            let network = network();
            let has = |incident: &&Incident| incident.about.suspects.networks().contains(&network);
            worst(&mut of_networks().filter(has))
        } else {
            Label::CLEAN
        };
        let of_everyone = || self.open_incidents().filter(|incident| incident.about.suspects.is_everyone());
        let by_editor = worst(&mut of_everyone().filter(|incident| incident.about.cause == IncidentCause::Editor));
        let of_sure = worst(&mut of_everyone().filter(|incident| incident.about.is_sure()));
        let says_more = if seen > Label::EARLY_MARK { seen } else { Label::CLEAN };
        let all = [by_network, by_editor, says_more, of_sure, seen, worst(&mut of_everyone())];
        let is_uncounted = |label: &&Label| !self.decisions.count(**label);
        let found = all.iter().find(is_uncounted).or_else(|| all.iter().find(|label| **label != Label::CLEAN));
        found.copied().unwrap_or_default()
    }

    /// The poll with what was found as an incident: one more, or one that goes on already and is about more networks now.
    /// `None` if that is known, if an editor has said lately that it is none, if as many go on as can be kept, or if the poll
    /// takes no votes.
    pub fn with_incident(
        &self,
        mut found: Finding,
        policy: IncidentPolicy,
        now: Timestamp,
    ) -> Option<(Edit, Incident)> {
        if self.state_at(now) != State::Open {
            return None;
        }
        found.since = found.since.min(now);
        if found.cause != IncidentCause::Editor {
            self.leave_out_known(&mut found, now)?;
        } else if self.goes_on_by_editor(&found.reason) {
            return None;
        }
        let mut edit = self.moved(self.schedule, now);
        let incidents = &mut edit.poll.incidents;
        for incident in incidents.iter_mut() {
            // Marks are of one day. And of what is sure there is no doubt any more.
            let is_old = !incident.is_of_day(now);
            if is_old {
                incident.about.suspects.forget(|_| true);
            } else if found.is_sure() && !incident.about.is_sure() {
                let now_sure = found.suspects.networks();
                incident.about.keep(MOST_NETWORKS, |network| !now_sure.contains(network));
            }
        }
        let goes_on = |it: &Incident| it.is_open() && it.about.is_like(&found) && it.is_of_day(now);
        let joined = incidents.iter_mut().find(|it| goes_on(it) && it.about.suspects.has_room());
        if let Some(incident) = joined
            && let Suspects::Networks(networks) = &mut incident.about.suspects
        {
            // The others are found again, and have one of their own then.
            found.keep(MOST_NETWORKS.saturating_sub(networks.len()), |_| true);
            networks.extend(found.suspects.networks());
            let per_hour = &mut incident.about.honest_per_hour;
            *per_hour = per_hour.saturating_add(found.honest_per_hour);
            let incident = incident.clone();
            return Some((edit, incident));
        }
        found.keep(MOST_NETWORKS, |_| true);
        if !self.has_room_for_incident() {
            return None;
        }
        let before = self.label_before_today(&found, now);
        let label = before.unwrap_or_else(|| self.label_for_incident());
        let incident = Incident { label, opened_at: now, end: None, about: found };
        incidents.push(incident.clone());
        if incidents.len() > MOST_INCIDENTS
            && let Some(oldest) = incidents.iter().position(|incident| !incident.is_open())
        {
            incidents.remove(oldest);
        }
        // The label that is shared may be on ballots of which there is doubt, and of yesterday's an editor has decided.
        let is_own = before.is_none() && label.number() != SHARED && !incident.about.suspects.is_everyone();
        if policy == IncidentPolicy::Hold && incident.about.is_sure() && is_own {
            edit.poll.decisions = edit.poll.decisions.with(label, LabelDecision::Held);
        }
        Some((edit, incident))
    }

    /// The poll with the incidents of a label ended, and those incidents; `None` if none of them goes on, or the poll takes
    /// no votes. But an editor's word is taken at any time: where none goes on it is about those that are over, and a closed
    /// poll has it beside its final figure.
    pub fn with_incident_ended(
        &self,
        label: Label,
        ending: Ending<'_>,
        now: Timestamp,
    ) -> Option<(Edit, Vec<Incident>)> {
        let of_label = || self.incidents.iter().filter(|incident| incident.label == label);
        let goes_on = of_label().any(Incident::is_open);
        let is_older = |it: &Incident| it.is_open() && !it.about.suspects.is_everyone() && !it.is_of_day(now);
        let has_older = of_label().any(is_older);
        let is_about = |incident: &Incident| match ending {
            // An editor's own goes on until an editor ends it, also where it shares its label; and of one that goes on since
            // yesterday and the same of today the first is over.
            Ending::Over(_) => {
                let is_by_detector = incident.is_open() && incident.about.cause != IncidentCause::Editor;
                is_by_detector && (is_older(incident) || !has_older)
            }
            Ending::ByEditor(_) => incident.is_open() || !(goes_on || incident.is_dismissed()),
        };
        let mut edit = match (self.state_at(now), ending) {
            (State::Open, _) => self.moved(self.schedule, now),
            (State::Closed, Ending::ByEditor(_)) => {
                let Edit { poll, .. } = self.moved(Schedule { phase: Phase::Closed, ..self.schedule }, now);
                Edit { poll, effect: Effect::Amends }
            }
            (State::Closed | State::Draft | State::Scheduled, _) => return None,
        };
        let at = self.schedule.closes_at.map_or(now, |closes_at| closes_at.min(now));
        let mut ended = Vec::new();
        for incident in &mut edit.poll.incidents {
            let ends = incident.label == label && is_about(incident);
            if ends {
                let end = incident.end.get_or_insert(IncidentEnd { at, reason: None, per_hour_after: None });
                match ending {
                    Ending::Over(per_hour) => end.per_hour_after = Some(per_hour),
                    Ending::ByEditor(reason) => end.reason = Some(reason.clone()),
                }
            }
            // What an editor has ended is known again until the day is over.
            let is_forgotten = !incident.is_of_day(now) || (!incident.is_open() && !incident.is_dismissed());
            incident.about.suspects.forget(|_| is_forgotten);
            if ends {
                ended.push(incident.clone());
            }
        }
        (!ended.is_empty()).then_some((edit, ended))
    }

    /// Takes out of a detector's finding what is known already, or dismissed; `None` if nothing is left.
    fn leave_out_known(&self, found: &mut Finding, now: Timestamp) -> Option<()> {
        let is_known = |incident: &&Incident| {
            let ended = incident.end.as_ref().map(|end| end.at.as_millis());
            let is_standing = ended.is_some_and(|at| now.as_millis() - at < DISMISSED_MILLIS);
            incident.is_open() || (incident.is_dismissed() && is_standing)
        };
        let known: Vec<&Incident> = self.incidents.iter().filter(is_known).collect();
        let is_sure = found.is_sure();
        if found.suspects.is_everyone() {
            let same = known.iter().any(|it| it.about.cause == found.cause && it.about.suspects.is_everyone());
            return (!same).then_some(());
        }
        // What is sure now may be known as doubtful.
        let says_enough = |it: &&&Incident| it.is_dismissed() || it.about.is_sure() || !is_sure;
        found.keep(usize::MAX, |network| {
            !known.iter().filter(says_enough).any(|it| it.about.suspects.networks().contains(network))
        });
        (!found.suspects.networks().is_empty()).then_some(())
    }

    /// The label of a sure one that went on when the day ended, if what is found soon after is like it. Marks of networks are
    /// dropped with the day; what is decided of them is not.
    fn label_before_today(&self, found: &Finding, now: Timestamp) -> Option<Label> {
        let is_soon = now.as_millis().rem_euclid(DAY_MILLIS) < TAKEN_OVER_MILLIS;
        if !is_soon || !found.is_sure() || found.suspects.is_everyone() {
            return None;
        }
        let went_on = |it: &&Incident| {
            let ended = it.end.as_ref().map_or(now, |end| end.at);
            it.about.is_like(found)
                && !it.is_dismissed()
                && NetworkDigest::day(it.opened_at) == NetworkDigest::day(now) - 1
                && NetworkDigest::day(ended) == NetworkDigest::day(now)
        };
        self.incidents.iter().rfind(went_on).map(|incident| incident.label)
    }

    /// How many incidents more have a label of their own.
    pub fn labels_left(&self) -> u8 {
        SHARED - self.label_for_incident().number()
    }

    /// The first label that no incident has had, or the one that is shared.
    fn label_for_incident(&self) -> Label {
        let last = self.incidents.iter().map(|incident| incident.label.number()).max();
        let next = last.map_or(FIRST_OF_INCIDENTS, |last| last.saturating_add(1).min(SHARED));
        Label::from_number(next).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
