//! What a page says around the options: of the vote that was just sent, of when things happen, and of why results are
//! not shown.

use std::borrow::Cow;

use super::ShownState;
use crate::{
    embed::{
        language::Language,
        shown_poll::{Notice, ShownPoll},
        time::Time,
    },
    poll::{AfterVote, OPEN_ANSWER, ResultsPolicy, State, Text, Timestamp},
    site::SiteWords,
};

/// A text with a time in it, or without.
pub(super) struct NotePart<'a> {
    pub(super) before: Cow<'a, str>,
    pub(super) time: Option<Time<'a>>,
    pub(super) after: &'a str,
}

impl<'a> ShownPoll<'a> {
    /// What is said of what the reader has just done.
    pub(super) fn status(&self, language: &Language) -> String {
        let texts = language.texts();
        let own = self.site.look.words.get(language.tag());
        let Some(notice) = self.notice else { return String::new() };
        let (poll, ticked) = (self.poll, self.ticked.len());
        let text = match notice {
            Notice::Counted => self.counted_words(own).unwrap_or(&texts.counted),
            Notice::Changed => &texts.changed,
            Notice::Withdrawn => &texts.withdrawn,
            Notice::AlreadyVoted => &texts.already_voted,
            Notice::SameRank => &texts.same_rank,
            Notice::ChooseFirst if ticked > usize::from(poll.max_choices) => &texts.too_many,
            Notice::ChooseFirst if (1..usize::from(poll.min_choices)).contains(&ticked) => &texts.too_few,
            Notice::ChooseFirst => &texts.choose_first,
            Notice::SayOtherwise => {
                let most = u64::try_from(OPEN_ANSWER.characters).unwrap_or_default();
                return texts.say_otherwise.replace("{max}", &language.number(most, self.look.digits));
            }
        };
        let number = |number| language.number(number, self.look.digits);
        text.replace("{n}", &number(u64::try_from(ticked).unwrap_or_default()))
            .replace("{min}", &number(poll.min_choices.into()))
            .replace("{max}", &number(poll.max_choices.into()))
    }

    /// What is said of a vote that was counted, if not what is always said: the poll's own words, or the site's.
    pub(super) fn counted_words(&self, own: Option<&'a SiteWords>) -> Option<&'a str> {
        let thanks = self.poll.after_vote.as_ref().and_then(|AfterVote { thanks, .. }| thanks.as_ref());
        thanks.or(own.and_then(|own| own.counted.as_ref())).map(Text::as_str)
    }

    /// What stands below the poll: why the results are not there, and when things happen. The widget says the same in
    /// `note`.
    pub(super) fn note<'t>(&'t self, language: &'t Language) -> Vec<NotePart<'t>> {
        let texts = language.texts();
        let plain = |text: &'t str| NotePart { before: text.into(), time: None, after: "" };
        // Without a tally, where the policy shows one.
        let few = || {
            let few = self.few(language).filter(|_| self.tally.is_none())?;
            Some(NotePart { before: few.into(), time: None, after: "" })
        };
        let timed = |text: &'t str, moment: Timestamp| {
            let (before, after) = text.split_once("{time}").unwrap_or((text, ""));
            NotePart {
                before: before.into(),
                time: Some(Time::of(moment, &self.site.timezone, self.look.digits, language)),
                after,
            }
        };
        let schedule = &self.poll.schedule;
        let closes = || schedule.closes_at.map(|moment| timed(&texts.closes, moment));
        let ended = || schedule.closes_at.map_or_else(|| plain(&texts.ended), |moment| timed(&texts.ended_at, moment));
        let shown = self.state_shown();
        match shown {
            ShownState::Scheduled => {
                vec![schedule.opens_at.map_or_else(|| plain(&texts.not_open), |moment| timed(&texts.opens, moment))]
            }
            ShownState::Closed => vec![ended(), plain(&texts.last)],
            ShownState::Hidden if self.state == State::Closed => {
                let few = few().filter(|_| self.poll.results != ResultsPolicy::Never);
                vec![ended(), few.unwrap_or_else(|| plain(&texts.hidden_never))]
            }
            ShownState::Open | ShownState::Voted | ShownState::Hidden => {
                let why = match self.poll.results {
                    ResultsPolicy::AfterVote if shown == ShownState::Open => Some(plain(&texts.hidden_after_vote)),
                    ResultsPolicy::Always | ResultsPolicy::AfterVote => few(),
                    ResultsPolicy::AfterClose => Some(plain(&texts.hidden_after_close)),
                    ResultsPolicy::Never => Some(plain(&texts.hidden_never)),
                };
                why.into_iter().chain(closes()).collect()
            }
        }
    }

    /// From how many ballots on the results are shown, if not from the first on.
    fn few(&self, language: &Language) -> Option<String> {
        let least = self.poll.minimum_ballots;
        (least > 0).then(|| language.count("enough", least.into(), self.look.digits))
    }
}
