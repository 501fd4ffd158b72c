//! One poll's detectors, and what they have found.

use super::{
    gaps::Gaps,
    minutes::minute_of,
    network::{Burst, Networks},
    new_voters::NewVoters,
    rhythm::Rhythm,
    swing::Swing,
    views::{VotesAndViews, WINDOW},
};
use crate::poll::{Figures, Finding, Incident, IncidentCause, NetworkDigest, SURE, Suspects, Timestamp, VoteTrace};

/// For how long nothing is to be found any more before something is over.
const QUIET_MILLIS: i64 = 60 * 60_000;

/// How many ballots for an option, and for how long, tell of everybody whether gaps are even.
const FEWEST_EVEN: f64 = 150.0;
const SHORTEST_MILLIS: i64 = 5 * 60_000;

/// For so long they may be even no more, and it is still the same.
const LONGEST_PAUSE_MILLIS: i64 = 3 * 60_000;

/// How many minutes before something was found are not what it was before, at most.
const LONGEST_MINUTES: i64 = 50;

/// A burst of less sureness has no sign but itself, and is not told.
const LEAST_SURENESS: u8 = 60;

/// The detectors of one poll.
#[derive(Debug, Clone)]
pub struct PollWatch {
    networks: Networks,
    /// By option.
    gaps: Vec<Gaps>,
    rhythm: Rhythm,
    swing: Swing,
    new_voters: NewVoters,
    views: VotesAndViews,
    /// Since when ballots of everybody come at even gaps, and when they did last.
    even_millis: Option<(i64, i64)>,
    /// Since when some network bursts.
    bursting_millis: Option<i64>,
    begun_millis: i64,
    /// The newest ballot when it was looked last: other replicas' come some seconds late, so the clock says nothing of it.
    looked_millis: i64,
    newest_millis: i64,
    /// Whether a ballot came since then that the detectors of everybody's ballots were shown.
    has_news: bool,
    /// When the newest ballot came with which each cause was found last.
    found: Vec<(IncidentCause, i64)>,
}

impl PollWatch {
    /// Nothing is known before this moment.
    pub fn begin(at: Timestamp) -> Self {
        let millis = at.as_millis();
        let minute = minute_of(millis);
        Self {
            networks: Networks::begin(minute),
            gaps: Vec::new(),
            rhythm: Rhythm::default(),
            swing: Swing::default(),
            new_voters: NewVoters::default(),
            views: VotesAndViews::begin(minute),
            even_millis: None,
            bursting_millis: None,
            begun_millis: millis,
            looked_millis: millis,
            newest_millis: millis,
            has_news: false,
            found: Vec::new(),
        }
    }

    /// How many networks it knows, of which each takes some hundred bytes.
    pub fn networks(&self) -> usize {
        self.networks.known()
    }

    /// When the last ballot was noted.
    pub fn newest(&self) -> Timestamp {
        Timestamp::from_millis(self.newest_millis)
    }

    /// Notes a ballot. They should come in their order; what comes late counts, and tells less.
    pub fn note(&mut self, trace: &VoteTrace) {
        let VoteTrace { at, network, option, ballots, is_by_new_voter } = *trace;
        let millis = at.as_millis();
        if NetworkDigest::day(at) > NetworkDigest::day(self.newest()) {
            self.networks.drop_marks(minute_of(millis));
        }
        if millis - self.newest_millis >= QUIET_MILLIS {
            self.forget_signs();
        }
        self.newest_millis = self.newest_millis.max(millis);
        self.networks.note(millis, network, option, ballots);
        if self.networks.is_sure(network) {
            return;
        }
        self.has_news = true;
        self.views.note_vote(minute_of(millis), ballots);
        self.swing.note(millis, option);
        self.new_voters.note(millis, is_by_new_voter);
        if ballots == 1 {
            self.rhythm.note(millis, option, network);
            note_gap(&mut self.gaps, millis, option);
        }
    }

    /// Notes views of the poll's page.
    pub fn note_views(&mut self, at: Timestamp, views: u16) {
        self.views.note_views(minute_of(at.as_millis()), views);
    }

    /// What goes on now. What goes on still is found again each time that ballots have come.
    pub fn look(&mut self, now: Timestamp) -> Vec<Finding> {
        let millis = now.as_millis();
        let mut found = self.bursts(millis);
        // Nothing goes on where no ballots come: what they have added up to stays as it was.
        if std::mem::take(&mut self.has_news) {
            found.extend(self.even_gaps(millis));
            found.extend(self.swung(millis));
            found.extend(self.new_crowd(millis));
        }
        found.extend(self.more_votes_than_views(millis));
        for finding in &found {
            self.note_found(finding.cause);
        }
        self.looked_millis = self.newest_millis;
        found
    }

    /// Notes that something goes on, as of the newest ballot, which this replica or another has found.
    pub fn note_found(&mut self, cause: IncidentCause) {
        self.found.retain(|(found, _)| *found != cause);
        self.found.push((cause, self.newest_millis));
    }

    /// Whether an incident that a detector has opened is over: its networks are quiet, or their marks are of another day;
    /// or else it was not found again for an hour, here or elsewhere.
    pub fn is_over(&self, incident: &Incident, now: Timestamp) -> bool {
        let millis = now.as_millis();
        let found = self.found.iter().find(|(cause, _)| *cause == incident.about.cause);
        let last = found.map_or(self.begun_millis, |(_, last)| *last);
        match &incident.about.suspects {
            Suspects::Networks(_) if NetworkDigest::day(incident.opened_at) < NetworkDigest::day(now) => true,
            Suspects::Networks(networks) => {
                millis - last >= QUIET_MILLIS / 2
                    && networks.iter().all(|network| self.networks.is_quiet(*network, millis))
            }
            // Whoever has opened it had found it then.
            Suspects::Everyone => millis - last.max(incident.opened_at.as_millis()) >= QUIET_MILLIS,
        }
    }

    /// How many ballots an hour come now of those that an incident was about: that is how readers vote, once it is over.
    pub fn per_hour(&self, incident: &Incident, now: Timestamp) -> u32 {
        let minute = minute_of(now.as_millis());
        whole(match &incident.about.suspects {
            Suspects::Everyone => self.networks.per_hour_lately(minute),
            Suspects::Networks(networks) => {
                networks.iter().map(|it| self.networks.per_hour_lately_of(*it, minute)).sum()
            }
        })
    }

    /// After a pause of an hour all is over that ballots of before had added up to. How readers vote is still known.
    fn forget_signs(&mut self) {
        self.gaps.clear();
        self.rhythm.clear();
        self.even_millis = None;
        self.swing.forget_signs();
        self.new_voters.forget_signs();
    }

    /// All networks that are surely no readers are one finding, and those of which there is doubt another.
    fn bursts(&mut self, millis: i64) -> Vec<Finding> {
        let bursts = self.networks.bursts(millis, self.looked_millis);
        self.bursting_millis = if bursts.is_empty() { None } else { self.bursting_millis.or(Some(millis)) };
        let mut is_new = false;
        for burst in bursts.iter().filter(|burst| burst.sureness >= SURE) {
            if self.networks.make_sure(burst, millis) {
                // Its ballots were among all others until now. Those of others stay: who gives a network away for it hides
                // nothing else.
                self.rhythm.forget_network(burst.network);
                is_new = true;
            }
        }
        if is_new {
            self.gaps.clear();
            for (millis, option) in self.rhythm.ballots() {
                note_gap(&mut self.gaps, millis, option);
            }
        }
        let (sure, doubtful): (Vec<Burst>, Vec<Burst>) = bursts
            .into_iter()
            .filter(|burst| burst.sureness >= LEAST_SURENESS)
            .map(|burst| Burst {
                sureness: if self.networks.is_sure(burst.network) { burst.sureness.max(SURE) } else { burst.sureness },
                ..burst
            })
            .partition(|burst| burst.sureness >= SURE);
        [sure, doubtful].iter().filter_map(|bursts| about_networks(millis, bursts)).collect()
    }

    fn even_gaps(&mut self, millis: i64) -> Option<Finding> {
        let figures = if let Some(beat) = self.rhythm.beat(millis) {
            Figures::Beat { ballots: rounded(beat.ballots), among: count(beat.of), gap: rounded(beat.secs * 1_000.0) }
        } else {
            let many = self.gaps.iter().filter(|gaps| gaps.count() >= FEWEST_EVEN);
            let variation = many.filter_map(Gaps::evenness).min_by(f64::total_cmp)?;
            Figures::Gaps { variation: rounded(100.0 * variation) }
        };
        let (since, last) = self.even_millis.unwrap_or((millis, millis));
        let since = if millis - last > LONGEST_PAUSE_MILLIS { millis } else { since };
        self.even_millis = Some((since, millis));
        // A network that has begun to burst, or soon does, may explain it.
        let since = since.max(self.bursting_millis.unwrap_or(self.begun_millis));
        if millis - since < SHORTEST_MILLIS {
            return None;
        }
        self.about_everyone(IncidentCause::EvenGaps, (millis, millis), SURE, figures)
    }

    fn swung(&self, millis: i64) -> Option<Finding> {
        let swung = self.swing.swung()?;
        let figures = Figures::Share { before: rounded(100.0 * swung.share) };
        self.about_everyone(IncidentCause::ShareSwing, (millis, swung.since_millis), LEAST_SURENESS, figures)
    }

    fn new_crowd(&self, millis: i64) -> Option<Finding> {
        let crowd = self.new_voters.crowd()?;
        let figures = Figures::NewVoters { before: rounded(100.0 * crowd.part) };
        self.about_everyone(IncidentCause::NewVoters, (millis, crowd.since_millis), LEAST_SURENESS, figures)
    }

    fn more_votes_than_views(&self, millis: i64) -> Option<Finding> {
        let (votes, views) = self.views.too_many(minute_of(millis))?;
        let figures = Figures::Views { minutes: count(WINDOW), ballots: rounded(votes), views: rounded(views) };
        self.about_everyone(IncidentCause::MoreVotesThanViews, (millis, millis - WINDOW * 60_000), SURE, figures)
    }

    /// What is found at a moment to go on since another.
    fn about_everyone(
        &self,
        cause: IncidentCause,
        (millis, since_millis): (i64, i64),
        sureness: u8,
        figures: Figures,
    ) -> Option<Finding> {
        // What goes on is seen some time after it has begun.
        let minutes = ((millis - since_millis) / 60_000).clamp(WINDOW, LONGEST_MINUTES);
        let per_hour = self.networks.per_hour_before(minute_of(millis), minutes);
        Some(Finding {
            cause,
            since: Timestamp::from_millis(since_millis),
            reason: figures.reason()?,
            figures: Some(figures),
            sureness,
            suspects: Suspects::Everyone,
            honest_per_hour: whole(per_hour),
            asks_for_work: false,
        })
    }
}

fn note_gap(gaps: &mut Vec<Gaps>, millis: i64, option: u8) {
    let nth = usize::from(option);
    if gaps.len() <= nth {
        gaps.resize(nth + 1, Gaps::default());
    }
    if let Some(gaps) = gaps.get_mut(nth) {
        gaps.note(millis);
    }
}

fn about_networks(millis: i64, bursts: &[Burst]) -> Option<Finding> {
    let greatest = bursts.iter().max_by(|one, other| one.ballots.total_cmp(&other.ballots))?;
    let Burst { minutes, ballots, others, expected, is_even, is_one_sided, .. } = greatest;
    let figures = Figures::Network {
        networks: count(bursts.len()),
        minutes: count(*minutes),
        ballots: rounded(*ballots),
        expected: rounded(*expected),
        others: rounded(*others),
        even_gaps: *is_even,
        one_option: *is_one_sided,
    };
    let per_hour = |burst: &Burst| burst.expected * 60.0 / minutes_in(burst);
    Some(Finding {
        cause: IncidentCause::NetworkBurst,
        since: Timestamp::from_millis(millis - minutes * 60_000),
        reason: figures.reason()?,
        figures: Some(figures),
        sureness: bursts.iter().map(|burst| burst.sureness).max()?,
        suspects: Suspects::Networks(bursts.iter().map(|burst| burst.network).collect()),
        honest_per_hour: whole(bursts.iter().map(per_hour).sum()),
        asks_for_work: false,
    })
}

#[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "an hour at most")]
fn minutes_in(burst: &Burst) -> f64 {
    burst.minutes as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::as_conversions, reason = "it saturates")]
fn whole(number: f64) -> u32 {
    number.ceil() as u32
}

fn rounded(number: f64) -> u32 {
    whole(number.round())
}

fn count(number: impl TryInto<u32>) -> u32 {
    number.try_into().unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
