//! The page of a poll, as one reader is shown it.
//!
//! The templates are `page.html`, `poll.html` within it, and `head.html` at its head. Everything put into them is
//! escaped: what publishers write is text, never markup. Every string of a publisher's says its language and has its
//! own direction ([`direction_in`]), and the poll runs as its language does, even where the words around it are
//! another's.

use std::borrow::Cow;

use askama::Template;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    article::{article_path, form_address},
    assets::{self, Asset},
    card::{CardView, NamedCard},
    decided::{AfterView, RewordedView},
    digits::{Digits, with_digits},
    direction::{Direction, direction_in, direction_of},
    disclosure::{DisclosureSentence, counted},
    language::Language,
    look::Look,
    rating::{RatingView, step_label},
    rule::rule,
    texts::Texts,
    verdict::Verdict,
};
use crate::{
    card::CardShape,
    poll::{
        AfterVote, Choices, CountedAnswer, Disclosure, Emoji, Kind, OPEN_ANSWER, OptionId, Poll, PollOption,
        ResultsPolicy, State, Steps, Tally, Text, TimeZone, Timestamp,
    },
    site::{BaseAddress, ListedOrigin, SiteSettings, SiteWords},
};

/// What is encoded in the value of a query's parameter: all but RFC 3986's unreserved characters.
pub(super) const QUERY_VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The most of each other's own words that a page shows readers.
const MOST_SAID: usize = 10;

/// Shares are shown in percent with one decimal: in tenths of it.
pub(super) const PERMILLE: u64 = 1_000;

/// What a page tells its reader about the vote they have just sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// Their vote was counted.
    Counted,
    /// It replaced another.
    Changed,
    /// Another is on record, and stays.
    AlreadyVoted,
    /// They gave two options the same rank.
    SameRank,
    /// They took it back.
    Withdrawn,
    /// They chose nothing, or fewer or more than they may; what they ticked is still there.
    ChooseFirst,
    /// What they wrote can't be taken. It is not there any more: the page repeats nothing of a request.
    SayOtherwise,
}

/// A poll as one reader is shown it.
pub struct PollView<'a> {
    /// The poll.
    pub poll: &'a Poll,
    /// Its state.
    pub state: State,
    /// What readers are shown of each other's own words, if this reader may see the tally.
    pub answers: &'a [CountedAnswer],
    /// Its tally, if this reader may see it.
    pub tally: Option<&'a Tally>,
    /// What this reader chose, if that is known.
    pub chosen: Option<Choices>,
    /// The indexes of what they have ticked and can't vote for so, each with its rank, or 0.
    pub ticked: &'a [(u8, u8)],
    /// Who wins a ranked poll that is closed, if that is known.
    pub winner: Option<&'a OptionId>,
    /// What they have just done.
    pub notice: Option<Notice>,
    /// How it is to look.
    pub look: &'a Look,
    /// Whose it is.
    pub site: &'a SiteSettings,
    /// The address readers reach the service at, if a setting says it. None is taken from a request: a cache would show
    /// everybody whatever one of them said.
    pub public_url: Option<&'a BaseAddress>,
    /// Whether readers find it by its id: drafts are not found, nor an article's poll before its first ballot.
    pub is_kept: bool,
    /// What shows that a reader had it before them, if no stream brings that: of an article's poll before its first ballot.
    pub mark: Option<&'a str>,
    /// Whether its reader came by its article.
    pub is_by_article: bool,
    /// The place it stands in, if its page is a place's.
    pub place: Option<&'a PlaceMark>,
    /// For whom it is.
    pub mode: Mode<'a>,
    /// What it is shown in.
    pub window: Window,
}

/// A place, as its page says it to the script that follows it.
#[derive(Debug)]
pub struct PlaceMark {
    /// Where it is told what stands there, below the service's own address.
    pub path: String,
    /// When another may come.
    pub until: Option<Timestamp>,
}

/// The page of a place in which nothing stands, or that is not there (yet). It says nothing, so it is in no language.
///
/// # Errors
/// The template can't be written, which is a defect.
pub fn empty_place(place: &PlaceMark, is_there: bool, base_path: &str) -> Result<String, askama::Error> {
    let (state, all) = (if is_there { "empty" } else { "gone" }, assets::all());
    EmptyPlacePage { place, state, base_path, style: &all.style, follower: &all.place }.render()
}

#[derive(Template)]
#[template(path = "place.html", config = "src/embed/askama.toml")]
struct EmptyPlacePage<'a> {
    place: &'a PlaceMark,
    state: &'static str,
    base_path: &'a str,
    style: &'static Asset,
    follower: &'static Asset,
}

/// What a page is shown in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// In a tab of its own: there it says whose poll it is, and leads back to the article.
    Tab,
    /// In a frame, for all that is known. The page for script, which is the same for everybody, finds out by itself
    /// ([`MARK_TOP`]).
    Frame,
}

impl Window {
    /// As an attribute of the page.
    pub(super) fn mark(self) -> &'static str {
        match self {
            Self::Tab => " data-top",
            Self::Frame => "",
        }
    }
}

/// The one script that stands in a page: it runs before anything is drawn, so that nothing moves afterwards.
pub const MARK_TOP: &str = "if(parent===window)document.documentElement.dataset.top=''";

/// Who puts the page to use.
#[derive(Debug, Clone, Copy)]
pub enum Mode<'a> {
    /// The script, which the page brings along or came from.
    Script,
    /// A reader without script: a plain form. `None` if they have nothing to vote on.
    Form(Option<HiddenFields<'a>>),
}

/// What a form sends that its reader does not see.
#[derive(Debug, Clone, Copy, Default)]
pub struct HiddenFields<'a> {
    /// The token that they vote by.
    pub voter: &'a str,
    /// What shows that they had the poll before them.
    pub mark: &'a str,
}

impl<'a> PollView<'a> {
    /// The page.
    ///
    /// # Errors
    /// The template can't be written, which is a defect.
    pub fn render(&self) -> Result<String, askama::Error> {
        // English is there, or the tests would say so.
        let language = self.look.language.or_else(|| Language::for_poll(self.poll.language.as_str()));
        let language = language.ok_or(askama::Error::Fmt)?;
        let (poll, digits) = (self.poll, self.look.digits);
        let direction = direction_of(poll.language.as_str());
        let base_path = self.public_url.map_or("", BaseAddress::path);
        // Of what is not kept nothing is found there.
        let address = self.public_url.filter(|_| self.is_kept).map(|url| format!("{url}/embed/{}", poll.id));
        let query = self.look.query();
        let form = |query: &str| form_address(poll, base_path, self.is_by_article, query);
        let own = self.site.look.words.get(language.tag());
        let texts = language.texts();
        let takes_votes = matches!(self.state, State::Open | State::Scheduled);
        let asks_for_work =
            takes_votes && matches!(self.mode, Mode::Script) && poll.asks_for_work(self.site.proof_of_work);
        let mut page = PollPage {
            summary: String::new(),
            origins: self.site.origins.iter().map(ListedOrigin::as_str).collect::<Vec<_>>().join(" "),
            oembed: self.public_url.zip(address.as_deref()).map(|(url, address)| {
                format!("{url}/oembed?format=json&url={}", utf8_percent_encode(address, QUERY_VALUE))
            }),
            card: self.card(),
            locale: poll.language.as_str().replace('-', "_"),
            base_path,
            style: &assets::all().style,
            script: &assets::all().script,
            own_scripts: own_scripts(poll, asks_for_work).collect(),
            place: self.place,
            follower: &assets::all().place,
            loader: assets::LOADER,
            site: self.site,
            top: self.window.mark(),
            is_for_script: matches!(self.mode, Mode::Script),
            hidden: if let Mode::Form(hidden) = self.mode { hidden } else { None },
            direction,
            question_dir: direction_in(direction, poll.question.as_str()),
            words_dir: match language.direction() {
                words if words == direction => "",
                Direction::Ltr => " dir=\"ltr\"",
                Direction::Rtl => " dir=\"rtl\"",
            },
            state: self.state_shown().as_str(),
            kind: poll.kind.as_str(),
            input: if poll.kind.takes_one() { "radio" } else { "checkbox" },
            policy: policy_name(poll.results),
            theme: self.look.theme.as_str(),
            digits: digits.as_str(),
            // Whoever has no token has voted, and this page takes no other vote of theirs.
            is_open: self.state == State::Open && !matches!(self.mode, Mode::Form(None)),
            is_peeking: self.look.peek && self.tally.is_some(),
            peek_path: form(&if query.is_empty() {
                "?view=results".to_owned()
            } else {
                format!("{query}&view=results")
            }),
            words: match self.mode {
                Mode::Script => language.for_script(poll, digits, counted(poll.kind), self.counted_words(own)),
                Mode::Form(_) => String::new(),
            },
            rule: rule(poll, language, digits),
            rows: self.rows(language, direction),
            ranks: (1..=poll.max_choices).map(|rank| (rank, language.number(rank.into(), digits))).collect(),
            total: self.tally.map_or_else(String::new, |tally| language.ballots(counted(poll.kind), tally, digits)),
            status: self.status(language),
            most_characters: OPEN_ANSWER.characters,
            focus: match self.notice {
                Some(Notice::ChooseFirst | Notice::SameRank | Notice::SayOtherwise) => " tabindex=\"-1\" autofocus",
                Some(Notice::Counted | Notice::Changed | Notice::Withdrawn | Notice::AlreadyVoted) | None => "",
            },
            note: Vec::new(),
            verdict: self.verdict(language),
            foreseen: self.tally.and_then(|tally| language.foreseen(poll, tally, digits)),
            disclosure: language.disclosure(poll, self.tally, &self.site.timezone, digits),
            addendum: self.tally.and_then(|tally| language.addendum(poll, tally, digits)),
            is_disputed: language.disputed(poll).is_some(),
            disclosed_note: disclosed_note(poll),
            disclosed_dir: direction_in(direction, disclosed_note(poll)),
            reworded: self.reworded(language),
            after: self.after(),
            is_few: poll.minimum_ballots > 0 && self.tally.is_none(),
            is_decided: poll.is_decided(),
            asks_for_work,
            rating: RatingView::of(poll, self.tally, language, digits, direction),
            vote: own.and_then(|own| own.vote.as_ref()).map_or(&texts.vote, Text::as_str),
            see_results: own.and_then(|own| own.see_results.as_ref()).map_or(&texts.see_results, Text::as_str),
            declarations: self.site.look.declarations(),
            article_path: article_path(poll),
            mark: self.mark,
            texts,
            address,
            form_path: form(&query),
            query,
            poll,
            language,
        };
        page.note = self.note(language);
        page.summary = summary(&page);
        page.render()
    }

    /// The picture that is shown where the page's address is shared, if that is known.
    fn card(&self) -> Option<NamedCard> {
        let base = self.public_url.filter(|_| self.is_shared())?;
        let view = CardView {
            poll: self.poll,
            state: self.state,
            tally: self.tally,
            winner: self.winner,
            site: self.site,
            digits: self.look.digits,
            shape: CardShape::Wide,
        };
        let named = view.named()?;
        Some(NamedCard { address: format!("{base}{}", named.address), ..named })
    }

    /// Whether the page is the same for everyone, and its poll is in the store.
    fn is_shared(&self) -> bool {
        matches!(self.mode, Mode::Script) && self.is_kept
    }

    /// The state as the style sheet knows it.
    fn state_shown(&self) -> ViewState {
        match (self.state, self.tally, self.chosen) {
            (State::Draft | State::Scheduled, ..) => ViewState::Scheduled,
            (State::Open, _, None) => ViewState::Open,
            (State::Open, Some(_), Some(_)) => ViewState::Voted,
            (State::Closed, Some(_), _) => ViewState::Closed,
            (State::Open | State::Closed, None, _) => ViewState::Hidden,
        }
    }

    fn rows(&self, language: &'static Language, direction: Direction) -> Vec<OptionRow<'a>> {
        let digits = self.look.digits;
        let shown = self.tally.map(|tally| (tally, tally.parts(self.poll, PERMILLE)));
        let (most, longest) = (self.most_votes(), self.longest_bar());
        let borda = self.tally.and_then(|tally| tally.borda(self.poll));
        let texts = language.texts();
        let right = self.right_option();
        let mark = language.texts().verdict(self.poll).map_or("", |verdict| verdict.mark);
        let row = |(place, option): (usize, &'a PollOption)| {
            let tenths = shown.as_ref().and_then(|(_, tenths)| tenths.get(place)).copied().unwrap_or_default();
            let points = borda.as_ref().and_then(|borda| borda.get(place));
            let (share, votes) = shown.as_ref().map_or_else(Default::default, |(tally, _)| {
                let votes = tally.told_votes(option.index).map(|votes| language.count("votes", votes, digits));
                let votes = votes.unwrap_or_default();
                let votes = match points {
                    Some(points) => format!("{votes} · {}", language.count("points", *points, digits)),
                    None => votes,
                };
                (language.share(tenths, digits), votes)
            });
            let counted = self.tally.and_then(|tally| tally.told_votes(option.index));
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
                number: counted.map_or_else(String::new, |votes| language.number(votes, digits)),
                counted,
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

    /// The most votes that an option has in the end, if anybody voted: those who have so many lead. The widget finds the
    /// same in `draw`.
    fn most_votes(&self) -> Option<(&Tally, u64)> {
        // Who has the most first preferences need not win.
        let tally = self.tally.filter(|_| self.state == State::Closed && !self.poll.kind.is_ordered())?;
        let most = self.poll.options.iter().filter_map(|option| tally.told_votes(option.index)).max()?;
        (most > 0).then_some((tally, most))
    }

    /// What is said of what the reader has just done.
    fn status(&self, language: &Language) -> String {
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
    fn counted_words(&self, own: Option<&'a SiteWords>) -> Option<&'a str> {
        let thanks = self.poll.after_vote.as_ref().and_then(|AfterVote { thanks, .. }| thanks.as_ref());
        thanks.or(own.and_then(|own| own.counted.as_ref())).map(Text::as_str)
    }

    /// What stands below the poll: why the results are not there, and when things happen. The widget says the same in
    /// `note`.
    fn note<'t>(&'t self, language: &'t Language) -> Vec<NotePart<'t>> {
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
            ViewState::Scheduled => {
                vec![schedule.opens_at.map_or_else(|| plain(&texts.not_open), |moment| timed(&texts.opens, moment))]
            }
            ViewState::Closed => vec![ended(), plain(&texts.last)],
            ViewState::Hidden if self.state == State::Closed => {
                let few = few().filter(|_| self.poll.results != ResultsPolicy::Never);
                vec![ended(), few.unwrap_or_else(|| plain(&texts.hidden_never))]
            }
            ViewState::Open | ViewState::Voted | ViewState::Hidden => {
                let why = match self.poll.results {
                    ResultsPolicy::AfterVote if shown == ViewState::Open => Some(plain(&texts.hidden_after_vote)),
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

/// What the style sheet and the script know a poll's state by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ViewState {
    Scheduled,
    Open,
    Voted,
    Closed,
    Hidden,
}

impl ViewState {
    fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Open => "open",
            Self::Voted => "voted",
            Self::Closed => "closed",
            Self::Hidden => "hidden",
        }
    }
}

#[expect(clippy::struct_excessive_bools, reason = "each is what one place in the template asks")]
#[derive(Template)]
#[template(path = "page.html", config = "src/embed/askama.toml")]
struct PollPage<'a> {
    poll: &'a Poll,
    language: &'static Language,
    texts: &'static Texts,
    /// What the button that votes says, and the link to the results.
    vote: &'a str,
    see_results: &'a str,
    /// Of the site's look, as CSS.
    declarations: String,
    /// Where an article's poll is voted in.
    article_path: Option<String>,
    mark: Option<&'a str>,
    address: Option<String>,
    oembed: Option<String>,
    /// The picture, where the page knows its address.
    card: Option<NamedCard>,
    origins: String,
    /// What may be answered, in a line.
    summary: String,
    locale: String,
    base_path: &'a str,
    style: &'static Asset,
    script: &'static Asset,
    /// What the script fetches for polls of this kind, for what an editor has decided, and for work.
    own_scripts: Vec<&'static Asset>,
    loader: &'static str,
    place: Option<&'a PlaceMark>,
    follower: &'static Asset,
    site: &'a SiteSettings,
    top: &'static str,
    is_for_script: bool,
    hidden: Option<HiddenFields<'a>>,
    /// Where the form is sent, and where readers find the results of those who don't vote.
    form_path: String,
    peek_path: String,
    query: String,
    direction: Direction,
    question_dir: &'static str,
    /// The direction of all that is not the publisher's, as an attribute, where it is another.
    words_dir: &'static str,
    state: &'static str,
    kind: &'static str,
    input: &'static str,
    policy: &'static str,
    theme: &'static str,
    digits: &'static str,
    is_open: bool,
    is_peeking: bool,
    words: String,
    rule: String,
    rows: Vec<OptionRow<'a>>,
    /// The ranks that a plain form offers, and each as a number of the language.
    ranks: Vec<(u8, String)>,
    total: String,
    status: String,
    /// The most characters of a reader's own words.
    most_characters: usize,
    /// Where the reader begins, as attributes: at what they are to put right.
    focus: &'static str,
    note: Vec<NotePart<'a>>,
    /// Of a ballot, in a poll where one is right or wrong.
    verdict: Option<Verdict<'a>>,
    /// How many had seen coming what came true.
    foreseen: Option<String>,
    /// Who stands behind the poll, and what else is told of it.
    disclosure: Option<DisclosureSentence>,
    /// What its ballots come to by what was decided after the close.
    addendum: Option<String>,
    /// Whether ballots count that are surely no readers'.
    is_disputed: bool,
    disclosed_note: &'a str,
    disclosed_dir: &'static str,
    reworded: Option<RewordedView<'a>>,
    after: Option<AfterView<'a>>,
    /// Whether no tally is shown for want of ballots, or of a tally.
    is_few: bool,
    is_decided: bool,
    /// Whether new voters are asked to prove work, by a script that can.
    asks_for_work: bool,
    /// The mean of a rating, and what its ends mean.
    rating: Option<RatingView<'a>>,
}

impl PollPage<'_> {
    /// Whether bars stand upright, one beside the other.
    fn is_upright(&self) -> bool {
        self.rating.as_ref().is_some_and(|rating| !rating.is_stars())
    }
}

/// One option, in the form and in the results.
struct OptionRow<'a> {
    id: &'a str,
    /// What stands for a reaction, or nothing.
    emoji: &'a str,
    label: Cow<'a, str>,
    label_dir: &'static str,
    /// What is said below the label, and its direction.
    note: Option<&'a str>,
    note_dir: &'static str,
    /// The address of a picture, and what stands for it.
    image: Option<(&'a str, &'a str)>,
    is_chosen: bool,
    is_ticked: bool,
    /// Where options are ranked: the reader's, or 0.
    rank: u8,
    /// That the reader chose it, or how they ranked it.
    mine: Cow<'a, str>,
    /// What the buttons that move it are called.
    move_up: String,
    move_down: String,
    /// Of the bar, in percent: in a scale to 10, where bars stand upright, of the longest.
    bar: String,
    share: String,
    /// That it leads, or nothing.
    lead: &'a str,
    /// That it is right, or nothing.
    right: &'a str,
    /// Whether the reader may say in their own words what it stands for.
    takes_words: bool,
    /// What others said.
    said: Vec<SaidRow<'a>>,
    votes: String,
    /// The votes as a number alone, and that as it is, if they are shown.
    number: String,
    counted: Option<u64>,
}

/// What some readers said in their own words.
struct SaidRow<'a> {
    text: &'a str,
    text_dir: &'static str,
    votes: String,
}

/// A text with a time in it, or without.
struct NotePart<'a> {
    before: Cow<'a, str>,
    time: Option<Time<'a>>,
    after: &'a str,
}

/// A moment for those whose browser does not turn it into their own time. Its parts are numbers with signs between
/// them, which a right-to-left text would turn around: so each stands for itself.
pub(super) struct Time<'a> {
    pub(super) exact: String,
    pub(super) date: String,
    pub(super) clock: String,
    pub(super) zone: &'a str,
}

impl<'a> Time<'a> {
    pub(super) fn of(moment: Timestamp, zone: &'a TimeZone, digits: Digits, language: &'a Language) -> Self {
        let local = zone.local_time(moment).to_string();
        let (date, clock) = local.split_once(' ').unwrap_or((&local, ""));
        let minutes = clock.get(.."18:00".len()).unwrap_or(clock);
        let written = |text| with_digits(text, digits).into_owned();
        Self { exact: moment.to_string(), date: written(date), clock: written(minutes), zone: language.zone(zone) }
    }
}

/// What may be answered: the options, or of a rating its ends, if anything is said of them.
fn summary(page: &PollPage<'_>) -> String {
    match &page.rating {
        Some(rating) if rating.has_ends() => rating.ends.map(|(end, _)| end).join(" – "),
        Some(_) => page.rule.clone(),
        None => {
            let option = |row: &OptionRow<'_>| format!("{} {}", row.emoji, row.label).trim_start().to_owned();
            page.rows.iter().map(option).collect::<Vec<_>>().join(" · ")
        }
    }
}

/// What the script fetches for a poll of this kind.
fn own_scripts(poll: &Poll, asks_for_work: bool) -> impl Iterator<Item = &'static Asset> {
    let all = assets::all();
    let of_kind = match poll.kind {
        Kind::Single => None,
        Kind::Multiple => Some(&all.multiple),
        Kind::Rating => Some(&all.rating),
        Kind::Reaction => Some(&all.reaction),
        Kind::Ranked => Some(&all.ranked),
    };
    let of_view = if poll.is_judged() { Some(&all.quiz) } else { poll.open_answer.then_some(&all.open) };
    let others = [(poll.is_decided(), &all.decided), (asks_for_work, &all.work)];
    let others = others.into_iter().filter_map(|(is_so, asset)| is_so.then_some(asset));
    of_kind.into_iter().chain(of_view).chain(others)
}

fn disclosed_note(poll: &Poll) -> &str {
    poll.disclosure.as_ref().and_then(|Disclosure { note, .. }| note.as_ref()).map_or("", Text::as_str)
}

fn policy_name(policy: ResultsPolicy) -> &'static str {
    match policy {
        ResultsPolicy::Always => "always",
        ResultsPolicy::AfterVote => "after_vote",
        ResultsPolicy::AfterClose => "after_close",
        ResultsPolicy::Never => "never",
    }
}
