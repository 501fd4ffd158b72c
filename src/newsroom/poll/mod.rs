//! A poll's page: what it asks, how it stands, how it came about, and what may be done with it.

mod incidents;
mod integrity;
mod tally;

use askama::Template;

pub use incidents::{IncidentLine, IncidentsPart, TypedReason};
pub use integrity::{IntegrityPart, LabelLine, has_ballots};
pub use tally::TallyPart;

use crate::{
    embed::{card::can_be_drawn, digits::Digits, snippets::Snippets},
    newsroom::{
        chart::{ChartBar, ChartMark, MarkKind, TimelineChart, percent},
        frame::Frame,
        site_log::EventLine,
        texts::{IncidentTexts, IntegrityTexts, PollTexts, fill},
    },
    poll::{AnswerState, CountedAnswer, Interval, LabelDecision, Poll, ResultsPolicy, State, TimeZone, Timestamp},
    site::Scope,
};

/// What an editor is told of what they have just done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PollNotice {
    /// It is done.
    Done(&'static str),
    /// It could not be.
    Refused(String),
}

/// How often a poll was seen, and which share of that led to a ballot.
#[derive(Debug, Clone, Copy)]
pub struct PollViews {
    /// How often.
    pub views: u64,
    /// The share, in tenths of a percent; `None` if there are no views, or fewer than ballots.
    pub turnout: Option<u64>,
    /// Whether there are fewer views than ballots: some have voted where no view is counted.
    pub are_too_few: bool,
}

/// Readers' own words, as the page lists them.
pub struct ListedTexts {
    /// Those that readers are shown; the most said first.
    pub shown: Vec<CountedAnswer>,
    /// Those that nobody has decided on.
    pub waiting: Vec<CountedAnswer>,
    /// Whether there are more of either.
    pub has_more: bool,
}

/// What has happened to a poll, by its site's log.
pub struct PollHistory {
    /// The last one first.
    pub lines: Vec<EventLine>,
    /// Whether there may be more between.
    pub has_more: bool,
}

/// The poll's timeline, in parts of some length.
pub struct TimelinePart {
    pub chart: TimelineChart,
    /// How long a part is.
    pub interval: Interval,
    /// Whether earlier parts are left out.
    pub is_cut: bool,
}

/// The page.
#[derive(Template)]
#[template(path = "poll/page.html", config = "src/newsroom/askama.toml")]
pub struct EditorPollPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    pub poll: &'a Poll,
    /// Its state now.
    pub state: State,
    /// Whether its opening time is still to come.
    pub is_ahead: bool,
    /// The zone that times are in.
    pub timezone: &'a TimeZone,
    /// What the editor is told.
    pub notice: Option<PollNotice>,
    pub tally: TallyPart<'a>,
    /// How the votes came in, if the editor may see that.
    pub timeline: Option<TimelinePart>,
    /// How often it was seen, if the editor may see that.
    pub views: Option<PollViews>,
    /// Readers' own words, if it takes any and the editor may see them.
    pub answers: Option<ListedTexts>,
    /// What there is to say against its ballots, if the editor decides whether they count.
    pub integrity: Option<IntegrityPart>,
    /// What has happened to it.
    pub history: PollHistory,
    /// How to have it in a page; not of a draft, which readers don't find.
    pub snippets: Snippets,
    /// The address of its page, as a code.
    pub qr: Option<String>,
}

/// A way to have the poll in a page.
struct EmbedMode<'a> {
    id: &'static str,
    name: &'static str,
    about: &'static str,
    code: &'a str,
    rows: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "templates pass references")]
impl EditorPollPage<'_> {
    fn texts(&self) -> &'static PollTexts {
        &self.frame.texts().poll
    }

    fn integrity_texts(&self) -> &'static IntegrityTexts {
        &self.frame.texts().integrity
    }

    fn incident_texts(&self) -> &'static IncidentTexts {
        &self.frame.texts().incidents
    }

    fn path(&self) -> String {
        format!("{}/polls/{}", self.frame.here(), self.poll.id)
    }

    /// Who stands behind the poll, and that its figure is disputed: as readers are told beside its timeline.
    fn disclosed(&self) -> Option<String> {
        let language = self.frame.language;
        let sentence = language.disclosure(self.poll, self.tally.tally, self.timezone, Digits::Latn);
        let told = [language.disputed(self.poll).map(str::to_owned), sentence.map(|sentence| sentence.whole())];
        let told: Vec<String> = told.into_iter().flatten().collect();
        (!told.is_empty()).then(|| told.join(" "))
    }

    /// The address of the picture to share, if the poll's texts can be drawn.
    fn picture(&self) -> Option<String> {
        let base = self.snippets.url.strip_suffix(&format!("/embed/{}", self.poll.id))?;
        can_be_drawn(self.poll).then(|| format!("{base}/polls/{}/card.png", self.poll.id))
    }

    /// Whether it has a stream: readers don't find a draft.
    fn has_stream(&self) -> bool {
        self.state != State::Draft
    }

    fn is_seen_by_readers(&self) -> bool {
        self.state != State::Draft
    }

    fn may_open(&self) -> bool {
        self.frame.may_write() && matches!(self.state, State::Draft | State::Scheduled)
    }

    /// Whether it can be published now to open later: a draft does not open by itself.
    fn may_publish(&self) -> bool {
        self.frame.may_write() && self.state == State::Draft && self.is_ahead
    }

    /// What is said of a draft that names the time when it opens.
    fn draft_text(&self) -> Option<String> {
        let opens_at = self.poll.schedule.opens_at.filter(|_| self.state == State::Draft)?;
        let text = if self.is_ahead { &self.texts().draft_ahead } else { &self.texts().draft_late };
        Some(fill(text, &[("time", &self.time(&opens_at))]))
    }

    fn may_close(&self) -> bool {
        self.frame.may_write() && self.state == State::Open
    }

    fn may_edit(&self) -> bool {
        self.frame.may_write() && self.state != State::Closed
    }

    fn may_resolve(&self) -> bool {
        self.frame.may_write() && self.state == State::Closed && self.poll.may_be_prediction()
    }

    fn sees_results(&self) -> bool {
        self.frame.may(Scope::ResultsRead)
    }

    fn open_text(&self) -> &'static str {
        if self.state == State::Draft { &self.texts().publish } else { &self.texts().open_now }
    }

    fn state_text(&self) -> &'static str {
        self.frame.state_text(self.state)
    }

    fn kind_text(&self) -> &'static str {
        if self.poll.quiz.is_some() {
            return &self.texts().quiz;
        }
        self.frame.texts().kinds.of(self.poll.kind.as_str())
    }

    fn results_text(&self) -> &'static str {
        let texts = self.texts();
        match self.poll.results {
            ResultsPolicy::Always => &texts.always,
            ResultsPolicy::AfterVote => &texts.after_vote,
            ResultsPolicy::AfterClose => &texts.after_close,
            ResultsPolicy::Never => &texts.never,
        }
    }

    /// A moment to the minute, by the site's clock.
    fn time(&self, moment: &Timestamp) -> String {
        self.timezone.minute_time(*moment)
    }

    fn zone(&self) -> &str {
        self.frame.language.zone(self.timezone)
    }

    fn number(&self, number: u64) -> String {
        self.frame.language.number(number, Digits::Latn)
    }

    fn votes(&self, number: u64) -> String {
        self.frame.language.count("votes", number, Digits::Latn)
    }

    fn turnout(&self, views: &PollViews) -> Option<String> {
        let share = self.frame.language.share(views.turnout?, Digits::Latn);
        let ballots = self.tally.tally.map_or(0, |tally| tally.ballots);
        let of = [("share", &*share), ("voted", &*self.number(ballots)), ("seen", &*self.number(views.views))];
        Some(fill(&self.texts().turnout, &of))
    }

    fn bar_title(&self, bar: &ChartBar) -> String {
        format!("{} · {}", self.time(&bar.start), self.votes(bar.ballots))
    }

    fn bar_top(&self, bar: &ChartBar) -> u64 {
        140 - self.bar_height(bar)
    }

    #[expect(clippy::unused_self, reason = "templates call what belongs to the page")]
    fn bar_height(&self, bar: &ChartBar) -> u64 {
        if bar.ballots == 0 { 1 } else { (bar.height * 116 / 1_000).max(2) }
    }

    #[expect(clippy::unused_self, reason = "templates call what belongs to the page")]
    fn percent(&self, thousandths: &u64) -> String {
        percent(*thousandths)
    }

    fn mark_text(&self, mark: &ChartMark) -> &'static str {
        let texts = self.texts();
        match mark.kind {
            MarkKind::Made => &texts.mark_made,
            MarkKind::Opened => &texts.mark_opened,
            MarkKind::Edited => &texts.mark_edited,
            MarkKind::Reworded => &texts.mark_reworded,
            MarkKind::Closed => &texts.mark_closed,
            MarkKind::Resolved => &texts.mark_resolved,
            MarkKind::IncidentOpened => &texts.mark_incident_opened,
            MarkKind::IncidentEnded => &texts.mark_incident_ended,
        }
    }

    fn begin(&self, timeline: &TimelinePart) -> String {
        self.time(&timeline.chart.begin)
    }

    /// What separates cells where spreadsheets speak the page's language: a decimal comma is no separator.
    fn separator(&self) -> &'static str {
        if self.frame.language.tag() == "en" { "comma" } else { "semicolon" }
    }

    fn lists<'l>(&self, answers: &'l ListedTexts) -> [(&'static str, &'l [CountedAnswer], &'static str); 2] {
        let texts = self.texts();
        [
            (&texts.answers_waiting, &answers.waiting, &texts.none_waiting),
            (&texts.answers_shown, &answers.shown, &texts.none_shown),
        ]
    }

    fn peak(&self, timeline: &TimelinePart) -> Option<String> {
        let (at, votes) = timeline.chart.most?;
        Some(fill(&self.texts().peak, &[("votes", &self.votes(votes)), ("time", &self.time(&at))]))
    }

    /// The lengths of parts that the timeline can be looked at in.
    fn intervals(&self) -> [(&'static str, &'static str); 3] {
        let texts = self.texts();
        [("PT1M", &texts.by_minute), ("PT1H", &texts.by_hour), ("P1D", &texts.by_day)]
    }

    #[expect(clippy::unused_self, reason = "templates call what belongs to the page")]
    fn is_interval(&self, timeline: &TimelinePart, name: &str) -> bool {
        timeline.interval.to_string() == name
    }

    fn modes(&self) -> [EmbedMode<'_>; 4] {
        let (texts, snippets) = (self.texts(), &self.snippets);
        let mode = |id, name, about, code, rows| EmbedMode { id, name, about, code, rows };
        [
            mode("element", &texts.element, &texts.element_about, &snippets.element, 5),
            mode("script", &texts.script, &texts.script_about, &snippets.script, 4),
            mode("frame", &texts.iframe, &texts.iframe_about, &snippets.frame, 4),
            mode("address", &texts.address, &texts.address_about, &snippets.url, 2),
        ]
    }

    #[expect(clippy::unused_self, reason = "templates call what belongs to the page")]
    fn is_shown(&self, answer: &CountedAnswer) -> bool {
        answer.state == AnswerState::Shown
    }
}
