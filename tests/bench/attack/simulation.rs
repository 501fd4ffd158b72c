//! A poll's evening played to the detectors in simulated time: the same detectors, incidents and labels as in the
//! service, without a store.
#![expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "minutes and ballots of a day"
)]

use std::{cmp::Reverse, collections::BinaryHeap};

use sawt::{
    integrity::detect::PollWatch,
    poll::{
        DigestKey, Ending, Grade, IncidentPolicy, Label, NetworkDigest, NewOption, NewPoll, Partitions, Poll,
        PollFields, PollId, SiteId, Timestamp, VoteTrace, WorkPolicy,
    },
};

#[path = "dice.rs"]
mod dice;

pub(crate) use dice::Dice;

/// When the poll opens: an evening in Kuwait.
const OPENS: i64 = 1_795_000_000_000 - 1_795_000_000_000 % MINUTE;
/// When the marks of networks are dropped for the first time, in milliseconds since.
pub(crate) const MIDNIGHT: i64 = DAY - OPENS % DAY;
const DAY: i64 = 24 * HOUR;
pub(crate) const MINUTE: i64 = 60_000;
pub(crate) const HOUR: i64 = 60 * MINUTE;
/// How often the detectors look, as in the service.
const LOOK_EVERY: i64 = 5_000;

impl Dice {
    pub(crate) fn chance(&mut self, of: f64) -> bool {
        self.unit() < of
    }
}

/// One reader's or attacker's ballot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CastBallot {
    pub(crate) network: u32,
    pub(crate) option: u8,
    /// How often the poll was seen for it.
    pub(crate) views: u16,
    /// Whether its voter comes for the first time.
    pub(crate) is_new: bool,
}

/// Somebody who votes, or many who do.
pub(crate) trait Source {
    /// What the table calls it.
    fn name(&self) -> &'static str;

    /// Whether these are readers.
    fn is_honest(&self) -> bool;

    /// Its next ballot and when it is cast, in milliseconds since the poll opened; `None` if it has no more.
    fn next(&mut self, dice: &mut Dice) -> Option<(i64, CastBallot)>;
}

/// What became of the ballots of one source.
#[derive(Debug, Clone, Default)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) is_honest: bool,
    pub(crate) cast: u32,
    pub(crate) held: u32,
    /// With a label, whether it is held or not.
    pub(crate) flagged: u32,
    /// Cast by new voters while the poll asked these for proof of work.
    pub(crate) asked_for_work: u32,
    /// Of these, how many did not do it, where nothing worse is known of them.
    pub(crate) without_work: u32,
    /// From its first ballot to the first that was held.
    pub(crate) until_held: Option<i64>,
    /// When each was cast, since its first, and whether it was held.
    pub(crate) ballots: Vec<(i64, bool)>,
    first: Option<i64>,
}

impl Account {
    /// Which part was held of what it cast later than so long after its first ballot.
    pub(crate) fn held_after(&self, millis: i64) -> f64 {
        let later = || self.ballots.iter().filter(|(at, _)| *at >= millis);
        let held = later().filter(|(_, is_held)| *is_held).count();
        held as f64 / later().count().max(1) as f64
    }
}

/// What came of a poll.
pub(crate) struct Played {
    pub(crate) accounts: Vec<Account>,
    /// When its grade changed, since it opened.
    pub(crate) grades: Vec<(i64, Grade)>,
    pub(crate) poll: Poll,
}

impl Played {
    /// The account of a source.
    pub(crate) fn of(&self, name: &str) -> &Account {
        self.accounts.iter().find(|account| account.name == name).expect("a source of this name")
    }

    /// The part of all readers' ballots that was held.
    pub(crate) fn honest_held(&self) -> f64 {
        let honest = || self.accounts.iter().filter(|account| account.is_honest);
        let held: u32 = honest().map(|account| account.held).sum();
        f64::from(held) / f64::from(honest().map(|account| account.cast).sum::<u32>().max(1))
    }

    /// When it was disputed first.
    pub(crate) fn disputed_at(&self) -> Option<i64> {
        self.grades.iter().find(|(_, grade)| *grade == Grade::Disputed).map(|(at, _)| *at)
    }
}

/// Plays until all sources have cast their ballots or so much time has passed.
pub(crate) fn play(sources: Vec<Box<dyn Source>>, hours: i64, dice: &mut Dice) -> Played {
    let mut sources = sources;
    let mut accounts: Vec<Account> = sources
        .iter()
        .map(|source| Account { name: source.name().to_owned(), is_honest: source.is_honest(), ..Account::default() })
        .collect();
    let mut poll = new_poll();
    let mut watch = PollWatch::begin(Timestamp::from_millis(OPENS));
    let mut grades = vec![(0, poll.grade())];
    let mut queue = BinaryHeap::new();
    let mut waiting: Vec<Option<CastBallot>> = vec![None; sources.len()];
    for (place, source) in sources.iter_mut().enumerate() {
        if let Some((at, ballot)) = source.next(dice) {
            queue.push(Reverse((at, place)));
            waiting[place] = Some(ballot);
        }
    }
    let mut looks = LOOK_EVERY;
    let mut seen: Vec<VoteTrace> = Vec::new();
    while let Some(Reverse((at, place))) = queue.pop() {
        if at >= hours * HOUR {
            break;
        }
        while looks <= at {
            look(&mut poll, &mut watch, &mut seen, looks);
            if grades.last().is_none_or(|(_, grade)| *grade != poll.grade()) {
                grades.push((looks, poll.grade()));
            }
            looks += LOOK_EVERY;
        }
        let ballot = waiting[place].take().expect("its ballot waits");
        let time = Timestamp::from_millis(OPENS + at);
        let network = mark(ballot.network, time);
        let is_asked = ballot.is_new && poll.asks_for_work(WorkPolicy::Incidents);
        let does_work = accounts[place].is_honest;
        let by_replica = if is_asked && !does_work { poll.label_without_work(Label::CLEAN) } else { Label::CLEAN };
        let label = poll.label_of_vote(by_replica, || network);
        accounts[place].note(at, label != Label::CLEAN, !poll.decisions.count(label));
        accounts[place].asked_for_work += u32::from(is_asked);
        accounts[place].without_work += u32::from(label == Label::NO_WORK);
        seen.push(VoteTrace { at: time, network, option: ballot.option, ballots: 1, is_by_new_voter: ballot.is_new });
        if ballot.views > 0 {
            watch.note_views(time, ballot.views);
        }
        if let Some((at, ballot)) = sources[place].next(dice) {
            queue.push(Reverse((at, place)));
            waiting[place] = Some(ballot);
        }
    }
    Played { accounts, grades, poll }
}

/// A network's mark, which is another one each day.
fn mark(network: u32, at: Timestamp) -> NetworkDigest {
    NetworkDigest(network + 10_000_000 * ((NetworkDigest::day(at) % 100) as u32))
}

/// What the service does every few seconds.
fn look(poll: &mut Poll, watch: &mut PollWatch, seen: &mut Vec<VoteTrace>, at: i64) {
    for trace in seen.drain(..) {
        watch.note(&trace);
    }
    let now = Timestamp::from_millis(OPENS + at);
    for found in watch.look(now) {
        if let Some((edit, _)) = poll.with_incident(found, IncidentPolicy::Hold, now) {
            *poll = edit.poll;
        }
    }
    if at % MINUTE == 0 {
        let over = poll.open_incidents().filter(|incident| watch.is_over(incident, now)).map(|it| it.label);
        for label in over.collect::<Vec<_>>() {
            if let Some((edit, _)) = poll.with_incident_ended(label, Ending::Over(0), now) {
                *poll = edit.poll;
            }
        }
    }
}

impl Account {
    fn note(&mut self, at: i64, is_flagged: bool, is_held: bool) {
        let first = *self.first.get_or_insert(at);
        self.cast += 1;
        self.flagged += u32::from(is_flagged);
        self.held += u32::from(is_held);
        self.ballots.push((at - first, is_held));
        if is_held && self.until_held.is_none() {
            self.until_held = Some(at - first);
        }
    }
}

fn new_poll() -> Poll {
    let option = |label: &str| NewOption { label: label.to_owned(), ..NewOption::default() };
    let fields = PollFields {
        question: Some("هل تتوقع حل مجلس الأمة؟".to_owned()),
        options: Some(vec![option("نعم"), option("لا"), option("لا أعرف")]),
        ..PollFields::default()
    };
    let (id, key) = (PollId::generate(), DigestKey::from_bytes([7; 32]));
    let opens = Timestamp::from_millis(OPENS);
    NewPoll::from(fields).build(id, SiteId::default(), Partitions::unplaced(1), key, opens).expect("a valid poll")
}
