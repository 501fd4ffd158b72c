use governor::clock::FakeRelativeClock;
use proptest::prelude::*;

use super::*;

fn quota(text: &str) -> Quota {
    text.parse().unwrap()
}

/// A reader, or whoever else, by number.
pub(super) fn subject(number: u64) -> Subject {
    Subject::from(u128::from(number).to_be_bytes())
}

/// The quotas that hold when nothing is set.
fn defaults() -> Policies {
    crate::config::Config::default().quotas
}

fn quotas(policies: &Policies) -> (QuotaLimiter, FakeRelativeClock, Arc<Metrics>) {
    let (clock, metrics) = (FakeRelativeClock::default(), Arc::new(Metrics::default()));
    (QuotaLimiter::new(policies, None, &Uptime::Manual(clock.clone()), Arc::clone(&metrics)), clock, metrics)
}

/// Spends what is left, and gives the refusal that ends it.
fn spend_all(quotas: &QuotaLimiter, name: QuotaName, subject: &Subject) -> (u32, QuotaState) {
    let mut admitted = 0;
    loop {
        match quotas.admit(name, subject) {
            Decision::Admitted(_) => admitted += 1,
            Decision::Refused(quota_state) => return (admitted, quota_state),
            other @ (Decision::Unlimited | Decision::WouldRefuse | Decision::Undecided(_)) => panic!("{other:?}"),
        }
    }
}

#[test]
fn each_quota_that_can_be_set_has_an_index_of_its_own() {
    let settings = crate::config::settings().filter_map(|setting| setting.name.strip_prefix("quota_"));
    let mut set: Vec<&str> = settings.filter(|name| *name != "shadow").collect();
    assert_eq!(set.len(), QuotaName::COUNT, "`QuotaName::COUNT` says how many there are");
    let (quotas, ..) = quotas(&defaults());
    for name in QuotaName::ALL {
        assert_eq!(QuotaName::ALL[name.index()], name);
        assert!(quotas.tiers(name).is_some(), "{name:?} is on by default");
        set.retain(|one| *one != name.as_str());
    }
    assert_eq!(set, [""; 0], "settings of no quota");
}

#[test]
fn a_new_voter_counts_once_in_a_minute_and_again_later_or_where_too_many_come() {
    let (quotas, clock, _) = quotas(&defaults());
    let client = subject(1);
    let voter = |number: u64| VoterId::from_bytes(u128::from(number).to_be_bytes());
    let counts = |voter: &VoterId| {
        let decision = quotas.admit_voter(voter, &client);
        if decision.is_some() {
            quotas.give_back(QuotaName::Mint, &client);
            quotas.note_voter(voter);
        }
        decision.is_some()
    };
    assert!(counts(&voter(1)));
    assert!(!counts(&voter(1)), "the retry");
    assert!(counts(&voter(2)), "somebody else");
    clock.advance(std::time::Duration::from_millis(59_900));
    assert!(!counts(&voter(1)), "the retry, most of a minute later");
    clock.advance(std::time::Duration::from_secs(61));
    assert!(counts(&voter(1)), "two minutes later");
    for number in (100..).take(recent::MOST_VOTERS) {
        counts(&voter(number));
    }
    assert!(counts(&voter(7)) && counts(&voter(7)), "who is not remembered counts each time");
    clock.advance(std::time::Duration::from_mins(1));
    assert!(counts(&voter(7)) && !counts(&voter(7)), "in the next minute there is room again");
}

#[test]
fn a_quota_is_requests_per_seconds() {
    for text in ["10/60s", "1/1s", "1000000/86400s"] {
        assert_eq!(quota(text).to_string(), text);
    }
    for bad in ["", "10", "10/60", "10/1m", "0/60s", "10/0s", "-1/60s", "+1/60s", "10 / 60s", "1000001/1s", "1/86401s"]
    {
        assert_eq!(bad.parse::<Quota>(), Err(Quota::RULE), "{bad}");
    }
    let tenths = ["600/60s", "120/60s", "15/60s", "7/60s"].map(|text| quota(text).tenth().get());
    assert_eq!(tenths, [60, 12, 1, 1]);
}

#[test]
fn who_waits_exactly_as_long_as_told_is_let_in_and_not_before() {
    for text in ["10/60s", "120/60s", "600/60s", "3000/60s", "7/60s", "1/1s", "1/86400s", "1000000/1s"] {
        let clock = FakeRelativeClock::default();
        let limiter = LocalLimiter::new(quota(text), MOST_KEYS, Uptime::Manual(clock.clone()));
        let reader = subject(1);
        // However the burst is spent, and however often one comes back too early.
        for round in 0..3 {
            let mut spent = 0;
            let wait = loop {
                match limiter.admit(&reader) {
                    Ok(_) => spent += 1,
                    Err(wait) => break wait,
                }
            };
            assert_eq!(spent, if round == 0 { quota(text).limit.get() } else { 0 }, "{text}");
            clock.advance(wait.saturating_sub(Duration::from_nanos(1)));
            assert_eq!(limiter.admit(&reader), Err(Duration::from_nanos(1)), "{text}: a moment too early");
            clock.advance(Duration::from_nanos(1));
            assert_eq!(limiter.admit(&reader), Ok(0), "{text}: at the moment told");
        }
    }
}

#[test]
fn what_is_told_in_whole_seconds_is_enough_and_no_second_too_much() {
    // A token of seven in a minute takes 8.57 seconds.
    let (quotas, clock, _) = quotas(&Policies { admin: Some(quota("7/60s")), ..defaults() });
    for name in
        [QuotaName::Vote, QuotaName::Ballot, QuotaName::Mint, QuotaName::Client, QuotaName::Read, QuotaName::Admin]
    {
        let (admitted, told) = spend_all(&quotas, name, &subject(1));
        assert_eq!((admitted, told.remaining), (told.quota.limit.get(), 0));
        assert!(Duration::from_secs(told.next_secs) < told.quota.period() + Duration::from_secs(1), "{told:?}");
        clock.advance(Duration::from_secs(told.next_secs));
        assert!(matches!(quotas.admit(name, &subject(1)), Decision::Admitted(_)), "{told:?}");
    }
    // Six seconds are told for a vote, and a moment before they are over there is none.
    let (_, told) = spend_all(&quotas, QuotaName::Vote, &subject(2));
    assert_eq!(told.next_secs, 6);
    clock.advance(Duration::from_secs(6) - Duration::from_nanos(1));
    assert!(matches!(quotas.admit(QuotaName::Vote, &subject(2)), Decision::Refused(QuotaState { next_secs: 1, .. })));
}

#[test]
fn a_first_vote_leaves_nine_and_the_tenth_is_back_in_six_seconds() {
    let (quotas, ..) = quotas(&defaults());
    let quota_state = QuotaState { name: QuotaName::Vote, quota: quota("10/60s"), remaining: 9, next_secs: 6 };
    assert_eq!(quotas.admit(QuotaName::Vote, &subject(1)), Decision::Admitted(quota_state));
    assert_eq!(
        quotas.admit(QuotaName::Vote, &subject(1)),
        Decision::Admitted(QuotaState { remaining: 8, ..quota_state })
    );
    assert_eq!(
        quotas.admit(QuotaName::Vote, &subject(2)),
        Decision::Admitted(quota_state),
        "another voter's are their own"
    );
}

/// Everyone behind one proxy or one carrier was one voter elsewhere: larapoll #111; strawpoll #33; wp-polls #112.
#[test]
fn a_thousand_voters_behind_one_address_vote_within_ten_minutes_and_none_is_refused() {
    let one_address = |_| subject(0);
    // A /64 each, out of the /48 that the carrier's gateway has: 256 of them to a /56, one after another.
    let one_network = |reader: u64| network(reader, 64);
    vote_within_ten_minutes(1_000, one_address);
    vote_within_ten_minutes(1_000, one_network);
}

/// A /64 of one /48, by number, or what of it so many bits name.
pub(super) fn network(number: u64, prefix: u8) -> Subject {
    assert!(number < 65_536);
    let address = (0x2001_0db8_0007_u128 << 80) | (u128::from(number) << 64);
    let mask = u128::MAX << (128 - u32::from(prefix));
    Subject::network((address & mask).to_be_bytes(), prefix)
}

fn vote_within_ten_minutes(readers: u64, client_of: impl Fn(u64) -> Subject) {
    let (quotas, clock, _) = quotas(&defaults());
    let poll = [7; 16];
    // Each comes at a moment of their own: reads the poll, becomes a voter, votes, and reads the results.
    let arrives = |reader: u64| {
        let [b0, b1, b2, b3, ..] = *blake3::hash(&reader.to_le_bytes()).as_bytes();
        u64::from(u32::from_le_bytes([b0, b1, b2, b3])) % 600_000
    };
    let mut readers: Vec<(u64, u64)> = (1..=readers).map(|reader| (arrives(reader), reader)).collect();
    readers.sort_unstable();
    let mut now = 0;
    for (millis, reader) in readers {
        clock.advance(Duration::from_millis(millis - now));
        now = millis;
        let carrier = client_of(reader);
        for (name, who) in [
            (QuotaName::Read, &carrier),
            (QuotaName::Client, &carrier),
            (QuotaName::Mint, &carrier),
            (QuotaName::Client, &carrier),
            (QuotaName::Vote, &subject(reader)),
            (QuotaName::Ballot, &carrier.in_poll(poll)),
            (QuotaName::Read, &carrier),
        ] {
            assert!(
                matches!(quotas.admit(name, who), Decision::Admitted(_)),
                "{name:?} of reader {reader} at {millis} ms"
            );
        }
    }
}

/// One /48 cast 5,022 ballots in ten seconds, from a /64 each.
#[test]
fn whoever_has_many_networks_is_let_in_a_few_times_as_often_and_no_more() {
    let policies = Policies { mint: Some(quota("100/86400s")), ..defaults() };
    let admitted = |clients: &mut dyn Iterator<Item = Subject>| {
        let (quotas, ..) = quotas(&policies);
        clients.filter(|client| matches!(quotas.admit(QuotaName::Mint, client), Decision::Admitted(_))).count()
    };
    let each = |networks: std::ops::Range<u64>, prefix| networks.map(move |number| network(number, prefix));
    assert_eq!(admitted(&mut each(0..65_536, 64)), 800, "by the /48");
    assert_eq!(admitted(&mut (0..5).flat_map(|_| each(0..256, 64))), 400, "by the /56");
    assert_eq!(admitted(&mut (0..1_000).map(|_| network(0, 64))), 100, "by the client");
    assert_eq!(admitted(&mut each(0..65_536, 56)), 800, "the /48 is wider than a client of 56 bits");
    assert_eq!(admitted(&mut (0..1_000).map(|_| network(0, 56))), 100, "and a /56 is no wider");
    assert_eq!(admitted(&mut (0..1_000).map(|_| network(0, 48))), 100, "nothing is wider than a client of 48 bits");
    let hosts = (0..1_000_u128).map(|host| Subject::network(((0x2001_0db8 << 96) | host).to_be_bytes(), 128));
    assert_eq!(admitted(&mut hosts.into_iter()), 200, "clients of one address each count in their /64");
    // IPv4 addresses that look like neighbours are none.
    assert_eq!(admitted(&mut (0..10_000).map(subject)), 10_000);
}

#[test]
fn a_client_beyond_its_quota_leaves_that_of_its_neighbours_alone() {
    let (quotas, ..) = quotas(&Policies { mint: Some(quota("100/86400s")), ..defaults() });
    for _ in 0..10_000 {
        quotas.admit(QuotaName::Mint, &network(0, 64));
    }
    let (admitted, _) = spend_all(&quotas, QuotaName::Mint, &network(1, 64));
    assert_eq!(admitted, 100);
    // What they have left is less than their own, and said so.
    for client in 2..4 {
        spend_all(&quotas, QuotaName::Mint, &network(client, 64));
    }
    let Decision::Refused(quota_state) = quotas.admit(QuotaName::Mint, &network(9, 64)) else {
        panic!("the /56 is spent")
    };
    assert_eq!((quota_state.quota.limit.get(), quota_state.remaining), (100, 0));
    let Decision::Admitted(quota_state) = quotas.admit(QuotaName::Mint, &network(256, 64)) else {
        panic!("another /56")
    };
    assert_eq!(quota_state.remaining, 99);
}

#[test]
fn what_is_given_back_can_be_spent_again() {
    let policies = Policies { ballot: Some(quota("3/86400s")), ..defaults() };
    for client in [subject(1), network(1, 64)] {
        let (quotas, ..) = quotas(&policies);
        let in_poll = client.in_poll([7; 16]);
        assert_eq!(spend_all(&quotas, QuotaName::Ballot, &in_poll).0, 3);
        assert!(
            matches!(quotas.admit(QuotaName::Ballot, &client.in_poll([8; 16])), Decision::Admitted(_)),
            "another poll"
        );
        for _ in 0..100 {
            quotas.give_back(QuotaName::Ballot, &in_poll);
            assert!(matches!(quotas.admit(QuotaName::Ballot, &in_poll), Decision::Admitted(_)));
            assert!(matches!(quotas.admit(QuotaName::Ballot, &in_poll), Decision::Refused(_)));
        }
        // More than there is comes back by no way.
        for _ in 0..100 {
            quotas.give_back(QuotaName::Ballot, &in_poll);
        }
        assert_eq!(spend_all(&quotas, QuotaName::Ballot, &in_poll).0, 3);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Two clients share a wider network's quota exactly if their addresses begin with the same bits, and each counts
    /// in all those that are wider than it, and in no other.
    #[test]
    fn clients_share_the_networks_that_both_lie_in_and_no_others(
        one in any::<u128>(),
        changed_bit in 0..128_u32,
        prefix in 32..=128_u8,
    ) {
        let client = |address: u128| {
            let mask = u128::MAX << (128 - u32::from(prefix));
            Subject::network((address & mask).to_be_bytes(), prefix)
        };
        let (here, there) = (client(one), client(one ^ (1 << (127 - changed_bit))));
        prop_assert_eq!(here.key() == there.key(), changed_bit >= u32::from(prefix));
        for (bits, _) in WIDER {
            let (wide, other) = (here.wider(bits), there.wider(bits));
            prop_assert_eq!(wide.is_some(), bits < prefix);
            if let (Some(wide), Some(other)) = (wide, other) {
                prop_assert_eq!(wide.key() == other.key(), changed_bit >= u32::from(bits));
            }
            // An IPv4 address, a voter and a key lie in nothing.
            prop_assert_eq!(Subject::from(one.to_be_bytes()).wider(bits), None);
        }
    }
}

#[test]
fn five_million_clients_stay_under_the_cap_and_honest_ones_are_served() {
    // The hardest: all in the same moment, so that nobody's tokens come back.
    let clock = FakeRelativeClock::default();
    let limit = quota("600/60s");
    let limiter = LocalLimiter::new(limit, MOST_KEYS, Uptime::Manual(clock.clone()));
    for _ in 0..599 {
        assert!(limiter.admit(&subject(0)).is_ok());
    }
    let flood = 5_000_000;
    for client in 1..=flood {
        assert!(limiter.admit(&subject(client)).is_ok(), "client {client} is refused its first request");
    }
    assert!(limiter.len() <= MOST_KEYS, "{} keys", limiter.len());
    // Who was there before stands as before, and who comes now is served.
    assert_eq!(limiter.admit(&subject(0)), Ok(0));
    assert_eq!(limiter.admit(&subject(0)), Err(limit.period()));
    for newcomer in flood + 1..=flood + 1_000 {
        for _ in 0..5 {
            assert!(limiter.admit(&subject(newcomer)).is_ok(), "newcomer {newcomer}");
        }
    }
    // Once the flood is over, nothing is kept of it.
    clock.advance(Duration::from_secs(61));
    limiter.sweep();
    assert_eq!(limiter.len(), 0);
}

#[test]
fn a_quota_that_is_off_limits_nobody() {
    let (quotas, ..) = quotas(&Policies { vote: None, ..defaults() });
    for _ in 0..1_000 {
        assert_eq!(quotas.admit(QuotaName::Vote, &subject(1)), Decision::Unlimited);
    }
}

#[test]
fn quotas_that_only_count_refuse_nobody_and_say_whom_they_would_have() {
    let (quotas, _, metrics) = quotas(&Policies { shadow: true, ..defaults() });
    for _ in 0..10 {
        assert_eq!(quotas.admit(QuotaName::Vote, &subject(1)).noted(|_| panic!("told")), Ok(true));
    }
    // No token is spent on these, and so there is none to give back.
    for _ in 0..5 {
        assert_eq!(quotas.admit(QuotaName::Vote, &subject(1)).noted(|_| panic!("told")), Ok(false));
    }
    let told = metrics.encode(crate::telemetry::MetricsFormat::OpenMetrics);
    for line in [
        "sawt_quota_requests_total{quota=\"vote\",outcome=\"allowed\"} 10",
        "sawt_quota_requests_total{quota=\"vote\",outcome=\"would-refuse\"} 5",
    ] {
        assert!(told.contains(line), "{line}\n{told}");
    }
}
