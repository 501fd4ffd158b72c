//! The page of a poll, as one reader is shown it.
//!
//! The templates are `page.html`, `poll.html` within it, and `head.html` at its head. Everything put into them is
//! escaped: what publishers write is text, never markup. Every string of a publisher's says its language and has its
//! own direction ([`direction_in`]), and the poll runs as its language does, even where the words around it are
//! another's.

mod empty_place;
mod rows;
mod said;

use askama::Template;
use percent_encoding::utf8_percent_encode;

use super::{
    article::{QUERY_VALUE, article_path, form_address},
    assets::{self, Asset},
    card::{NamedCard, ShownCard},
    decided::{AfterPart, RewordedPart},
    direction::{Direction, direction_in, direction_of},
    disclosure::{DisclosureSentence, counted},
    language::Language,
    rating::RatingPart,
    rule::rule,
    shown_poll::{FollowedPlace, HiddenFields, Mode, Notice, ShownPoll},
    texts::Texts,
    verdict::Verdict,
};
use crate::{
    card::CardShape,
    poll::{Disclosure, Grade, OPEN_ANSWER, Poll, State, Text},
    site::{BaseAddress, ListedOrigin, SiteSettings},
};
pub use empty_place::empty_place;
use rows::OptionRow;
use said::NotePart;

/// The one script that stands in a page: it runs before anything is drawn, so that nothing moves afterwards.
pub const MARK_TOP: &str = "if(parent===window)document.documentElement.dataset.top=''";

impl ShownPoll<'_> {
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
            policy: poll.results.as_str(),
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
            rating: RatingPart::of(poll, self.tally, language, digits, direction),
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
        let view = ShownCard {
            poll: self.poll,
            state: self.state,
            tally: self.tally,
            is_disputed: self.poll.grade() == Grade::Disputed,
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
    fn state_shown(&self) -> ShownState {
        match (self.state, self.tally, self.chosen) {
            (State::Draft | State::Scheduled, ..) => ShownState::Scheduled,
            (State::Open, _, None) => ShownState::Open,
            (State::Open, Some(_), Some(_)) => ShownState::Voted,
            (State::Closed, Some(_), _) => ShownState::Closed,
            (State::Open | State::Closed, None, _) => ShownState::Hidden,
        }
    }
}

/// What the style sheet and the script know a poll's state by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ShownState {
    Scheduled,
    Open,
    Voted,
    Closed,
    Hidden,
}

impl ShownState {
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
    place: Option<&'a FollowedPlace>,
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
    reworded: Option<RewordedPart<'a>>,
    after: Option<AfterPart<'a>>,
    /// Whether no tally is shown for want of ballots, or of a tally.
    is_few: bool,
    is_decided: bool,
    /// Whether new voters are asked to prove work, by a script that can.
    asks_for_work: bool,
    /// The mean of a rating, and what its ends mean.
    rating: Option<RatingPart<'a>>,
}

impl PollPage<'_> {
    /// Whether bars stand upright, one beside the other.
    fn is_upright(&self) -> bool {
        self.rating.as_ref().is_some_and(|rating| !rating.is_stars())
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
    let of_view = if poll.is_judged() { Some(&all.quiz) } else { poll.open_answer.then_some(&all.open) };
    let others = [(poll.is_decided(), &all.decided), (asks_for_work, &all.work)];
    let others = others.into_iter().filter_map(|(is_so, asset)| is_so.then_some(asset));
    all.of_kind(poll.kind).into_iter().chain(of_view).chain(others)
}

fn disclosed_note(poll: &Poll) -> &str {
    poll.disclosure.as_ref().and_then(|Disclosure { note, .. }| note.as_ref()).map_or("", Text::as_str)
}
