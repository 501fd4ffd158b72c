//! What histories are made of: one thing after another that a store is asked.

use proptest::prelude::*;
use sawt::poll::{AnswerState, Codec, Kind, LabelDecision, Position};

/// One thing asked of a store. `poll` is a place in the list of polls made so far, taken round.
#[derive(Debug, Clone)]
pub(super) enum Command {
    Create { answered: (Kind, Codec), is_open: bool, options: u8, changeable: bool, start: Start },
    Edit { poll: usize, change: Change, stale: bool },
    Open { poll: usize },
    Close { poll: usize, stale: bool },
    Resolve { poll: usize, option: u8, stale: bool },
    Delete { poll: usize },
    Cast { poll: usize, ballots: Vec<(u64, Request)>, stale: bool },
    Ballot { poll: usize, voter: u64 },
    Decide { poll: usize, text: u8, state: AnswerState },
    Judge { poll: usize, label: u8, decision: LabelDecision, stale: bool },
    Upkeep { poll: usize },
    Raise { poll: usize, partition: u16, seen: Position },
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Start {
    Draft,
    Scheduled,
    Open,
}

#[derive(Debug, Clone)]
pub(super) enum Change {
    Wording(u8),
    Order,
    Options(u8),
    Scale(u64),
    MaxChoices(u8),
    Changeable(bool),
    Results,
    ClosesTomorrow(bool),
}

/// What a voter asks for: options by the bits of a number, with one of a few texts where that may be, and a label; or
/// the ballot back.
#[derive(Debug, Clone, Copy)]
pub(super) enum Request {
    Options(u8, u8, u8),
    Withdraw,
}

pub(super) fn command() -> impl Strategy<Value = Command> {
    let poll = 0..3_usize;
    let rarely = || prop::bool::weighted(0.1);
    let answered = [
        (Kind::Single, Codec::Index),
        (Kind::Multiple, Codec::Bits),
        (Kind::Rating, Codec::Index),
        (Kind::Reaction, Codec::Index),
        (Kind::Ranked, Codec::Bytes),
    ];
    let start = prop_oneof![1 => Just(Start::Draft), 1 => Just(Start::Scheduled), 6 => Just(Start::Open)];
    let number = || prop_oneof![2 => Just(0_u8), 1 => prop::sample::select(vec![1, 7, 31])];
    let options = (any::<u8>(), 0..4_u8, number());
    let request = prop_oneof![
        5 => options.prop_map(|(bits, text, label)| Request::Options(bits, text, label)),
        1 => Just(Request::Withdraw),
    ];
    let change = prop_oneof![
        any::<u8>().prop_map(Change::Wording),
        Just(Change::Order),
        (2..6_u8).prop_map(Change::Options),
        prop::sample::select(vec![5_u64, 10]).prop_map(Change::Scale),
        (1..5_u8).prop_map(Change::MaxChoices),
        any::<bool>().prop_map(Change::Changeable),
        Just(Change::Results),
        any::<bool>().prop_map(Change::ClosesTomorrow),
    ];
    let state = prop::sample::select(AnswerState::ALL.to_vec());
    let create = (prop::sample::select(answered.to_vec()), any::<bool>(), 2..6_u8, any::<bool>(), start);
    prop_oneof![
        2 => create.prop_map(|(answered, is_open, options, changeable, start)| {
            Command::Create { answered, is_open, options, changeable, start }
        }),
        3 => (poll.clone(), change, rarely()).prop_map(|(poll, change, stale)| Command::Edit { poll, change, stale }),
        1 => poll.clone().prop_map(|poll| Command::Open { poll }),
        1 => (poll.clone(), rarely()).prop_map(|(poll, stale)| Command::Close { poll, stale }),
        1 => (poll.clone(), 0..3_u8, rarely()).prop_map(|(poll, option, stale)| Command::Resolve { poll, option, stale }),
        1 => poll.clone().prop_map(|poll| Command::Delete { poll }),
        12 => (poll.clone(), prop::collection::vec((0..6_u64, request), 1..8), rarely())
            .prop_map(|(poll, ballots, stale)| Command::Cast { poll, ballots, stale }),
        2 => (poll.clone(), 0..6_u64).prop_map(|(poll, voter)| Command::Ballot { poll, voter }),
        1 => (poll.clone(), 1..4_u8, state).prop_map(|(poll, text, state)| Command::Decide { poll, text, state }),
        2 => (poll.clone(), number(), prop::sample::select(LabelDecision::ALL.to_vec()), rarely())
            .prop_map(|(poll, label, decision, stale)| Command::Judge { poll, label, decision, stale }),
        1 => poll.clone().prop_map(|poll| Command::Upkeep { poll }),
        1 => (poll, any::<u16>(), 0..3_u64, 0..9_u64).prop_map(|(poll, partition, epoch, version)| {
            Command::Raise { poll, partition, seen: Position { epoch, version } }
        }),
    ]
}
