//! What a form asks for: a poll, the pattern of a template, an edit.

use std::collections::HashSet;

use super::{FaultReason, FormFault, SCALE, TypedField, TypedOption, TypedPoll};
use crate::{
    newsroom::fields::number,
    poll::{
        DigestKey, EditError, Kind, NewAfterVote, NewDisclosure, NewImage, NewOption, NewPoll, NewScale, Partitions,
        Poll, PollFields, PollId, SiteId, TimeZone, Timestamp,
    },
};

impl TypedPoll {
    /// The poll that is asked for.
    ///
    /// # Errors
    /// All that is wrong with it, if something in it can't be read. What is wrong with one that can is said when it is
    /// made.
    pub fn new_poll(&self, draft: bool, timezone: &TimeZone, now: Timestamp) -> Result<NewPoll, Vec<FormFault>> {
        let (kind, (mut fields, unread)) = (self.poll_kind(), self.fields(timezone));
        if fields.correct == Some(None) {
            fields.correct = None;
        }
        if fields.explanation == Some(None) {
            fields.explanation = None;
        }
        // Where nothing is said, the site's own is taken.
        fields.disclosure = fields.disclosure.filter(Option::is_some);
        let new =
            NewPoll { kind, draft, open_answer: self.open_answer && self.kind_says(Kind::takes_open_answers), fields };
        if unread.is_empty() { Ok(new) } else { Err(together(unread, self.faults_in(new, now))) }
    }

    /// The pattern of a template that is asked for, without what is of one poll alone.
    ///
    /// # Errors
    /// As [`new_poll`](Self::new_poll).
    pub fn new_template(&self, now: Timestamp) -> Result<NewPoll, Vec<FormFault>> {
        let (fields, unread) = self.fields(&TimeZone::UTC);
        let fields = PollFields {
            opens_at: None,
            closes_at: None,
            article_url: None,
            correct: None,
            explanation: None,
            // Where nothing is said, the site's own is taken.
            disclosure: fields.disclosure.clone().filter(Option::is_some),
            ..fields
        };
        let new = NewPoll { kind: self.poll_kind(), draft: false, open_answer: false, fields };
        if unread.is_empty() { Ok(new) } else { Err(together(unread, self.faults_in(new, now))) }
    }

    /// All that is wrong with a poll that is asked for.
    pub fn faults_in(&self, new: NewPoll, now: Timestamp) -> Vec<FormFault> {
        let digest_key = DigestKey::from_bytes([0; 32]);
        let built = new.build(PollId::generate(), SiteId::default(), Partitions::unplaced(1), digest_key, now);
        built.err().map(|violations| self.faults(&violations)).unwrap_or_default()
    }

    /// What an edit of a poll asks for: what differs from how it was when the form was shown.
    ///
    /// # Errors
    /// As [`new_poll`](Self::new_poll).
    pub fn edit(
        &self,
        base: &Self,
        timezone: &TimeZone,
        (poll, moment): (&Poll, Timestamp),
    ) -> Result<PollFields, Vec<FormFault>> {
        let ((now, unread), (before, _)) = (self.fields(timezone), base.fields(timezone));
        // An edit that says nothing of a bound keeps it: whoever has emptied its field means the usual one.
        let all = u64::try_from(self.filled().count() + usize::from(poll.open_answer)).ok();
        let min_choices = now.min_choices.or(before.min_choices.map(|_| 1));
        let max_choices = now.max_choices.or(before.max_choices.and(all));
        let is_reworded = now.question != before.question || now.options != before.options;
        let reason = Some(self.reason.trim().to_owned()).filter(|reason| !reason.is_empty() && is_reworded);
        let edit = PollFields {
            reason,
            correction: (self.correction && is_reworded).then_some(true),
            question: changed(now.question, before.question.as_ref()),
            language: changed(now.language, before.language.as_ref()),
            scale: changed(now.scale, before.scale.as_ref()),
            min_choices: changed(min_choices, before.min_choices.as_ref()),
            max_choices: changed(max_choices, before.max_choices.as_ref()),
            options: changed(now.options, before.options.as_ref()),
            results: changed(now.results, before.results.as_ref()),
            changeable: changed(now.changeable, before.changeable.as_ref()),
            opens_at: changed(now.opens_at, before.opens_at.as_ref()),
            closes_at: changed(now.closes_at, before.closes_at.as_ref()),
            article_url: changed(now.article_url, before.article_url.as_ref()),
            correct: changed(now.correct, before.correct.as_ref()),
            explanation: changed(now.explanation, before.explanation.as_ref()),
            minimum_ballots: changed(now.minimum_ballots, before.minimum_ballots.as_ref()),
            display: changed(now.display, before.display.as_ref()),
            shuffle: changed(now.shuffle, before.shuffle.as_ref()),
            disclosure: changed(now.disclosure, before.disclosure.as_ref()),
            after_vote: changed(now.after_vote, before.after_vote.as_ref()),
        };
        if unread.is_empty() {
            return Ok(edit);
        }
        match edit.apply(poll, moment) {
            Err(EditError::Invalid(violations)) => Err(together(unread, self.faults(&violations))),
            Ok(_) | Err(EditError::Closed) => Err(unread),
        }
    }

    /// What was typed, and what of it can't be read.
    fn fields(&self, timezone: &TimeZone) -> (PollFields, Vec<FormFault>) {
        let mut faults = Vec::new();
        let some = filled;
        let mut time = |field, text: &str| match some(text) {
            None => None,
            Some(text) => timezone.at_form_time(&text).or_else(|| {
                faults.push(FormFault { field, place: None, why: FaultReason::Usual });
                None
            }),
        };
        let opens_at = time(TypedField::OpensAt, &self.opens_at);
        let closes_at = time(TypedField::ClosesAt, &self.closes_at);
        let mut bound = |field, text: &str| match some(text).filter(|_| self.kind_says(Kind::takes_several)) {
            None => None,
            Some(text) => number(&text).or_else(|| {
                faults.push(FormFault { field, place: None, why: FaultReason::Usual });
                None
            }),
        };
        let min_choices = bound(TypedField::MinChoices, &self.min_choices);
        let max_choices = bound(TypedField::MaxChoices, &self.max_choices);
        let minimum_ballots = match some(&self.minimum_ballots) {
            None => 0,
            Some(text) => number(&text).unwrap_or_else(|| {
                faults.push(FormFault { field: TypedField::MinimumBallots, place: None, why: FaultReason::Usual });
                0
            }),
        };
        let is_pressed = self.kind_says(Kind::is_pressed);
        let option = |(_, option): (usize, &TypedOption)| NewOption {
            id: some(&option.id),
            emoji: some(&option.emoji).filter(|_| is_pressed),
            label: option.label.clone(),
            note: some(&option.note),
            image: some(&option.image_url).map(|url| NewImage { url, alt: option.image_alt.clone() }),
        };
        let mut options: Vec<NewOption> = self.filled().map(option).collect();
        name_new(&mut options);
        let correct = some(&self.correct).filter(|_| self.kind_says(Kind::has_right_answer)).map(|place| {
            let place = number::<usize>(&place).and_then(|place| place.checked_sub(1));
            let kept = place.and_then(|place| self.filled().position(|(at, _)| at == place));
            kept.and_then(|kept| options.get(kept)?.id.clone()).unwrap_or_default()
        });
        let (low, high) = if self.kind == SCALE { (0, 10) } else { (1, 5) };
        let scale = NewScale { low, high, low_label: some(&self.low_label), high_label: some(&self.high_label) };
        // One without a right answer is told of: it was typed for something.
        let explanation = some(&self.explanation).filter(|_| self.kind_says(Kind::has_right_answer));
        let fields = PollFields {
            question: Some(self.question.clone()),
            language: some(&self.language),
            scale: (!self.has_options()).then_some(scale),
            min_choices,
            max_choices,
            options: self.has_options().then_some(options),
            results: serde_json::from_value(self.results.as_str().into()).ok(),
            changeable: (!is_pressed).then_some(self.changeable),
            opens_at: Some(opens_at),
            closes_at: Some(closes_at),
            article_url: Some(some(&self.article_url)),
            correct: Some(correct),
            explanation: Some(explanation),
            minimum_ballots: Some(minimum_ballots),
            display: serde_json::from_value(self.display.as_str().into()).ok(),
            shuffle: self.kind_says(|kind| !kind.has_own_order()).then_some(self.shuffle),
            disclosure: Some(self.disclosure()),
            after_vote: Some(self.after_vote()),
            ..PollFields::default()
        };
        (fields, faults)
    }

    fn disclosure(&self) -> Option<NewDisclosure> {
        let asked = NewDisclosure {
            asked_by: filled(&self.asked_by),
            paid_by: filled(&self.paid_by),
            licence: filled(&self.licence),
            note: filled(&self.disclosure_note),
        };
        (asked != NewDisclosure::default()).then_some(asked)
    }

    fn after_vote(&self) -> Option<NewAfterVote> {
        let link = (filled(&self.link_url), filled(&self.link_label));
        let link = (link != (None, None)).then(|| (link.0.unwrap_or_default(), link.1.unwrap_or_default()));
        let asked = NewAfterVote { thanks: filled(&self.thanks), link, next: filled(&self.next) };
        (asked != NewAfterVote::default()).then_some(asked)
    }
}

/// What can't be read, and what else is wrong. Of a field that can't be read nothing else is known.
fn together(unread: Vec<FormFault>, others: Vec<FormFault>) -> Vec<FormFault> {
    let is_known = |fault: &FormFault| unread.iter().any(|other| other.field == fault.field);
    let others: Vec<FormFault> = others.into_iter().filter(|fault| !is_known(fault)).collect();
    unread.into_iter().chain(others).collect()
}

/// What was typed, if that is anything.
fn filled(text: &str) -> Option<String> {
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// What there is now, if it was otherwise before.
fn changed<T: PartialEq>(now: Option<T>, before: Option<&T>) -> Option<T> {
    if now.as_ref() == before { None } else { now }
}

/// Gives options without an id one that no other has: the least number that is free.
fn name_new(options: &mut [NewOption]) {
    let taken: HashSet<String> = options.iter().filter_map(|option| option.id.clone()).collect();
    let mut free = (1_usize..).map(|number| number.to_string()).filter(|id| !taken.contains(id));
    for option in options.iter_mut().filter(|option| option.id.is_none()) {
        option.id = free.next();
    }
}
