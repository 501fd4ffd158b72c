//! The options, in the form and in the results.

use std::borrow::Cow;

use crate::{
    embed::{
        digits::PERMILLE,
        direction::{Direction, direction_in},
        language::Language,
        rating::step_label,
        shown_poll::ShownPoll,
    },
    poll::{CountedAnswer, Emoji, PollOption, State, Steps, Tally, Text},
};

/// The most of each other's own words that a page shows readers.
const MOST_SAID: usize = 10;

/// One option, in the form and in the results.
pub(super) struct OptionRow<'a> {
    pub(super) id: &'a str,
    /// What stands for a reaction, or nothing.
    pub(super) emoji: &'a str,
    pub(super) label: Cow<'a, str>,
    pub(super) label_dir: &'static str,
    /// What is said below the label, and its direction.
    pub(super) note: Option<&'a str>,
    pub(super) note_dir: &'static str,
    /// The address of a picture, and what stands for it.
    pub(super) image: Option<(&'a str, &'a str)>,
    pub(super) is_chosen: bool,
    pub(super) is_ticked: bool,
    /// Where options are ranked: the reader's, or 0.
    pub(super) rank: u8,
    /// That the reader chose it, or how they ranked it.
    pub(super) mine: Cow<'a, str>,
    /// What the buttons that move it are called.
    pub(super) move_up: String,
    pub(super) move_down: String,
    /// Of the bar, in percent: in a scale to 10, where bars stand upright, of the longest.
    pub(super) bar: String,
    pub(super) share: String,
    /// That it leads, or nothing.
    pub(super) lead: &'a str,
    /// That it is right, or nothing.
    pub(super) right: &'a str,
    /// Whether the reader may say in their own words what it stands for.
    pub(super) takes_words: bool,
    /// What others said.
    pub(super) said: Vec<SaidRow<'a>>,
    pub(super) votes: String,
    /// The votes as a number alone, or the share where no votes are told.
    pub(super) number: String,
    /// The votes as they are, where they are exact: the script adds to them what its reader does.
    pub(super) counted: Option<u64>,
}

/// What some readers said in their own words.
pub(super) struct SaidRow<'a> {
    pub(super) text: &'a str,
    pub(super) text_dir: &'static str,
    pub(super) votes: String,
}

impl<'a> ShownPoll<'a> {
    pub(super) fn rows(&self, language: &'static Language, direction: Direction) -> Vec<OptionRow<'a>> {
        let digits = self.look.digits;
        let shown = self.tally.map(|tally| (tally, tally.parts(self.poll, PERMILLE)));
        let (most, longest) = (self.most_votes(), self.longest_bar());
        let borda = self.tally.and_then(|tally| tally.borda(self.poll));
        let texts = language.texts();
        let right = self.right_option();
        let mark = language.texts().verdict(self.poll).map_or("", |verdict| verdict.mark);
        let row = |(nth, option): (usize, &'a PollOption)| {
            let tenths = shown.as_ref().and_then(|(_, tenths)| tenths.get(nth)).copied().unwrap_or_default();
            let points = borda.as_ref().and_then(|borda| borda.get(nth));
            let (share, votes) = shown.as_ref().map_or_else(Default::default, |(tally, _)| {
                let votes = tally.told_votes(option.index).map(|votes| language.count("votes", votes, digits));
                let votes = votes.unwrap_or_default();
                let votes = match points {
                    Some(points) => format!("{votes} · {}", language.count("points", *points, digits)),
                    None => votes,
                };
                (language.share(tenths, digits), votes)
            });
            let told = self.tally.and_then(|tally| tally.told_votes(option.index));
            let number = told.map_or_else(|| share.clone(), |votes| language.number(votes, digits));
            let is_exact = self.tally.is_some_and(|tally| tally.display.is_exact());
            let label = match &self.poll.scale {
                Some(scale) => Cow::Owned(step_label(scale, option.id.as_str(), language, digits)),
                None => Cow::Borrowed(option.label.as_str()),
            };
            let bar = longest.map_or(tenths, |longest| {
                let part = self.tally.map_or(0, |tally| tally.height(option.index));
                (part * PERMILLE).checked_div(longest).unwrap_or_default()
            });
            let is_chosen = self.chosen.is_some_and(|choices| choices.has(option));
            let leads = most.is_some_and(|(tally, most)| tally.told_votes(option.index) == Some(most));
            let rank = self.chosen.and_then(|choices| choices.rank(option)).and_then(|rank| u8::try_from(rank).ok());
            let ticked = self.ticked.iter().find(|(index, _)| *index == option.index).map(|(_, rank)| *rank);
            let beside = |text: &str| text.replace("{option}", &label);
            let (move_up, move_down) = (beside(&texts.move_up), beside(&texts.move_down));
            let mine = match rank {
                Some(rank) => Cow::Owned(texts.your_rank.replace("{n}", &language.number(rank.into(), digits))),
                None => Cow::Borrowed(texts.your_choice.as_str()),
            };
            OptionRow {
                id: option.id.as_str(),
                emoji: option.emoji.as_ref().map_or("", Emoji::as_str),
                label_dir: direction_in(direction, &label),
                note: option.note.as_ref().map(Text::as_str),
                note_dir: option.note.as_ref().map_or("", |note| direction_in(direction, note.as_str())),
                image: option.image.as_ref().map(|image| (image.url.as_str(), image.alt.as_str())),
                label,
                is_chosen,
                is_ticked: is_chosen || ticked.is_some(),
                rank: rank.or(ticked).unwrap_or_default(),
                mine,
                move_up,
                move_down,
                bar: format!("{}.{}", bar / 10, bar % 10),
                share,
                lead: match self.winner {
                    Some(winner) if *winner == option.id => &texts.wins,
                    Some(_) | None if leads => &texts.most_votes,
                    Some(_) | None => "",
                },
                right: if right == Some(option) { mark } else { "" },
                takes_words: self.poll.other() == Some(option),
                said: if self.poll.other() == Some(option) { self.said(language, direction) } else { Vec::new() },
                votes,
                number,
                counted: told.filter(|_| is_exact),
            }
        };
        self.poll.options.iter().enumerate().map(row).collect()
    }

    /// What others said in their own words, most of them first.
    fn said(&self, language: &'static Language, direction: Direction) -> Vec<SaidRow<'a>> {
        let digits = self.look.digits;
        let row = |CountedAnswer { text, ballots, .. }: &'a CountedAnswer| SaidRow {
            text: text.as_str(),
            text_dir: direction_in(direction, text.as_str()),
            votes: language.count("votes", *ballots, digits),
        };
        self.answers.iter().take(MOST_SAID).map(row).collect()
    }

    /// The votes that the longest bar stands for, where bars are compared with each other and not with the whole.
    fn longest_bar(&self) -> Option<u64> {
        self.poll.scale.as_ref().filter(|scale| scale.steps == Steps::ZeroToTen)?;
        self.tally.and_then(|tally| tally.votes.iter().max().copied())
    }

    /// The most votes that an option has in the end, if anybody voted: those who have so many lead. The widget finds
    /// the same in `draw`.
    fn most_votes(&self) -> Option<(&Tally, u64)> {
        // Who has the most first preferences need not win.
        let tally = self.tally.filter(|_| self.state == State::Closed && !self.poll.kind.is_ordered())?;
        let most = self.poll.options.iter().filter_map(|option| tally.told_votes(option.index)).max()?;
        (most > 0).then_some((tally, most))
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        embed::{
            look::Look,
            shown_poll::{HiddenFields, Mode, ShownPoll, Window},
        },
        poll::{
            DigestKey, Kind, NewOption, NewPoll, Partitions, Poll, PollFields, PollId, SiteId, State, Tally,
            TallyDisplay, Timestamp,
        },
        site::SiteSettings,
    };

    fn page(poll: &Poll, tally: &Tally, mode: Mode<'_>) -> String {
        let view = ShownPoll {
            poll,
            state: State::Open,
            answers: &[],
            tally: Some(tally),
            chosen: None,
            ticked: &[],
            winner: None,
            notice: None,
            look: &Look::default(),
            site: &SiteSettings::default(),
            public_url: None,
            mode,
            window: Window::Frame,
            is_kept: true,
            mark: None,
            is_by_article: false,
            place: None,
        };
        view.render().unwrap()
    }

    #[test]
    fn a_reactions_buttons_have_counts_to_add_to_only_where_these_are_exact_and_else_what_is_told() {
        let option = |label: &str| NewOption { label: label.to_owned(), ..NewOption::default() };
        let fields = PollFields {
            question: Some("؟".to_owned()),
            options: Some(vec![option("نعم"), option("لا")]),
            ..PollFields::default()
        };
        let (id, key, now) = (PollId::generate(), DigestKey::from_bytes([0; 32]), Timestamp::EARLIEST);
        let new = NewPoll { kind: Some(Kind::Reaction), ..fields.into() };
        let poll = new.build(id, SiteId::default(), Partitions::unplaced(1), key, now).unwrap();
        let exact = Tally { ballots: 3, votes: [2, 1].as_slice().into(), ..Tally::of_nothing(&poll, now) };
        let delayed = Tally { display: TallyDisplay::Delayed, ..exact.clone() };
        let percent = exact.in_percent(&poll);
        for mode in [Mode::Script, Mode::Form(Some(HiddenFields::default()))] {
            for (tally, told, is_exact) in
                [(&exact, ["2", "1"], true), (&delayed, ["2", "1"], false), (&percent, ["67%", "33%"], false)]
            {
                let page = page(&poll, tally, mode);
                assert_eq!(page.matches(" data-votes=").count(), if is_exact { 2 } else { 0 }, "{page}");
                for told in told {
                    assert!(page.contains(&format!(">{told}</span></button>")), "{told}: {page}");
                }
            }
        }
    }
}
