//! A snapshot of a poll's figure, for people: the page at its permanent address, and its picture.
//!
//! Both show what the snapshot's statement says, which is in the site's transparency log and never changes: the
//! question and the answers as they were worded then, the figure, and who stood behind it. Only what it does not say
//! comes of the poll as it is: its kind and language, which don't change, and the site's name and colours.

use askama::Template;
use serde::Deserialize;

use super::{
    assets::{self, Asset},
    card::{NamedCard, ShownCard},
    digits::{Digits, PERMILLE},
    direction::{Direction, direction_in, direction_of},
    disclosure::counted,
    language::Language,
    look::Look,
    rating::{RatingPart, step_label},
    texts::Texts,
    time::Time,
};
use crate::{
    card::{Card, CardShape},
    poll::{
        Addendum, Decisions, Disclosure, OptionId, Poll, PollOption, Resolution, Revision, State, Tally, TallyDisplay,
        Text, Timestamp, Votes,
    },
    site::{BaseAddress, SiteSettings},
};

/// A figure as a statement says it.
pub struct FrozenFigure {
    /// The poll as it was.
    poll: Poll,
    tally: Tally,
    taken_at: Timestamp,
    /// Whether ballots counted then that were surely no readers'.
    is_disputed: bool,
}

#[derive(Deserialize)]
struct Statement {
    at: Timestamp,
    question: Text,
    results: StatedResults,
    /// Earlier versions told the sentence alone.
    #[serde(default)]
    disclosed: Option<Disclosure>,
}

#[derive(Deserialize)]
struct StatedResults {
    state: State,
    as_of: Timestamp,
    epoch: u64,
    version: u64,
    ballots: u64,
    #[serde(default)]
    ballots_under: Option<u64>,
    #[serde(default)]
    display: TallyDisplay,
    #[serde(default)]
    disputed: bool,
    options: Vec<StatedOption>,
    #[serde(default)]
    resolution: Option<StatedResolution>,
    #[serde(default)]
    addendum: Option<StatedAddendum>,
}

#[derive(Deserialize)]
struct StatedOption {
    id: OptionId,
    #[serde(default)]
    label: Option<Text>,
    #[serde(default)]
    votes: Option<u64>,
    share: f64,
}

#[derive(Deserialize)]
struct StatedResolution {
    option: OptionId,
    resolved_at: Timestamp,
}

#[derive(Deserialize)]
struct StatedAddendum {
    decided_at: Timestamp,
    revision: Revision,
    ballots: u64,
    options: Vec<StatedOption>,
}

impl FrozenFigure {
    /// The figure of a poll that a statement says; `None` if it says none.
    pub fn read(poll: &Poll, statement: &str) -> Option<Self> {
        let Statement { at: taken_at, question, results, disclosed } = serde_json::from_str(statement).ok()?;
        let option = |(nth, stated): (usize, &StatedOption)| {
            let known = poll.options.iter().find(|option| option.id == stated.id);
            let label = stated.label.clone().or_else(|| known.map(|known| known.label.clone()))?;
            if let Some(known) = known {
                return Some(PollOption { label, ..known.clone() });
            }
            // The poll had no ballots, and has other options now.
            let (id, index) = (stated.id.clone(), u8::try_from(nth).ok()?);
            Some(PollOption { id, emoji: None, label, note: None, image: None, index })
        };
        let options = results.options.iter().enumerate().map(option).collect::<Option<Vec<_>>>()?;
        let counters = poll.counters();
        let votes_of = |stated: &[StatedOption], display| {
            let mut votes = Votes::from_elem(0, counters);
            for stated in stated {
                let option = options.iter().find(|option| option.id == stated.id)?;
                let counted = match display {
                    TallyDisplay::Percent => format!("{:.0}", stated.share * 100.0).parse().ok()?,
                    TallyDisplay::Exact | TallyDisplay::Delayed => stated.votes?,
                };
                *votes.get_mut(usize::from(option.index))? = counted;
            }
            Some(votes)
        };
        let addendum = match &results.addendum {
            Some(stated) => Some(Addendum {
                decisions: Decisions::default(),
                at: stated.decided_at,
                revision: stated.revision,
                ballots: stated.ballots,
                votes: votes_of(&stated.options, TallyDisplay::Exact)?.to_vec(),
            }),
            None => None,
        };
        let tally = Tally {
            poll: poll.id,
            state: results.state,
            as_of: results.as_of,
            epoch: results.epoch,
            version: results.version,
            ballots: results.ballots,
            votes: votes_of(&results.options, results.display)?,
            display: results.display,
            is_under_100: results.ballots_under.is_some(),
        };
        let resolution =
            results.resolution.map(|stated| Resolution { option: stated.option, at: stated.resolved_at, reason: None });
        // What goes on in the poll today, and what was decided since, is nothing of the figure.
        let (incidents, decisions) = (Vec::new(), Decisions::default());
        let poll = Poll {
            question,
            options,
            disclosure: disclosed,
            resolution,
            addendum,
            incidents,
            decisions,
            ..poll.clone()
        };
        Some(Self { poll, tally, taken_at, is_disputed: results.disputed })
    }

    /// Its picture; `None` if it can't be drawn.
    pub fn card(&self, site: &SiteSettings, digits: Digits, shape: CardShape) -> Option<Card> {
        self.shown_card(site, digits, shape).of_snapshot()
    }

    fn shown_card<'a>(&'a self, site: &'a SiteSettings, digits: Digits, shape: CardShape) -> ShownCard<'a> {
        let Self { poll, tally, is_disputed, .. } = self;
        let is_disputed = *is_disputed;
        ShownCard { poll, state: tally.state, tally: Some(tally), is_disputed, winner: None, site, digits, shape }
    }
}

/// A snapshot as its page and its picture show it.
pub struct CitedSnapshot<'a> {
    pub figure: &'a FrozenFigure,
    /// Its name.
    pub id: &'a str,
    /// Its place in the log.
    pub entry: u64,
    /// Where it stays, below the service's own address.
    pub path: &'a str,
    /// Where its page is.
    pub page_path: &'a str,
    /// How it is to look.
    pub look: &'a Look,
    /// Whose it is.
    pub site: &'a SiteSettings,
    /// The address readers reach the service at, if a setting says it.
    pub public_url: Option<&'a BaseAddress>,
}

impl CitedSnapshot<'_> {
    /// The page.
    ///
    /// # Errors
    /// The template can't be written, which is a defect.
    pub fn render(&self) -> Result<String, askama::Error> {
        let FrozenFigure { poll, tally, taken_at, is_disputed } = self.figure;
        // English is there, or the tests would say so.
        let language = self.look.language.or_else(|| Language::for_poll(poll.language.as_str()));
        let language = language.ok_or(askama::Error::Fmt)?;
        let (digits, direction) = (self.look.digits, direction_of(poll.language.as_str()));
        let base_path = self.public_url.map_or("", BaseAddress::path);
        let texts = language.texts();
        let total = language.ballots(counted(poll.kind), tally, digits);
        let disclosure =
            language.disclosure(poll, Some(tally), &self.site.timezone, digits).map(|sentence| sentence.whole());
        let note = poll.disclosure.as_ref().and_then(|disclosure| disclosure.note.as_ref()).map_or("", Text::as_str);
        let card_query = format!("digits={}", digits.as_str());
        let shown_card = self.figure.shown_card(self.site, digits, CardShape::Wide);
        let card = shown_card.of_snapshot().map(|card| NamedCard {
            address: self
                .public_url
                .map_or_else(String::new, |url| format!("{url}{}/card.png?{card_query}", self.path)),
            size: CardShape::Wide.size(),
            alt: shown_card.alt(&card),
        });
        let mean = RatingPart::of(poll, Some(tally), language, digits, direction);
        let rows = self.rows(language, direction);
        let of_rows = rows.iter().map(|row| format!("{} {}", row.label, row.share)).collect::<Vec<_>>().join(" · ");
        SnapshotPage {
            base_path,
            style: &assets::all().style,
            declarations: self.site.look.declarations(),
            theme: self.look.theme.as_str(),
            summary: format!("{of_rows} – {total}"),
            address: self.public_url.map(|url| format!("{url}{}", self.page_path)),
            path: format!("{base_path}{}", self.path),
            card,
            card_query,
            query: self.look.query(),
            time: Time::of(*taken_at, &self.site.timezone, digits, language),
            question_dir: direction_in(direction, poll.question.as_str()),
            words_dir: match language.direction() {
                words if words == direction => "",
                Direction::Ltr => " dir=\"ltr\"",
                Direction::Rtl => " dir=\"rtl\"",
            },
            mean: mean.map(|view| view.average).unwrap_or_default(),
            is_disputed: *is_disputed,
            addendum: language.addendum(poll, tally, digits),
            note_dir: direction_in(direction, note),
            fixed: texts.snapshot_fixed.replace("{n}", &language.number(self.entry, digits)),
            id: self.id,
            site: self.site,
            direction,
            language,
            texts,
            total,
            disclosure,
            note,
            rows,
            poll,
        }
        .render()
    }

    fn rows(&self, language: &'static Language, direction: Direction) -> Vec<SnapshotRow> {
        let FrozenFigure { poll, tally, .. } = self.figure;
        let (digits, texts) = (self.look.digits, language.texts());
        let row = |(option, tenths): (&PollOption, u64)| {
            let label = match &poll.scale {
                Some(scale) => step_label(scale, option.id.as_str(), language, digits),
                None => {
                    option.emoji.as_ref().map(|emoji| format!("{} ", emoji.as_str())).unwrap_or_default()
                        + option.label.as_str()
                }
            };
            let votes = tally.told_votes(option.index).map(|votes| language.count("votes", votes, digits));
            let came_true = poll.resolution.as_ref().is_some_and(|resolution| resolution.option == option.id);
            SnapshotRow {
                label_dir: direction_in(direction, &label),
                label,
                share: language.share(tenths, digits),
                bar: format!("{}.{}", tenths / 10, tenths % 10),
                votes: votes.unwrap_or_default(),
                mark: if came_true { &texts.came_true } else { "" },
            }
        };
        poll.options.iter().zip(tally.parts(poll, PERMILLE)).map(row).collect()
    }
}

struct SnapshotRow {
    label: String,
    label_dir: &'static str,
    share: String,
    bar: String,
    votes: String,
    mark: &'static str,
}

#[derive(Template)]
#[template(path = "snapshot.html", config = "src/embed/askama.toml")]
struct SnapshotPage<'a> {
    base_path: &'a str,
    style: &'static Asset,
    declarations: String,
    theme: &'static str,
    summary: String,
    address: Option<String>,
    path: String,
    card: Option<NamedCard>,
    card_query: String,
    query: String,
    time: Time<'a>,
    question_dir: &'static str,
    words_dir: &'static str,
    mean: String,
    is_disputed: bool,
    addendum: Option<String>,
    note_dir: &'static str,
    fixed: String,
    id: &'a str,
    site: &'a SiteSettings,
    direction: Direction,
    language: &'static Language,
    texts: &'static Texts,
    total: String,
    disclosure: Option<String>,
    note: &'a str,
    rows: Vec<SnapshotRow>,
    poll: &'a Poll,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        poll::{
            DigestKey, Finding, IncidentCause, IncidentPolicy, LabelDecision, NewOption, NewPoll, Partitions,
            PollFields, PollId, REASON, SiteId, Suspects,
        },
        wire,
    };

    fn poll(now: Timestamp) -> Poll {
        let option = |label: &str| NewOption { label: label.to_owned(), ..NewOption::default() };
        let fields = PollFields {
            question: Some("هل تتوقع حل مجلس الأمة؟".to_owned()),
            options: Some(vec![option("نعم"), option("لا")]),
            ..PollFields::default()
        };
        let key = DigestKey::from_bytes([0; 32]);
        NewPoll::from(fields).build(PollId::generate(), SiteId::default(), Partitions::unplaced(1), key, now).unwrap()
    }

    fn statement(poll: &Poll, now: Timestamp) -> String {
        let mut tally = Tally::of_nothing(poll, now);
        (tally.ballots, tally.votes) = (3, [2, 1].as_slice().into());
        let results: serde_json::Value = serde_json::from_str(&wire::results_json(poll, &tally)).unwrap();
        serde_json::json!({ "at": now, "question": poll.question, "results": results }).to_string()
    }

    /// The page, and the hash of the picture.
    fn shown(poll: &Poll, statement: &str) -> (String, blake3::Hash) {
        let (figure, site) = (FrozenFigure::read(poll, statement).unwrap(), SiteSettings::default());
        let url = "https://votes.example".parse().unwrap();
        let page = CitedSnapshot {
            figure: &figure,
            id: "1-7",
            entry: 7,
            path: "/v1/polls/x/snapshots/1-7",
            page_path: "/embed/x/snapshots/1-7",
            look: &Look::default(),
            site: &site,
            public_url: Some(&url),
        };
        (page.render().unwrap(), figure.card(&site, Digits::default(), CardShape::Wide).unwrap().hash())
    }

    #[test]
    fn a_snapshot_says_that_it_was_disputed_then_and_nothing_of_what_was_decided_since() {
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let plain = poll(now);
        let found = Finding {
            cause: IncidentCause::Editor,
            since: now,
            reason: Text::parse("دعوة", REASON).unwrap(),
            sureness: 100,
            suspects: Suspects::Everyone,
            honest_per_hour: 0,
            figures: None,
            asks_for_work: false,
        };
        let (edit, incident) = plain.with_incident(found, IncidentPolicy::Show, now).unwrap();
        let disputed = edit.poll;
        let void = disputed.decided(incident.label, LabelDecision::Void, now).unwrap().poll;
        let [of_plain, of_disputed] = [&plain, &disputed].map(|poll| statement(poll, now));
        let said = |page: &str| page.matches("هذه النتيجة موضع شك").count();

        let (page, picture) = shown(&disputed, &of_disputed);
        assert_eq!(said(&page), 2, "in words, and for the picture: {page}");
        assert_eq!(shown(&void, &of_disputed), (page, picture));
        let (page, quiet) = shown(&plain, &of_plain);
        assert_eq!(said(&page), 0, "{page}");
        assert_ne!(quiet, picture);
        assert_eq!(shown(&disputed, &of_plain), (page, quiet));
    }
}
