//! What the picture of a poll says: what its page shows everyone, in the poll's language and the site's colours.
//!
//! It is given the tally that the page is given. Where that is none, or nobody has voted, the picture asks the
//! question. It never tells which answer of a quiz is right, since anybody may see it before they vote.

use super::{
    digits::Digits,
    direction::{Direction, direction_in, direction_of},
    disclosure::{counted, counted_until},
    language::Language,
    rating::{RatingPart, step_label},
    rule::rule,
};
use crate::{
    card::{Card, CardBody, CardMean, CardRow, CardRows, CardShape, CardText, Rgb, Runs, drawable},
    poll::{Disclosure, OptionId, Poll, PollOption, State, Steps, Tally, Text, Timestamp},
    site::SiteSettings,
};

/// The colour of polls whose site has none, as the style sheet has it.
const ACCENT: Rgb = Rgb([0x14, 0x59, 0x7f]);

/// Polls with no more options than this are always shown whole.
const ALWAYS_SHOWN: usize = 3;

/// How many characters of a name are told where there is no room for all.
const SHORT_NAME: usize = 40;

/// How many options the words that stand for a picture name.
const MOST_NAMED: usize = 6;

/// A poll as its picture shows it.
pub struct ShownCard<'a> {
    pub poll: &'a Poll,
    pub state: State,
    /// Its tally, if everyone may see it.
    pub tally: Option<&'a Tally>,
    /// Whether ballots count in it that are surely no readers'.
    pub is_disputed: bool,
    /// Who wins a ranked poll that is closed, if that is known.
    pub winner: Option<&'a OptionId>,
    /// Whose it is.
    pub site: &'a SiteSettings,
    /// Which digits.
    pub digits: Digits,
    /// How wide and high.
    pub shape: CardShape,
}

/// A picture as pages name it.
pub struct NamedCard {
    /// Its path and query. They change whenever the picture does.
    pub address: String,
    /// Its width and height.
    pub size: (u16, u16),
    /// What stands for it where it can't be seen.
    pub alt: String,
}

/// Whether the poll has a picture, as far as its question and its answers say.
pub fn can_be_drawn(poll: &Poll) -> bool {
    let labels = poll.options.iter().map(|option| &option.label).filter(|_| poll.scale.is_none());
    labels.chain([&poll.question]).all(|text| drawable(text.as_str()).is_some())
}

impl ShownCard<'_> {
    /// The picture's address, and what it shows; `None` if it can't be drawn.
    pub fn named(&self) -> Option<NamedCard> {
        let card = self.card()?;
        let version = self.shown().map_or_else(String::new, |tally| format!("{}-", tally.version));
        let hash = card.hash().to_hex();
        // Of one poll's pictures in a version no two are alike by it.
        let hash = hash.get(..8).unwrap_or_default();
        let mut address = format!("/polls/{}/card.png?v={version}{hash}", self.poll.id);
        if self.shape != CardShape::default() {
            address.push_str("&shape=square");
        }
        if self.digits != Digits::default() {
            address.push_str("&digits=");
            address.push_str(self.digits.as_str());
        }
        Some(NamedCard { address, size: self.shape.size(), alt: self.alt(&card) })
    }

    /// What stands for it: that the figure is disputed, the question, and the first of its answers with their shares.
    pub(super) fn alt(&self, card: &Card) -> String {
        let language = Language::for_poll(self.poll.language.as_str());
        let said = alt(card);
        match language.and_then(|language| self.dispute(language)) {
            Some(disputed) => format!("{disputed} {said}"),
            None => said,
        }
    }

    /// The picture; `None` if its question, an answer, or who stands behind the poll is written in letters that the
    /// font does not have.
    pub fn card(&self) -> Option<Card> {
        let language = Language::for_poll(self.poll.language.as_str())?;
        let words = CardWords { language, runs: direction_of(self.poll.language.as_str()) };
        let question = words.publishers(self.poll.question.as_str())?;
        let (hint, total) = match self.shown() {
            Some(tally) => (self.hint_of_results(tally, language), words.own(&self.total(tally, language))),
            None => (self.hint_of_question(language), words.own(&self.dates(language))),
        };
        Some(Card {
            shape: self.shape,
            is_rtl: words.runs == Direction::Rtl,
            accent: self.site.look.accent.map_or(ACCENT, |accent| Rgb(accent.parts())),
            site: self.site.name.as_ref().and_then(|name| words.publishers(name.as_str())).unwrap_or_default(),
            status: words.own(self.status(language)),
            question,
            hint: words.publishers(&hint).unwrap_or_default(),
            mean: self.mean(&words),
            body: self.body(&words)?,
            total,
            disclosure: self.disclosure(&words)?,
        })
    }

    /// The picture of a figure that was taken to be cited: it says that it is one.
    pub fn of_snapshot(&self) -> Option<Card> {
        let language = Language::for_poll(self.poll.language.as_str())?;
        let words = CardWords { language, runs: direction_of(self.poll.language.as_str()) };
        Some(Card { status: words.own(&language.texts().snapshot), ..self.card()? })
    }

    /// The tally, if there is anything in it.
    fn shown(&self) -> Option<&Tally> {
        self.tally.filter(|tally| tally.ballots > 0)
    }

    fn status<'t>(&self, language: &'t Language) -> &'t str {
        let texts = language.texts();
        match (self.state, self.shown()) {
            (State::Draft | State::Scheduled, _) => &texts.not_open,
            (State::Open, None) => "",
            (State::Open | State::Closed, Some(_)) if self.dispute(language).is_some() => &texts.card_disputed,
            (State::Open, Some(_)) => &texts.card_so_far,
            (State::Closed, None) => &texts.ended,
            (State::Closed, Some(_)) => &texts.card_final,
        }
    }

    /// Below the question, where it is asked: what a rating's ends mean, or how many may be chosen.
    fn hint_of_question(&self, language: &Language) -> String {
        self.ends_of_stars().unwrap_or_else(|| rule(self.poll, language, self.digits))
    }

    /// Below the question, where results are shown: why shares need not add up, or of what they are; of a prediction,
    /// how many had seen it coming.
    fn hint_of_results(&self, tally: &Tally, language: &Language) -> String {
        let poll = self.poll;
        if let Some(foreseen) = language.foreseen(poll, tally, self.digits) {
            return foreseen;
        }
        match self.ends_of_stars() {
            Some(ends) => ends,
            None if poll.kind.is_ordered() => language.texts().card_ranked.clone(),
            None if !poll.kind.takes_one() => rule(poll, language, self.digits),
            None => String::new(),
        }
    }

    /// What the first and the last star mean. The ends of a scale to 10 stand at its ends.
    fn ends_of_stars(&self) -> Option<String> {
        let scale = self.poll.scale.as_ref().filter(|scale| scale.steps == Steps::Stars)?;
        let ends: Vec<_> = [&scale.low_label, &scale.high_label].into_iter().flatten().map(Text::as_str).collect();
        (!ends.is_empty()).then(|| ends.join(" – "))
    }

    /// How many have voted, and until which day.
    fn total(&self, tally: &Tally, language: &Language) -> String {
        let ballots = language.ballots(counted(self.poll.kind), tally, self.digits);
        format!("{ballots} · {}", self.date(counted_until(self.poll, tally), language))
    }

    /// When votes are taken, as far as that is known.
    fn dates(&self, language: &Language) -> String {
        let (texts, schedule) = (language.texts(), &self.poll.schedule);
        let (text, moment) = match self.state {
            State::Draft | State::Scheduled => (&texts.opens, schedule.opens_at),
            State::Open => (&texts.closes, schedule.closes_at),
            State::Closed => (&texts.ended_at, schedule.closes_at),
        };
        moment.map_or_else(String::new, |moment| text.replace("{time}", &self.date(moment, language)))
    }

    fn date(&self, moment: Timestamp, language: &Language) -> String {
        language.date(moment, &self.site.timezone, self.digits)
    }

    fn mean(&self, words: &CardWords) -> Option<CardMean> {
        let view = RatingPart::of(self.poll, self.shown(), words.language, self.digits, words.runs)?;
        let stars = view.is_stars().then_some(view.stars);
        (!view.average.is_empty()).then(|| CardMean { text: words.own(&view.average), stars })
    }

    fn body(&self, words: &CardWords) -> Option<CardBody> {
        let poll = self.poll;
        let rows = self.rows(words)?;
        let takes_one = poll.kind.takes_one();
        match (poll.scale.as_ref(), self.shown()) {
            (Some(scale), _) if scale.steps == Steps::ZeroToTen => {
                let end = |text: &Option<Text>| match text {
                    Some(text) => words.publishers(text.as_str()),
                    None => Some(CardText::default()),
                };
                Some(CardBody::Columns { columns: rows, ends: [end(&scale.low_label)?, end(&scale.high_label)?] })
            }
            (Some(_), None) => Some(CardBody::Stars),
            (_, shown) => {
                let most = u64::try_from(rows.len().saturating_sub(ALWAYS_SHOWN)).unwrap_or_default();
                let more = (1..=most).map(|number| words.own(&words.language.count("more", number, self.digits)));
                let rows = CardRows { more: more.collect(), rows, takes_one };
                Some(if shown.is_some() { CardBody::Bars(rows) } else { CardBody::Answers(rows) })
            }
        }
    }

    fn rows(&self, words: &CardWords) -> Option<Vec<CardRow>> {
        const WHOLE: u64 = 1_000;
        let poll = self.poll;
        let tenths = self.shown().map(|tally| tally.parts(poll, WHOLE));
        let longest = self.shown().and_then(|tally| tally.votes.iter().max().copied());
        // Of a scale the bars are compared with each other, and not with the whole.
        let is_compared = poll.scale.as_ref().is_some_and(|scale| scale.steps == Steps::ZeroToTen);
        let most = self.most_votes();
        let row = |(nth, option): (usize, &PollOption)| {
            let label = match &poll.scale {
                Some(scale) => words.own(&step_label(scale, option.id.as_str(), words.language, self.digits)),
                None => words.publishers(option.label.as_str())?,
            };
            let Some((tally, tenths)) = self.shown().zip(tenths.as_ref()) else {
                return Some(CardRow { label, ..CardRow::default() });
            };
            let share = tenths.get(nth).copied().unwrap_or_default();
            let height = tally.height(option.index);
            let bar = match longest {
                Some(longest) if is_compared => (height * WHOLE).checked_div(longest).unwrap_or_default(),
                Some(_) | None => share,
            };
            let wins = self.winner == Some(&option.id);
            Some(CardRow {
                label,
                share: words.own(&words.language.share(share, self.digits)),
                bar: u16::try_from(bar).unwrap_or(u16::MAX),
                votes: height,
                mark: words.own(self.mark(option, words.language)),
                leads: wins || most.is_some_and(|most| tally.told_votes(option.index) == Some(most)),
            })
        };
        poll.options.iter().enumerate().map(row).collect()
    }

    /// What is said of an option: that it came true, or won.
    fn mark<'t>(&self, option: &PollOption, language: &'t Language) -> &'t str {
        let texts = language.texts();
        let came_true = self.poll.resolution.as_ref().is_some_and(|resolution| resolution.option == option.id);
        match self.winner {
            _ if came_true => &texts.came_true,
            Some(winner) if *winner == option.id => &texts.wins,
            Some(_) | None => "",
        }
    }

    /// The most votes that an option has in the end.
    fn most_votes(&self) -> Option<u64> {
        // Who has the most first preferences need not win.
        let tally = self.shown().filter(|_| self.state == State::Closed && !self.poll.kind.is_ordered())?;
        self.poll.options.iter().filter_map(|option| tally.told_votes(option.index)).max().filter(|most| *most > 0)
    }

    /// That the figure is disputed, what was decided after the close, and who stands behind the poll: all of it, and
    /// ever less. `None` if it can't be drawn.
    fn disclosure(&self, words: &CardWords) -> Option<Vec<CardText>> {
        let text = |text: &str| Some(CardText { text: drawable(text)?, runs: words.own_runs() });
        // What is said of the figure comes first: it is not the final one alone that is shared.
        let beside = |first: &str, told: &[String]| match told {
            [] => vec![first.to_owned()],
            told => told.iter().map(|told| format!("{first} {told}")).collect(),
        };
        let mut told = self.who_stands_behind(words.language);
        if let Some(disputed) = self.dispute(words.language) {
            told = beside(disputed, &told);
            told.push(disputed.to_owned());
        }
        let shown = self.shown().filter(|_| self.state == State::Closed);
        let addendum = shown.and_then(|tally| {
            let whole = words.language.addendum(self.poll, tally, self.digits)?;
            Some([whole, words.language.addendum_in_brief(self.poll, tally, self.digits)?])
        });
        let Some([whole, brief]) = addendum else { return told.iter().map(|told| text(told)).collect() };
        let all = beside(&whole, &told).into_iter().chain(beside(&brief, &told)).chain([brief]);
        all.map(|told| text(&told)).collect()
    }

    /// That the figure is disputed, if it is and one is shown.
    fn dispute<'t>(&self, language: &'t Language) -> Option<&'t str> {
        self.shown().filter(|_| self.is_disputed).map(|_| language.texts().disputed.as_str())
    }

    /// Who stands behind the poll: with the publisher's note, without it, and with names cut short.
    fn who_stands_behind(&self, language: &Language) -> Vec<String> {
        let Some(Disclosure { asked_by, paid_by, licence, note }) = &self.poll.disclosure else { return Vec::new() };
        let told = language.disclosure(self.poll, self.shown(), &self.site.timezone, self.digits);
        let Some(told) = told else { return Vec::new() };
        let sentence = match self.shown() {
            Some(_) => told.whole(),
            // Who asks. There is no result yet of which the rest is said.
            None => told.before.strip_suffix(&language.texts().disclosed_join).unwrap_or_default().to_owned(),
        };
        let mut short = sentence.clone();
        for name in [asked_by, paid_by, licence].into_iter().flatten() {
            let name = name.as_str();
            if let Some((end, _)) = name.char_indices().nth(SHORT_NAME) {
                let cut = format!("{}…", name.get(..end).unwrap_or_default().trim_end());
                short = short.replace(name, &cut);
            }
        }
        let whole = note.as_ref().map(|note| format!("{sentence} \u{2068}{note}\u{2069}").trim_start().to_owned());
        let mut told: Vec<_> =
            whole.into_iter().chain([sentence.clone()]).chain((short != sentence).then_some(short)).collect();
        told.retain(|text| !text.is_empty());
        told
    }
}

/// What stands for a picture: its question, and the first of its answers with their shares.
fn alt(card: &Card) -> String {
    let rows = match &card.body {
        CardBody::Answers(rows) | CardBody::Bars(rows) => rows.rows.as_slice(),
        CardBody::Columns { .. } | CardBody::Stars => &[],
    };
    let row = |row: &CardRow| format!("{} {}", row.label.text, row.share.text).trim_end().to_owned();
    let rows: Vec<_> = rows.iter().take(MOST_NAMED).map(row).collect();
    let mean = card.mean.as_ref().map(|mean| mean.text.text.clone());
    let said = [Some(card.question.text.clone()), mean, Some(rows.join(" · ")), Some(card.total.text.clone())];
    said.into_iter().flatten().filter(|said| !said.is_empty()).collect::<Vec<_>>().join(" – ")
}

/// The language of a card, and the way its poll runs.
struct CardWords {
    language: &'static Language,
    /// The way the poll runs.
    runs: Direction,
}

impl CardWords {
    /// What a publisher wrote; `None` if it can't be drawn.
    fn publishers(&self, text: &str) -> Option<CardText> {
        let runs = match direction_in(self.runs, text) {
            "rtl" => Runs::Rtl,
            "ltr" => Runs::Ltr,
            _ => Runs::Auto,
        };
        Some(CardText { text: drawable(text)?, runs })
    }

    /// What the language's file says. All of it can be drawn, but for the names of some time zones.
    fn own(&self, text: &str) -> CardText {
        CardText { text: text.to_owned(), runs: self.own_runs() }
    }

    fn own_runs(&self) -> Runs {
        match self.language.direction() {
            Direction::Ltr => Runs::Ltr,
            Direction::Rtl => Runs::Rtl,
        }
    }
}
