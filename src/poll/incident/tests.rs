use super::*;
use crate::poll::{
    Effect, Grade, Kind, Phase, REASON, Schedule, WorkPolicy,
    definition::tests::{earlier as before_last, poll_with},
};

/// Days before the last moment that there is, so many milliseconds before another.
fn earlier(millis: i64) -> Timestamp {
    before_last(4 * DAY_MILLIS + millis)
}

fn text(text: &str) -> Text {
    Text::parse(text, REASON).unwrap()
}

fn by_editor() -> Finding {
    Finding {
        cause: IncidentCause::Editor,
        since: earlier(20),
        reason: text("?"),
        sureness: 100,
        suspects: Suspects::Everyone,
        honest_per_hour: 0,
        figures: None,
        asks_for_work: false,
    }
}

fn burst(sureness: u8, networks: &[u32]) -> Finding {
    let networks = networks.iter().copied().map(NetworkDigest).collect();
    let (cause, suspects) = (IncidentCause::NetworkBurst, Suspects::Networks(networks));
    Finding { cause, sureness, suspects, honest_per_hour: 7, ..by_editor() }
}

fn label(number: u8) -> Label {
    Label::from_number(number).unwrap()
}

fn label_from(poll: &Poll, network: u32) -> u8 {
    poll.label_of_vote(Label::CLEAN, || NetworkDigest(network)).number()
}

fn with(poll: &Poll, found: Finding) -> Poll {
    poll.with_incident(found, IncidentPolicy::Show, earlier(9)).unwrap().0.poll
}

#[test]
fn each_incident_has_a_label_of_its_own_until_they_are_spent() {
    let mut poll = poll_with(Kind::Single, 1, 1, &["yes", "no"]);
    let why = text("over");
    for number in (8..=31).chain([31, 31]) {
        let (edit, incident) = poll.with_incident(by_editor(), IncidentPolicy::Show, earlier(9)).unwrap();
        assert_eq!((incident.label.number(), edit.effect), (number, Effect::Changes));
        assert_eq!((incident.opened_at, incident.about.since), (earlier(9), earlier(20)));
        assert_eq!((label_from(&edit.poll, 1), edit.poll.revision), (number, poll.revision.next()));
        poll = edit.poll.with_incident_ended(incident.label, Ending::ByEditor(&why), earlier(8)).unwrap().0.poll;
        assert_eq!(label_from(&poll, 1), 0);
        assert!(poll.with_incident_ended(incident.label, Ending::ByEditor(&why), earlier(8)).is_none(), "it is over");
    }
    for _ in 0..2 * MOST_INCIDENTS {
        poll = with(&poll, by_editor());
        poll = poll.with_incident_ended(label(31), Ending::ByEditor(&why), earlier(8)).unwrap().0.poll;
    }
    assert_eq!(poll.incidents.len(), MOST_INCIDENTS, "their number is bounded");
}

#[test]
fn incidents_go_on_only_while_votes_are_taken_and_leave_decisions_alone() {
    let poll = poll_with(Kind::Single, 1, 1, &["yes", "no"]);
    let held = poll.decided(label(8), LabelDecision::Held, earlier(9)).unwrap().poll;
    assert_eq!(with(&held, by_editor()).decisions, held.decisions);
    for phase in [Phase::Draft, Phase::Closed] {
        let shut = Poll { schedule: Schedule { phase, ..poll.schedule }, ..poll.clone() };
        assert!(shut.with_incident(by_editor(), IncidentPolicy::Show, earlier(9)).is_none(), "{phase:?}");
    }
}

#[test]
fn a_networks_ballots_have_its_incidents_label_and_nobody_elses() {
    let poll = with(&poll_with(Kind::Single, 1, 1, &["yes", "no"]), burst(95, &[5, 6]));
    assert_eq!([5, 6, 7].map(|network| label_from(&poll, network)), [8, 8, 0]);
    // One that is about everybody takes nothing from what is known better.
    let poll = with(&poll, by_editor());
    assert_eq!([5, 6, 7].map(|network| label_from(&poll, network)), [8, 8, 9]);
    let of_seen = |poll: &Poll, seen| poll.label_of_vote(label(seen), || NetworkDigest(7)).number();
    assert_eq!(of_seen(&poll, 6), 9, "an editor's is about every ballot");
    let held = poll.decided(label(6), LabelDecision::Held, earlier(9)).unwrap().poll;
    assert_eq!([6, 5].map(|seen| of_seen(&held, seen)), [6, 9], "what is held stays so");
    let found = Finding { cause: IncidentCause::EvenGaps, suspects: Suspects::Everyone, ..burst(95, &[]) };
    let by_detector = with(&poll_with(Kind::Single, 1, 1, &["yes", "no"]), found);
    assert_eq!([0, 1, 2, 3, 6].map(|seen| of_seen(&by_detector, seen)), [8, 8, 8, 3, 6]);
    let doubtful = Finding { cause: IncidentCause::NewVoters, suspects: Suspects::Everyone, ..burst(60, &[]) };
    let by_detector = with(&poll_with(Kind::Single, 1, 1, &["yes", "no"]), doubtful);
    assert_eq!([0, 1, 6].map(|seen| of_seen(&by_detector, seen)), [8, 1, 6]);
    assert_eq!(poll.label_of_vote(label(6), || NetworkDigest(5)).number(), 8);
    let ended = poll.with_incident_ended(label(8), Ending::Over(0), earlier(8)).unwrap().0.poll;
    assert_eq!([5, 7].map(|network| label_from(&ended, network)), [9, 9]);
    assert_eq!(ended.incidents[0].about.suspects, Suspects::Networks(Vec::new()), "no mark outlives it");
}

#[test]
fn what_is_not_counted_goes_before_whatever_else_there_is_to_say() {
    let everyone = || Finding { cause: IncidentCause::EvenGaps, suspects: Suspects::Everyone, ..burst(95, &[]) };
    let poll = with(&with(&poll_with(Kind::Single, 1, 1, &["yes", "no"]), burst(95, &[5])), everyone());
    let held = |number| poll.decided(label(number), LabelDecision::Held, earlier(8)).unwrap().poll;
    let of = |poll: &Poll, seen, network| poll.label_of_vote(label(seen), || NetworkDigest(network)).number();
    assert_eq!([0, 1, 7].map(|seen| of(&poll, seen, 6)), [9, 9, 7]);
    assert_eq!([0, 1, 7].map(|seen| of(&held(9), seen, 6)), [9, 9, 9], "nobody gets out of it without work");
    assert_eq!([0, 1, 7].map(|seen| of(&held(7), seen, 5)), [8, 8, 7]);
    assert_eq!([0, 1, 7].map(|seen| of(&held(8), seen, 5)), [8, 8, 8]);
}

#[test]
fn who_leaves_out_the_work_that_is_asked_for_has_a_label() {
    let quiet = poll_with(Kind::Single, 1, 1, &["yes", "no"]);
    let watched = with(&quiet, by_editor());
    let asks = |poll: &Poll| WorkPolicy::NAMES.map(|(_, policy)| poll.asks_for_work(policy));
    assert_eq!((asks(&quiet), asks(&watched)), ([false, true, false], [true, true, false]));
    let why = text("over");
    let over = watched.with_incident_ended(label(8), Ending::ByEditor(&why), earlier(8)).unwrap().0.poll;
    assert_eq!(asks(&over), asks(&quiet));

    let without = |poll: &Poll, seen| {
        let seen = poll.label_without_work(label(seen));
        poll.label_of_vote(seen, || NetworkDigest(7)).number()
    };
    assert_eq!([0, 6].map(|seen| without(&watched, seen)), [8, 8], "what an editor says is of everybody");
    let burst = with(&quiet, burst(95, &[5]));
    assert_eq!([0, 6].map(|seen| without(&burst, seen)), [7, 7]);
    let held = burst.decided(label(6), LabelDecision::Held, earlier(8)).unwrap().poll;
    assert_eq!([0, 6].map(|seen| without(&held, seen)), [7, 6], "what is held stays so");
}

#[test]
fn what_is_found_again_is_known_and_more_networks_join() {
    let poll = poll_with(Kind::Single, 1, 1, &["yes", "no"]);
    let doubtful = with(&poll, burst(70, &[5, 6]));
    assert!(doubtful.with_incident(burst(70, &[6]), IncidentPolicy::Show, earlier(9)).is_none());
    let joined = with(&doubtful, burst(60, &[6, 7]));
    assert_eq!(joined.incidents.len(), 1);
    assert_eq!((label_from(&joined, 7), joined.incidents[0].about.honest_per_hour), (8, 11));
    // What becomes sure gets another label, which may be held; what is doubtful does not go with it.
    let sure = with(&joined, burst(95, &[6]));
    assert_eq!([5, 6, 7].map(|network| label_from(&sure, network)), [8, 9, 8]);
    assert!(sure.with_incident(burst(70, &[6]), IncidentPolicy::Show, earlier(9)).is_none(), "it is known to be sure");
}

#[test]
fn networks_for_which_an_incident_has_no_room_have_another_with_their_part_of_the_honest_ballots() {
    let mut poll = poll_with(Kind::Single, 1, 1, &["yes", "no"]);
    let many: Vec<u32> = (0..150).collect();
    let found = || Finding { honest_per_hour: 300, ..burst(95, &many) };
    for incidents in [1, 2, 3] {
        let (edit, opened) = poll.with_incident(found(), IncidentPolicy::Hold, earlier(9)).unwrap();
        poll = edit.poll;
        assert_eq!((poll.incidents.len(), poll.decisions.count(opened.label)), (incidents, false));
    }
    assert!(poll.with_incident(found(), IncidentPolicy::Hold, earlier(9)).is_none(), "all are known");
    assert_eq!([0, 63, 64, 127, 128, 149, 150].map(|network| label_from(&poll, network)), [8, 8, 9, 9, 10, 10, 0]);
    let honest = |poll: &Poll| poll.incidents.iter().map(|it| it.about.honest_per_hour).collect::<Vec<_>>();
    assert_eq!(honest(&poll), [128, 128, 44]);
    // Those that join one bring theirs, and those that are known already bring it once.
    let joined = with(&poll, Finding { honest_per_hour: 30, ..burst(95, &[149, 150, 151]) });
    assert_eq!(honest(&joined), [128, 128, 64]);
    assert_eq!(label_from(&joined, 151), 10);
}

#[test]
fn what_goes_on_when_the_day_ends_keeps_its_label_and_what_is_decided_of_it() {
    let day = earlier(0).as_millis() / DAY_MILLIS * DAY_MILLIS;
    let at = |minutes: i64| Timestamp::from_millis(day + minutes * 60_000);
    let found = |sureness, networks: &[u32]| Finding { since: at(-9), ..burst(sureness, networks) };
    let with = |poll: &Poll, found, policy, now| poll.with_incident(found, policy, now).unwrap().0.poll;
    let before = with(&poll_with(Kind::Single, 1, 1, &["yes", "no"]), found(95, &[5]), IncidentPolicy::Show, at(-60));
    let held = before.decided(label(8), LabelDecision::Held, at(-30)).unwrap().poll;
    let end = |poll: &Poll, now| poll.with_incident_ended(label(8), Ending::Over(0), now).unwrap().0.poll;
    let label_at = |poll: &Poll| poll.label_of_vote(Label::CLEAN, || NetworkDigest(9)).number();
    // Its networks have other marks by now. It may be found before the one of yesterday is over, or after.
    let again = with(&held, found(95, &[9]), IncidentPolicy::Show, at(5));
    assert_eq!(label_at(&again), 8);
    let again = end(&again, at(6));
    assert_eq!((label_at(&again), again.open_incidents().count()), (8, 1), "only that of yesterday is over");
    let over = end(&held, at(1));
    assert_eq!(label_at(&with(&over, found(95, &[9]), IncidentPolicy::Show, at(59))), 8);
    let released = end(&before, at(1));
    let again = with(&released, found(95, &[9]), IncidentPolicy::Hold, at(5));
    assert!(again.decisions.count(label(8)), "an editor has let it count");
    // Others have a label of their own.
    let tomorrow = |poll: &Poll| end(poll, at(24 * 60 + 1));
    for (poll, sureness, now) in [
        (&over, 95, at(61)),
        (&over, 60, at(5)),
        (&end(&held, at(-1)), 95, at(5)),
        (&tomorrow(&held), 95, at(24 * 60 + 5)),
    ] {
        assert_eq!(label_at(&with(poll, found(sureness, &[9]), IncidentPolicy::Show, now)), 9, "{now}");
    }
}

#[test]
fn what_an_editor_has_dismissed_is_not_opened_again_within_a_day() {
    let everyone = |cause| Finding { cause, suspects: Suspects::Everyone, ..burst(95, &[]) };
    let swing = || everyone(IncidentCause::ShareSwing);
    let mut poll = poll_with(Kind::Single, 1, 1, &["yes", "no"]);
    poll = with(&with(&poll, burst(95, &[5])), swing());
    assert!(poll.with_incident(swing(), IncidentPolicy::Show, earlier(9)).is_none(), "it goes on already");
    for number in [8, 9] {
        poll = poll.with_incident_ended(label(number), Ending::ByEditor(&text("a school")), earlier(8)).unwrap().0.poll;
    }
    assert!(poll.with_incident(burst(95, &[5]), IncidentPolicy::Show, earlier(7)).is_none());
    assert!(poll.with_incident(swing(), IncidentPolicy::Show, earlier(7)).is_none());
    let later = Timestamp::from_millis(earlier(7).as_millis() + DISMISSED_MILLIS);
    for found in [burst(95, &[5]), swing()] {
        assert!(poll.with_incident(found, IncidentPolicy::Show, later).is_some());
    }
    // What was over by itself may begin again.
    let over = with(&poll, burst(95, &[6])).with_incident_ended(label(10), Ending::Over(0), earlier(7)).unwrap().0.poll;
    assert_eq!(label_from(&with(&over, burst(95, &[6])), 6), 11);
}

#[test]
fn a_site_may_have_held_what_is_sure_and_is_not_about_everybody() {
    let poll = poll_with(Kind::Single, 1, 1, &["yes", "no"]);
    let everyone = Finding { cause: IncidentCause::EvenGaps, suspects: Suspects::Everyone, ..burst(95, &[]) };
    for (found, policy, is_held) in [
        (burst(95, &[5]), IncidentPolicy::Hold, true),
        (burst(95, &[5]), IncidentPolicy::Show, false),
        (burst(89, &[5]), IncidentPolicy::Hold, false),
        (everyone, IncidentPolicy::Hold, false),
        (by_editor(), IncidentPolicy::Hold, false),
    ] {
        let (edit, incident) = poll.with_incident(found, policy, earlier(9)).unwrap();
        assert_eq!(!edit.poll.decisions.count(incident.label), is_held, "{incident:?}");
    }
}

#[test]
fn how_many_honest_ballots_it_has_follows_from_the_time_before_and_after() {
    let mut poll = with(&poll_with(Kind::Single, 1, 1, &["yes", "no"]), burst(95, &[5]));
    let opened = poll.incidents[0].opened_at;
    let after = |minutes: i64| Timestamp::from_millis(opened.as_millis() + minutes * 60_000);
    let honest = |poll: &Poll, minutes| poll.incidents[0].honest_ballots(after(minutes));
    assert_eq!([0, 1, 60, 120].map(|minutes| honest(&poll, minutes)), [0, 1, 7, 14]);
    for (per_hour, expected) in [(0, 4), (7, 7), (13, 10)] {
        let ended = poll.with_incident_ended(label(8), Ending::Over(per_hour), after(60)).unwrap().0.poll;
        assert_eq!(honest(&ended, 600), expected, "the time after says as much as the time before");
    }
    let because = text("?");
    poll = poll.with_incident_ended(label(8), Ending::ByEditor(&because), after(60)).unwrap().0.poll;
    assert_eq!(honest(&poll, 600), 7);
    let closed = Poll { schedule: Schedule { phase: Phase::Closed, ..poll.schedule }, ..with(&poll, by_editor()) };
    assert!(closed.with_incident_ended(label(9), Ending::Over(0), after(60)).is_none(), "nothing ends in it any more");
}

#[test]
fn an_editor_may_say_of_what_is_over_or_went_on_until_the_close_that_it_was_none() {
    let (sure, why) = (burst(95, &[5]), text("a school"));
    let watched = with(&poll_with(Kind::Single, 1, 1, &["yes", "no"]), sure);
    let over = watched.with_incident_ended(label(8), Ending::Over(3), earlier(8)).unwrap().0.poll;
    let closes_at = Some(earlier(6));
    let closed = |poll: &Poll| Poll { schedule: Schedule { closes_at, ..poll.schedule }, ..poll.clone() };
    for (poll, ended_at, effect) in [
        (over.clone(), earlier(8), Effect::Changes),
        (closed(&over), earlier(8), Effect::Amends),
        (closed(&watched), earlier(6), Effect::Amends),
    ] {
        assert_eq!(poll.grade(), Grade::Disputed);
        let now = earlier(5);
        assert!(poll.with_incident_ended(label(9), Ending::ByEditor(&why), now).is_none(), "there is none");
        let (edit, ended) = poll.with_incident_ended(label(8), Ending::ByEditor(&why), now).unwrap();
        assert_eq!((edit.poll.grade(), edit.effect, ended.len()), (Grade::Clean, effect, 1));
        let end = ended[0].end.as_ref().unwrap();
        let per_hour_after = poll.incidents[0].end.as_ref().and_then(|end| end.per_hour_after);
        assert_eq!((end.at, &end.reason, end.per_hour_after), (ended_at, &Some(why.clone()), per_hour_after));
        assert!(effect == Effect::Changes || edit.poll.schedule.phase == Phase::Closed);
        assert!(effect == Effect::Changes || !edit.moves_versions(&poll), "the final figure stays as it is");
        assert!(edit.poll.with_incident_ended(label(8), Ending::ByEditor(&why), now).is_none(), "it is said already");
    }
    let draft = Poll { schedule: Schedule { phase: Phase::Draft, ..over.schedule }, ..over };
    assert!(draft.with_incident_ended(label(8), Ending::ByEditor(&why), earlier(5)).is_none());
}

#[test]
fn the_same_reason_opens_one_incident_and_none_that_goes_on_is_forgotten_for_another() {
    let for_reason = |reason: &str| Finding { reason: text(reason), ..by_editor() };
    let mut poll = with(&poll_with(Kind::Single, 1, 1, &["yes", "no"]), for_reason("0"));
    for reason in 1..MOST_INCIDENTS {
        assert!(poll.with_incident(for_reason("0"), IncidentPolicy::Show, earlier(9)).is_none(), "it goes on already");
        poll = with(&poll, for_reason(&reason.to_string()));
    }
    assert_eq!(poll.open_incidents().count(), MOST_INCIDENTS);
    for more in [for_reason("more"), burst(95, &[5])] {
        assert!(poll.with_incident(more, IncidentPolicy::Show, earlier(9)).is_none());
    }
    // Those that share the last label end together; a detector ends no editor's.
    assert!(poll.with_incident_ended(label(31), Ending::Over(0), earlier(8)).is_none());
    let (edit, ended) = poll.with_incident_ended(label(31), Ending::ByEditor(&text("?")), earlier(8)).unwrap();
    assert_eq!(ended.len(), MOST_INCIDENTS - 23);
    assert_eq!(with(&edit.poll, for_reason("more")).incidents.len(), MOST_INCIDENTS);
}
