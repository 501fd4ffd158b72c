//! A form that two editors have filled at once.

use super::{TypedOption, TypedPoll};

impl TypedPoll {
    /// What was typed onto what somebody else has made of the poll meanwhile: of both, each change since `base`; where
    /// both changed the same, this one.
    #[must_use]
    pub fn onto(&self, base: &Self, theirs: &Self) -> Self {
        let options = merged(&self.options, &base.options, &theirs.options);
        Self {
            kind: theirs.kind.clone(),
            question: pick(&self.question, &base.question, &theirs.question),
            language: pick(&self.language, &base.language, &theirs.language),
            correct: self.right_among(&options, base, theirs),
            options,
            low_label: pick(&self.low_label, &base.low_label, &theirs.low_label),
            high_label: pick(&self.high_label, &base.high_label, &theirs.high_label),
            open_answer: theirs.open_answer,
            min_choices: pick(&self.min_choices, &base.min_choices, &theirs.min_choices),
            max_choices: pick(&self.max_choices, &base.max_choices, &theirs.max_choices),
            results: pick(&self.results, &base.results, &theirs.results),
            changeable: pick(&self.changeable, &base.changeable, &theirs.changeable),
            opens_at: pick(&self.opens_at, &base.opens_at, &theirs.opens_at),
            closes_at: pick(&self.closes_at, &base.closes_at, &theirs.closes_at),
            article_url: pick(&self.article_url, &base.article_url, &theirs.article_url),
            explanation: pick(&self.explanation, &base.explanation, &theirs.explanation),
            minimum_ballots: pick(&self.minimum_ballots, &base.minimum_ballots, &theirs.minimum_ballots),
            display: pick(&self.display, &base.display, &theirs.display),
            shuffle: pick(&self.shuffle, &base.shuffle, &theirs.shuffle),
            asked_by: pick(&self.asked_by, &base.asked_by, &theirs.asked_by),
            paid_by: pick(&self.paid_by, &base.paid_by, &theirs.paid_by),
            licence: pick(&self.licence, &base.licence, &theirs.licence),
            disclosure_note: pick(&self.disclosure_note, &base.disclosure_note, &theirs.disclosure_note),
            thanks: pick(&self.thanks, &base.thanks, &theirs.thanks),
            link_url: pick(&self.link_url, &base.link_url, &theirs.link_url),
            link_label: pick(&self.link_label, &base.link_label, &theirs.link_label),
            next: pick(&self.next, &base.next, &theirs.next),
            reason: self.reason.clone(),
            correction: self.correction,
        }
    }

    /// The place of the right answer among the options of both. Each editor chose it in a list of their own, so it is
    /// found by its id, or as it was typed if it is new.
    fn right_among(&self, options: &[TypedOption], base: &Self, theirs: &Self) -> String {
        let id = |typed: &Self| typed.right().map(|option| option.id.clone());
        let is_new = self.right().is_some_and(|option| option.id.is_empty());
        let right = if is_new || id(self) != id(base) { self.right() } else { theirs.right() };
        let is_right =
            |option: &TypedOption| right.is_some_and(|right| option.id == right.id && (!is_new || option == right));
        options.iter().position(is_right).map(|place| (place + 1).to_string()).unwrap_or_default()
    }
}

/// Of a field that two have changed: mine, if I have changed it.
pub fn pick<T: Clone + PartialEq>(mine: &T, base: &T, theirs: &T) -> T {
    if mine == base { theirs.clone() } else { mine.clone() }
}

/// Options that two have changed: of each the change that was made, and mine where both have changed it. What either
/// has added is there, and what either has taken out is not.
fn merged(mine: &[TypedOption], base: &[TypedOption], theirs: &[TypedOption]) -> Vec<TypedOption> {
    let of = |options: &[TypedOption], id: &str| options.iter().find(|option| option.id == id).cloned();
    let kept = mine.iter().filter_map(|own| match (of(base, &own.id), of(theirs, &own.id)) {
        (Some(before), Some(now)) if !own.id.is_empty() => Some(pick(own, &before, &now)),
        // Taken out meanwhile.
        (Some(before), None) if *own == before && !own.id.is_empty() => None,
        _ => Some(own.clone()),
    });
    let added = theirs.iter().filter(|other| of(base, &other.id).is_none() && of(mine, &other.id).is_none());
    kept.chain(added.cloned()).collect()
}
