//! How many options a ballot names, as readers are told.

use super::{digits::Digits, language::Language};
use crate::poll::{Poll, Scale};

/// How many options a ballot of this poll names. The widget's server says it; it does not change.
pub(super) fn rule(poll: &Poll, language: &Language, digits: Digits) -> String {
    let texts = language.texts();
    if let Some(Scale { steps, .. }) = &poll.scale {
        let number = |step: u8| language.number(step.into(), digits);
        return texts.choose_step.replace("{min}", &number(steps.low())).replace("{max}", &number(steps.high()));
    }
    let is_any = poll.min_choices == 1 && usize::from(poll.max_choices) == poll.options.len();
    let text = match (poll.min_choices, poll.max_choices) {
        _ if poll.kind.is_ordered() && is_any => &texts.rank_any,
        _ if poll.kind.is_ordered() => &texts.rank_between,
        (1, 1) => &texts.choose_one,
        (min, max) if min == max => &texts.choose_exactly,
        (1, _) => &texts.choose_up_to,
        _ => &texts.choose_between,
    };
    let number = |number: u8| language.number(number.into(), digits);
    text.replace("{min}", &number(poll.min_choices)).replace("{max}", &number(poll.max_choices))
}
