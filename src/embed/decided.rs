//! What a page shows of what an editor has decided beside the question and the options: why the wording changed, what
//! follows a vote, and whether the script needs its own file for all that.

use super::{
    direction::{direction_in, direction_of},
    language::Language,
    shown_poll::ShownPoll,
    time::Time,
};
use crate::poll::{Grade, Poll, PollId, TallyDisplay};

/// That the wording has changed, and why.
pub(super) struct RewordedPart<'a> {
    pub(super) before: &'a str,
    pub(super) time: Time<'a>,
    pub(super) after: &'a str,
    pub(super) reason: &'a str,
    pub(super) reason_dir: &'static str,
}

/// Where a reader may go after their vote.
pub(super) struct AfterPart<'a> {
    /// An address, and what the link says, with its direction.
    pub(super) link: Option<(&'a str, &'a str, &'static str)>,
    /// The next poll.
    pub(super) next: Option<PollId>,
    /// Whether this reader has voted, for all that is known.
    pub(super) is_shown: bool,
}

impl Poll {
    /// Whether an editor has decided anything that the script of every poll does not know.
    pub(super) fn is_decided(&self) -> bool {
        self.minimum_ballots > 0
            || self.shown_display() != TallyDisplay::Exact
            || self.grade() == Grade::Disputed
            || self.shuffle
            || self.disclosure.is_some()
            || self.after_vote.as_ref().is_some_and(|after| after.link.is_some() || after.next.is_some())
            || self.shown_rewording().is_some()
            || self.options.iter().any(|option| option.note.is_some() || option.image.is_some())
    }
}

impl Language {
    /// That ballots of a poll count which are surely no readers', for those who see its results; `None` if that is not
    /// so.
    pub fn disputed(&self, poll: &Poll) -> Option<&str> {
        (poll.grade() == Grade::Disputed).then_some(&self.texts().disputed)
    }
}

impl<'a> ShownPoll<'a> {
    /// The latest change of the wording that is no mere correction.
    pub(super) fn reworded(&self, language: &'a Language) -> Option<RewordedPart<'a>> {
        let poll = self.poll;
        let rewording = poll.shown_rewording()?;
        let text = &language.texts().reworded;
        let (before, after) = text.split_once("{time}").unwrap_or((text, ""));
        let reason = rewording.reason.as_str();
        Some(RewordedPart {
            before,
            time: Time::of(rewording.at, &self.site.timezone, self.look.digits, language),
            after,
            reason,
            reason_dir: direction_in(direction_of(poll.language.as_str()), reason),
        })
    }

    /// Where this reader may go after their vote.
    pub(super) fn after(&self) -> Option<AfterPart<'a>> {
        let poll = self.poll;
        let after = poll.after_vote.as_ref()?;
        let direction = direction_of(poll.language.as_str());
        let link = after.link.as_ref().map(|link| {
            let label = link.label.as_str();
            (link.url.as_str(), label, direction_in(direction, label))
        });
        let is_shown = self.chosen.is_some();
        (link.is_some() || after.next.is_some()).then_some(AfterPart { link, next: after.next, is_shown })
    }
}
