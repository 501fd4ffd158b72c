use super::*;
use crate::{
    integrity::detect::tests::Dice,
    poll::{DigestKey, Ending, IncidentPolicy, NewOption, NewPoll, Partitions, Poll, PollFields, PollId, SiteId},
};

const MINUTE: i64 = 60_000;

fn poll(now: Timestamp) -> Poll {
    let option = |label: &str| NewOption { label: label.to_owned(), ..NewOption::default() };
    let fields = PollFields {
        question: Some("هل تتوقع حل مجلس الأمة؟".to_owned()),
        options: Some(vec![option("نعم"), option("لا")]),
        ..PollFields::default()
    };
    let key = DigestKey::from_bytes([7; 32]);
    NewPoll::from(fields).build(PollId::generate(), SiteId::default(), Partitions::unplaced(1), key, now).unwrap()
}

type Attack = fn(&mut Watched);

/// A poll as its detectors and their incidents see it.
struct Watched {
    watch: PollWatch,
    poll: Poll,
    dice: Dice,
    now: i64,
}

impl Watched {
    /// A poll with two hours of readers behind it, of a thousand networks, that has been on since before.
    fn begin() -> Self {
        // The first moment of a day, whose marks hold.
        let now = 20_000 * 24 * 60 * MINUTE;
        let at = Timestamp::from_millis(now);
        let mut watched = Self { watch: PollWatch::begin(at), poll: poll(at), dice: Dice::new(5), now };
        watched.readers(1_500, 0.5, 0.1);
        watched
    }

    /// So many readers, twelve a minute, with the part of them who name an option and who come for the first time.
    fn readers(&mut self, ballots: usize, naming: f64, new: f64) {
        for _ in 0..ballots {
            self.now += Dice::millis(self.dice.exponential(5_000.0));
            let (option, is_by_new_voter) = (u8::from(self.dice.unit() < naming), self.dice.unit() < new);
            self.cast(option, is_by_new_voter);
        }
    }

    fn cast(&mut self, option: u8, is_by_new_voter: bool) {
        let network = self.dice.below(1_000);
        self.cast_from(network, option, is_by_new_voter);
    }

    fn cast_from(&mut self, network: u32, option: u8, is_by_new_voter: bool) {
        let network = NetworkDigest(network);
        let at = Timestamp::from_millis(self.now);
        self.watch.note(&VoteTrace { at, network, option, ballots: 1, is_by_new_voter });
        self.look();
    }

    fn look(&mut self) {
        let now = Timestamp::from_millis(self.now);
        for found in self.watch.look(now) {
            if let Some((edit, _)) = self.poll.with_incident(found, IncidentPolicy::Show, now) {
                self.poll = edit.poll;
            }
        }
        let over = self.poll.open_incidents().find(|incident| self.watch.is_over(incident, now)).cloned();
        if let Some(over) = over {
            self.poll = self.poll.with_incident_ended(over.label, Ending::Over(0), now).unwrap().0.poll;
        }
    }

    /// So many minutes in which nobody votes.
    fn quiet(&mut self, minutes: i64) {
        for _ in 0..minutes {
            self.now += MINUTE;
            self.look();
        }
    }

    fn goes_on(&self, cause: IncidentCause) -> bool {
        self.poll.open_incidents().any(|incident| incident.about.cause == cause)
    }
}

#[test]
fn what_is_about_everybody_is_over_an_hour_after_the_votes_have_stopped_and_one_vote_brings_none_of_it_back() {
    let attacks: [(IncidentCause, Attack); 3] = [
        (IncidentCause::ShareSwing, |it| it.readers(400, 0.95, 0.1)),
        (IncidentCause::NewVoters, |it| it.readers(400, 0.5, 0.95)),
        (IncidentCause::EvenGaps, |it| {
            for _ in 0..400 {
                it.now += 3_000;
                it.cast(1, false);
            }
        }),
    ];
    for (cause, attack) in attacks {
        let mut watched = Watched::begin();
        assert_eq!(watched.poll.incidents, [], "readers are no incident");
        attack(&mut watched);
        assert!(watched.goes_on(cause), "{:?}", watched.poll.incidents);
        watched.quiet(58);
        assert!(watched.goes_on(cause), "not yet");
        watched.quiet(4);
        assert!(!watched.goes_on(cause), "{:?}", watched.poll.incidents);
        let ended = watched.poll.incidents.len();
        watched.quiet(30 * 60);
        watched.cast(0, false);
        watched.quiet(1);
        assert_eq!(watched.poll.incidents.len(), ended, "{:?}", watched.poll.incidents);
    }
}

#[test]
fn what_another_replica_has_found_is_not_over_here() {
    let mut watched = Watched::begin();
    watched.readers(400, 0.95, 0.1);
    let mut incidents = watched.poll.open_incidents();
    let swing = incidents.find(|incident| incident.about.cause == IncidentCause::ShareSwing).unwrap();
    let opened = swing.opened_at.as_millis();
    let after = |minutes: i64| Timestamp::from_millis(opened + minutes * MINUTE);
    // It has been on for hours, and has not found it itself.
    let mut other = PollWatch::begin(after(-300));
    assert_eq!([0, 59, 60].map(|minutes| other.is_over(swing, after(minutes))), [false, false, true]);
    let trace = |at| VoteTrace { at, network: NetworkDigest(1), option: 0, ballots: 1, is_by_new_voter: false };
    other.note(&trace(after(50)));
    other.note_found(IncidentCause::ShareSwing);
    assert_eq!([60, 109, 110].map(|minutes| other.is_over(swing, after(minutes))), [false, false, true]);
}

#[test]
fn a_network_that_is_given_away_hides_no_clock() {
    let mut watched = Watched::begin();
    let begins = watched.now;
    for ballot in 0..300 {
        watched.now = begins + ballot * 6_000;
        let proxy = 100_000 + watched.dice.below(5_000);
        watched.cast_from(proxy, 1, true);
        if ballot % 40 == 20 {
            for _ in 0..60 {
                watched.now += 40;
                watched.cast_from(200_000 + u32::try_from(ballot).unwrap(), 1, true);
            }
        }
        watched.now += i64::from(watched.dice.below(3_000));
        watched.cast(u8::from(ballot % 2 == 0), false);
    }
    let sure = watched.poll.incidents.iter().filter(|incident| incident.about.is_sure());
    let networks: usize = sure.map(|incident| incident.about.suspects.networks().len()).sum();
    assert!(networks >= 6, "{:?}", watched.poll.incidents);
    assert!(watched.goes_on(IncidentCause::EvenGaps), "{:?}", watched.poll.incidents);
}

#[test]
fn a_burst_is_found_also_where_ballots_wait_for_those_of_other_replicas() {
    let mut watched = Watched::begin();
    let mut waiting = std::collections::VecDeque::new();
    for _ in 0..100 {
        watched.now += 3_000;
        let at = Timestamp::from_millis(watched.now);
        waiting.push_back(VoteTrace {
            at,
            network: NetworkDigest(9_999),
            option: 1,
            ballots: 1,
            is_by_new_voter: false,
        });
        while waiting.front().is_some_and(|trace| trace.at.as_millis() <= watched.now - 8_000) {
            watched.watch.note(&waiting.pop_front().unwrap());
        }
        watched.look();
    }
    assert!(watched.goes_on(IncidentCause::NetworkBurst), "{:?}", watched.poll.incidents);
}
