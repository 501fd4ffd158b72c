//! What a publisher changes in a poll.
//!
//! Once a poll has ballots, only what cannot falsify them may change: the wording of the question and the labels, the
//! language, the order in which options are shown, who sees the results, whether ballots may be changed, and when the
//! poll closes. A change of the wording then needs a reason: see [`rewording`](super::rewording). The set of options,
//! how many may be chosen, and the kind (which never changes) are fixed by the first ballot. See [`Effect::Reshapes`].

use super::{
    OptionId, Poll, PollFields, PollOption, QUESTION, State, Timestamp,
    check::{Check, Violation},
    definition::same_indexes,
    text::REASON,
};

/// Why an edit is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EditError {
    /// The poll is closed, and closed is final.
    Closed,
    /// The poll as it would be is not a valid one.
    Invalid(Vec<Violation>),
}

/// An edited poll.
#[derive(Debug, Clone)]
pub struct Edit {
    /// The new poll, one revision on.
    pub poll: Poll,
    /// What it does: by this the store decides whether it may be made.
    pub effect: Effect,
}

/// What an edit does to a poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It changes what readers are told, or when votes are taken. Ballots count as before.
    Changes,
    /// It would count, accept or judge ballots differently: another set of options, other bounds on choices, another
    /// right answer. The store makes such a change only while the poll has no ballots.
    Reshapes,
    /// It changes the wording and says why: the poll's last [`Rewording`](super::Rewording) tells it. Ballots count as
    /// before.
    Rewords,
    /// It adds to a closed poll, whose figure stays: what became of a prediction, or what is decided of labels. No
    /// other edit is made of one.
    Amends,
}

impl PollFields {
    /// A poll after an edit that says this.
    ///
    /// # Errors
    /// [`EditError::Closed`], or every violation found.
    pub fn apply(mut self, poll: &Poll, now: Timestamp) -> Result<Edit, EditError> {
        let state = poll.state_at(now);
        if state == State::Closed {
            return Err(EditError::Closed);
        }
        if let Some(other) = poll.other() {
            self.name_other(other.label.as_str());
        }
        let mut check = Check::default();
        let mut edited = poll.clone();
        if let Some(question) = &self.question {
            edited.question = check.text("question", question, QUESTION).unwrap_or(edited.question);
        }
        if self.language.is_some() {
            edited.language = check.language(self.language.as_deref()).unwrap_or(edited.language);
        }
        let rules = poll.kind.rules();
        if self.scale.is_some() {
            edited.scale = rules.scale(&mut check, self.scale.as_ref());
        }
        if self.options.is_some() || (self.scale.is_some() && edited.scale.is_some()) {
            let options = rules.options(&mut check, self.options.as_deref(), edited.scale.as_ref());
            edited.options = keep_indexes(options, &poll.options);
        }
        if self.options.is_some() || self.min_choices.is_some() || self.max_choices.is_some() {
            let min = self.min_choices.unwrap_or(poll.min_choices.into());
            // "As many as there are" keeps its meaning.
            let all_before = usize::from(poll.max_choices) == poll.options.len();
            let max_before = if all_before && !poll.kind.takes_one() { None } else { Some(poll.max_choices.into()) };
            let max = self.max_choices.or(max_before);
            (edited.min_choices, edited.max_choices) = check.choices(poll.kind, Some(min), max, edited.options.len());
        }
        edited.results = self.results.unwrap_or(poll.results);
        if self.changeable.is_some() {
            edited.changeable = rules.changeable(&mut check, self.changeable);
        }
        if let Some(opens_at) = self.opens_at {
            if state == State::Open && opens_at != poll.schedule.opens_at {
                check.refuse("opens_at", "can't change: the poll is open");
            }
            edited.schedule.opens_at = opens_at;
        }
        if let Some(closes_at) = self.closes_at {
            edited.schedule.closes_at = closes_at;
        }
        check.schedule(&edited.schedule, now);
        if let Some(article_url) = &self.article_url {
            edited.article_url = check.address("article_url", article_url.as_deref());
        }
        self.edit_quiz(&mut check, &mut edited);
        self.edit_looks(&mut check, &mut edited);
        let correct = |poll: &Poll| poll.quiz.as_ref().map(|quiz| quiz.correct.clone());
        let reshapes = edited.bounds() != poll.bounds()
            || correct(&edited) != correct(poll)
            || !same_indexes(&edited.options, &poll.options);
        edited.revision = poll.revision.next();
        edited.updated_at = now;
        let reason = self.reason.as_deref().and_then(|reason| check.text("reason", reason, REASON));
        let reason = reason.filter(|_| !edited.is_worded_like(poll));
        let effect = match reason {
            _ if reshapes => Effect::Reshapes,
            Some(reason) => {
                edited.note_rewording(poll, now, reason, self.correction.unwrap_or_default());
                Effect::Rewords
            }
            None => Effect::Changes,
        };
        check.finish(|| Some(Edit { poll: edited, effect })).map_err(EditError::Invalid)
    }

    /// Checks the quiz against the options after the edit.
    fn edit_quiz(&self, check: &mut Check, edited: &mut Poll) {
        let before = edited.quiz.take();
        let kept = before.as_ref().map(|quiz| quiz.correct.as_str().to_owned());
        let correct = self.correct.clone().unwrap_or(kept);
        let explained = before.and_then(|quiz| quiz.explanation).map(|text| text.as_str().to_owned());
        // An explanation without a right option goes too.
        let explained = explained.filter(|_| correct.is_some());
        let explanation = self.explanation.clone().unwrap_or(explained);
        edited.quiz =
            check.quiz(edited.kind, edited.changeable, &edited.options, correct.as_deref(), explanation.as_deref());
    }

    /// What readers see beside the question and the options.
    fn edit_looks(&self, check: &mut Check, edited: &mut Poll) {
        if self.minimum_ballots.is_some() {
            edited.minimum_ballots = check.minimum(self.minimum_ballots);
        }
        if self.display.is_some() {
            edited.display = check.display(edited.kind, self.display);
        }
        if self.shuffle.is_some() {
            edited.shuffle = check.shuffle(edited.kind, self.shuffle);
        }
        if let Some(disclosure) = &self.disclosure {
            let disclosure = disclosure.as_ref().map(|disclosure| check.disclosure(disclosure));
            edited.disclosure = disclosure.filter(|disclosure| !disclosure.is_empty());
        }
        if let Some(after) = &self.after_vote {
            edited.after_vote = after.as_ref().and_then(|after| check.after_vote(edited.id, after));
        }
    }

    /// Whether a poll already is as an edit that says this would make it.
    pub fn is_made_in(&self, poll: &Poll) -> bool {
        // At the time of its last edit: what was in the future then may have passed.
        let edit = self.clone().apply(poll, poll.updated_at);
        edit.is_ok_and(|Edit { poll: edited, .. }| {
            Poll { revision: poll.revision, updated_at: poll.updated_at, ..edited } == *poll
        })
    }
}

/// The same set of options keeps its indexes in any order. Another set gets new numbers, which the store allows only
/// while no counter holds a vote.
fn keep_indexes(mut options: Vec<PollOption>, before: &[PollOption]) -> Vec<PollOption> {
    let index_before = |id: &OptionId| before.iter().find(|old| old.id == *id).map(|old| old.index);
    if options.len() == before.len() && options.iter().all(|option| index_before(&option.id).is_some()) {
        for option in &mut options {
            option.index = index_before(&option.id).unwrap_or(option.index);
        }
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poll::{
        Kind, NewOption, Phase, ResultsPolicy, Revision, Schedule,
        definition::tests::{earlier, poll_with},
    };

    #[test]
    fn wording_and_order_may_change_without_reshaping() {
        let poll = poll_with(Kind::Single, 1, 1, &["yes", "no"]);
        let swapped = vec![
            NewOption { id: Some("no".to_owned()), label: "كلا".to_owned(), ..NewOption::default() },
            NewOption { id: Some("yes".to_owned()), label: "أجل".to_owned(), ..NewOption::default() },
        ];
        let edit = PollFields { options: Some(swapped), ..PollFields::default() }.apply(&poll, earlier(9)).unwrap();
        assert_eq!(edit.effect, Effect::Changes);
        assert_eq!(edit.poll.revision, Revision(2));
        let shown: Vec<(&str, u8)> =
            edit.poll.options.iter().map(|option| (option.id.as_str(), option.index)).collect();
        assert_eq!(shown, [("no", 1), ("yes", 0)]);
    }

    #[test]
    fn another_set_of_options_reshapes() {
        let poll = poll_with(Kind::Multiple, 1, 2, &["a", "b", "c"]);
        let options = |ids: &[&str]| {
            let option =
                |id: &&str| NewOption { id: Some((*id).to_owned()), label: (*id).to_owned(), ..NewOption::default() };
            Some(ids.iter().map(option).collect())
        };
        for (edit, what) in [
            (PollFields { options: options(&["a", "b"]), ..PollFields::default() }, "one fewer"),
            (PollFields { options: options(&["a", "b", "c", "d"]), ..PollFields::default() }, "one more"),
            (PollFields { options: options(&["a", "b", "d"]), ..PollFields::default() }, "one exchanged"),
            (PollFields { max_choices: Some(3), ..PollFields::default() }, "another bound"),
            (PollFields { max_choices: Some(1), ..PollFields::default() }, "a lower bound"),
        ] {
            let edit = edit.apply(&poll, earlier(9)).unwrap();
            assert_eq!(edit.effect, Effect::Reshapes, "{what}");
            let mut indexes: Vec<u8> = edit.poll.options.iter().map(|option| option.index).collect();
            indexes.sort_unstable();
            assert!(indexes.iter().copied().map(usize::from).eq(0..indexes.len()), "{what}");
        }
    }

    #[test]
    fn an_edit_is_known_again_in_the_poll_it_made() {
        let poll = poll_with(Kind::Single, 1, 1, &["yes", "no"]);
        let option =
            |id: &str| NewOption { id: Some(id.to_owned()), label: format!("label of {id}"), ..NewOption::default() };
        let with_three =
            PollFields { options: Some(vec![option("a"), option("b"), option("c")]), ..PollFields::default() };
        let closing = PollFields { closes_at: Some(Some(earlier(5))), ..PollFields::default() };
        let reworded = PollFields { question: Some(" سؤال  آخر ".to_owned()), ..PollFields::default() };
        for edit in [with_three, closing, reworded] {
            assert!(!edit.is_made_in(&poll));
            let mut edited = edit.clone().apply(&poll, earlier(9)).unwrap().poll;
            assert!(edit.is_made_in(&edited));
            edited.revision = Revision(7);
            edited.results = ResultsPolicy::Never;
            assert!(edit.is_made_in(&edited), "another edit came after it, of something else");
            edited.options.pop();
            edited.schedule.closes_at = None;
            edited.question = poll.question.clone();
            assert!(!edit.is_made_in(&edited));
        }
    }

    #[test]
    fn a_closed_poll_is_never_edited() {
        let mut poll = poll_with(Kind::Single, 1, 1, &["yes", "no"]);
        poll.schedule.closes_at = Some(earlier(10));
        let edit = || PollFields { question: Some("?".to_owned()), ..PollFields::default() };
        assert_eq!(edit().apply(&poll, earlier(10)).unwrap_err(), EditError::Closed);
        assert!(edit().apply(&poll, earlier(11)).is_ok());
        poll.schedule = Schedule { phase: Phase::Closed, opens_at: None, closes_at: None };
        assert_eq!(edit().apply(&poll, earlier(11)).unwrap_err(), EditError::Closed);
    }
}
