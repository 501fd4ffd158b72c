//! One poll's page, which script asks for again as votes come in, and its stream.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, StatusCode},
    web,
};

use super::{
    desk::{EditorAsker, SiteDesk, own_path},
    page,
    site_log::known_keys,
};
use crate::{
    embed::{language::Language, snippets::Snippets},
    events::{EventsOrder, EventsQuery},
    http::{
        Worker,
        auth::origin::public_base,
        message::{problem::Problem, query::Query},
        voting::live,
    },
    live::KnownTally,
    newsroom::{
        chart::{MarkKind, TimelineChart},
        frame::{Frame, Section},
        poll::{
            EditorPollPage, IntegrityPart, ListedTexts, PollHistory, PollNotice, PollViews, TallyPart, TimelinePart,
            TypedReason, has_ballots,
        },
        qr::qr_svg,
        site_log::EventWriter,
        texts::texts_of,
    },
    poll::{AnswerState, CountedAnswer, Interval, Phase, Poll, PollId, Revision, State, TimeZone, Timestamp},
    publishing::AnswersQuery,
    site::{Event, EventId, EventType, Scope},
    voting::CountedRunoff,
};

/// The lengths that a timeline's parts may have, in minutes.
const INTERVALS: [(&str, i64); 6] =
    [("PT1M", 1), ("PT5M", 5), ("PT15M", 15), ("PT1H", 60), ("PT6H", 360), ("P1D", 1_440)];
/// How many parts a timeline has at most, if nobody asks for another length.
const PARTS: i64 = 96;
/// How many are drawn in any case, the last ones.
const MOST_PARTS: usize = 400;
const MINUTE_MILLIS: i64 = 60_000;
/// How many texts are listed.
const MOST_SHOWN: usize = 10;
const MOST_WAITING: usize = 20;
/// How many events are listed, of the last and of the first ones, and how often the log is asked for the last ones.
const MOST_EVENTS: usize = 50;
const MOST_LOG_PAGES: usize = 2;
/// How many changes are marked on a timeline, the last ones.
const MOST_EDITS: usize = 8;
/// How many incidents are marked on a timeline, the last ones.
const MOST_INCIDENT_MARKS: usize = 8;
const HISTORY_LEEWAY_MILLIS: i64 = 60_000;

/// `GET /newsroom/sites/{site}/polls/{poll}?by=&said=`.
pub(super) async fn page(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let desk = SiteDesk::with(&req, &worker, Scope::PollsRead).await?;
    let poll = desk.poll(&req, &worker).await?;
    let texts = &texts_of(desk.desk.language).poll;
    let said = Query::lenient(req.query_string())?.take("said")?.unwrap_or_default();
    let notice = match said.as_str() {
        "opened" => Some(PollNotice::Done(&texts.said_opened)),
        "published" => Some(PollNotice::Done(&texts.said_scheduled)),
        "closed" => Some(PollNotice::Done(&texts.said_closed)),
        "resolved" => Some(PollNotice::Done(&texts.said_resolved)),
        "decided" => Some(PollNotice::Done(&texts.said_decided)),
        "label" => Some(PollNotice::Done(&texts_of(desk.desk.language).integrity.said)),
        "incident" => Some(PollNotice::Done(&texts_of(desk.desk.language).incidents.said_opened)),
        "incident-over" => Some(PollNotice::Done(&texts_of(desk.desk.language).incidents.said_closed)),
        _ => None,
    };
    show(&req, &worker, &desk, &poll, StatusCode::OK, notice).await
}

/// A poll's page, with what its editor is told.
pub(super) async fn show(
    req: &HttpRequest,
    worker: &Worker,
    desk: &SiteDesk,
    poll: &Poll,
    status: StatusCode,
    notice: Option<PollNotice>,
) -> Result<HttpResponse, Problem> {
    show_with(req, worker, desk, poll, status, (notice, None)).await
}

/// The same, with a reason that was typed and not taken.
pub(super) async fn show_with(
    req: &HttpRequest,
    worker: &Worker,
    desk: &SiteDesk,
    poll: &Poll,
    status: StatusCode,
    (notice, typed): (Option<PollNotice>, Option<TypedReason<'_>>),
) -> Result<HttpResponse, Problem> {
    let (language, timezone) = (desk.desk.language, &desk.site.settings.timezone);
    let now = worker.shared.clock.now();
    let (state, is_ahead) = (poll.state_at(now), poll.schedule.opens_at.is_some_and(|opens_at| now < opens_at));
    let (snapshot, runoff) = seen(worker, desk, poll.id).await?;
    let (events, has_more) = history(worker, desk, poll).await?;
    let keys = known_keys(worker, desk).await?;
    let tally = part(language, timezone, poll, snapshot.as_deref(), runoff.as_deref(), state);
    let sees_results = desk.publisher.scopes().has(Scope::ResultsRead);
    let timeline = match &snapshot {
        Some(snapshot) if state != State::Draft => {
            let marks = marks(poll, snapshot.tally.state, &events);
            timeline(req, worker, snapshot, timezone, (language, &marks)).await?
        }
        Some(_) | None => None,
    };
    let views = if sees_results && state != State::Draft {
        let views = worker.viewing.views_of(poll).await?;
        let ballots = snapshot.as_ref().map_or(0, |snapshot| snapshot.tally.ballots);
        let are_too_few = views < ballots;
        let turnout =
            ballots.saturating_mul(1_000).checked_div(views).filter(|_| !are_too_few && poll.counts_every_view());
        Some(PollViews { views, turnout, are_too_few })
    } else {
        None
    };
    let answers = if sees_results && poll.open_answer { Some(answers(worker, desk, poll.id).await?) } else { None };
    let integrity = if desk.publisher.scopes().has(Scope::PollsModerate) && has_ballots(state) {
        // The rest of the page is good without.
        let report = worker.integrity.report(&desk.publisher, poll.id).await.ok();
        report.map(|report| IntegrityPart::of(language, timezone, &report, typed))
    } else {
        None
    };
    let snippets = snippets_of(req, worker, poll);
    let qr = qr_svg(&snippets.url);
    let frame = desk.frame(Section::Polls);
    let writer = EventWriter::new(&frame, timezone, &keys, &events);
    let lines = events.iter().map(|event| writer.line_of_poll(event)).collect();
    let history = PollHistory { lines, has_more };
    // Nothing is to be read at the address of a form that was refused.
    let path = if req.method() == Method::GET { own_path(req) } else { desk.path(&format!("/polls/{}", poll.id)) };
    let frame = Frame { path: &path, ..desk.frame(Section::Polls) };
    let page = EditorPollPage {
        frame,
        poll,
        state,
        is_ahead,
        timezone,
        notice,
        tally,
        timeline,
        views,
        answers,
        integrity,
        history,
        snippets,
        qr,
    };
    page::send(status, &page)
}

/// `GET /newsroom/sites/{site}/polls/{poll}/live`: the poll's event stream by the editor's session, whoever else may
/// see the tally.
pub(super) async fn live(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let desk = SiteDesk::for_part(&req, &worker, Scope::PollsRead).await?;
    let poll = desk.poll(&req, &worker).await?;
    live::stream_to(&req, &worker, &EditorAsker(&desk.publisher), poll.id).await
}

/// How to have a poll in a page.
pub(super) fn snippets_of(req: &HttpRequest, worker: &Worker, poll: &Poll) -> Snippets {
    match public_base(req, worker) {
        Some(base) => Snippets::of(poll, &base),
        None => Snippets::new("", &poll.id.to_string(), poll.question.as_str(), 0),
    }
}

fn part<'a>(
    language: &'static Language,
    timezone: &'a TimeZone,
    poll: &'a Poll,
    snapshot: Option<&'a KnownTally>,
    runoff: Option<&'a CountedRunoff>,
    state: State,
) -> TallyPart<'a> {
    // The tally is counted by the options of the poll that it comes with.
    let poll = snapshot.map_or(poll, |snapshot| &*snapshot.poll);
    let (tally, runoff) = (snapshot.map(|snapshot| &snapshot.tally), runoff.map(|counted| &counted.runoff));
    TallyPart { language, poll, tally, runoff, timezone, state }
}

/// The tally, if the editor may see it, and the run-off of a ranked poll that is closed, if it is counted in time.
async fn seen(
    worker: &Worker,
    desk: &SiteDesk,
    id: PollId,
) -> Result<(Option<Arc<KnownTally>>, Option<Arc<CountedRunoff>>), Problem> {
    let Some(snapshot) = desk.tally(worker, id).await? else { return Ok((None, None)) };
    let has_runoff = snapshot.poll.kind.is_ordered() && snapshot.tally.state == State::Closed;
    let runoff = if has_runoff { worker.voting.run_off(&snapshot).await.ok() } else { None };
    Ok((Some(snapshot), runoff))
}

async fn answers(worker: &Worker, desk: &SiteDesk, id: PollId) -> Result<ListedTexts, Problem> {
    let list = async |state, limit| -> Result<(Vec<CountedAnswer>, bool), Problem> {
        let asked = AnswersQuery { state: Some(state), after: None, limit };
        let listed = worker.publishing.answers(&desk.publisher, id, asked).await?;
        Ok((listed.answers, listed.last.is_some()))
    };
    let (shown, has_more_shown) = list(AnswerState::Shown, MOST_SHOWN).await?;
    let (waiting, has_more_waiting) = list(AnswerState::Waiting, MOST_WAITING).await?;
    Ok(ListedTexts { shown, waiting, has_more: has_more_shown || has_more_waiting })
}

/// The timeline in parts of the length that is asked for, or of one that makes a chart. `None` if the store can't read
/// it now: the rest of the page is good without.
async fn timeline(
    req: &HttpRequest,
    worker: &Worker,
    snapshot: &KnownTally,
    timezone: &TimeZone,
    (language, marks): (&Language, &[(MarkKind, Timestamp)]),
) -> Result<Option<TimelinePart>, Problem> {
    let (poll, tally) = (&snapshot.poll, &snapshot.tally);
    let by = |name: &str| INTERVALS.into_iter().find(|(of, _)| *of == name);
    let asked = Query::lenient(req.query_string())?.take_meant("by", by);
    let since = poll.schedule.opens_at.unwrap_or(poll.created_at).max(poll.created_at);
    let until = poll.schedule.closes_at.map_or(tally.as_of, |closes_at| tally.as_of.min(closes_at));
    let minutes = (until.as_millis() - since.as_millis()) / MINUTE_MILLIS;
    let fitting = || INTERVALS.into_iter().find(|(_, length)| minutes / length <= PARTS).unwrap_or(("P1D", 1_440));
    let (name, length) = asked.unwrap_or_else(fitting);
    let interval = name.parse().unwrap_or(Interval::HOUR);
    let Ok(mut reader) = worker.voting.timeline(snapshot, interval, timezone).await else { return Ok(None) };
    let (mut parts, mut is_cut) = (VecDeque::new(), false);
    loop {
        match reader.next().await {
            Ok(Some(bucket)) => {
                let ballots = u64::try_from(bucket.change.ballots).unwrap_or_default();
                parts.push_back((bucket.start.start(), ballots));
            }
            Ok(None) => break,
            Err(_) => return Ok(None),
        }
        if parts.len() > MOST_PARTS {
            parts.pop_front();
            is_cut = true;
        }
    }
    // What lies before the parts that are drawn has no place among them.
    let first = parts.front().map(|(start, _)| *start).filter(|_| is_cut);
    let marks: Vec<_> = marks.iter().copied().filter(|(_, at)| first.is_none_or(|first| *at >= first)).collect();
    let chart = TimelineChart::of(parts.make_contiguous(), length * MINUTE_MILLIS, &marks, language.direction());
    Ok(Some(TimelinePart { chart, interval, is_cut }))
}

/// What has happened to a poll, by its site's log, the last one first; and whether there may be more between.
async fn history(worker: &Worker, desk: &SiteDesk, poll: &Poll) -> Result<(Vec<Event>, bool), Problem> {
    // Its first event may have been written a moment before it was made, by the clocks of a cluster.
    let begun = Timestamp::from_millis(poll.created_at.as_millis() - HISTORY_LEEWAY_MILLIS);
    let begun = EventId::at(begun);
    let mut asked = EventsQuery {
        order: EventsOrder::Newest,
        after: None,
        kind: None,
        about: None,
        poll: Some(poll.id),
        limit: MOST_EVENTS,
        wait: Duration::ZERO,
    };
    let (mut events, mut has_more) = (Vec::new(), true);
    // A site's log is read back to the beginning of the poll, and what is about others is passed over.
    for _ in 0..MOST_LOG_PAGES {
        let page = worker.events.read(&desk.publisher, &desk.site.id, asked.clone()).await?;
        events.extend(page.events);
        asked.after = page.next;
        has_more = page.has_more && page.next.is_some_and(|next| next > begun);
        if !has_more || events.len() >= MOST_EVENTS {
            break;
        }
    }
    if has_more {
        // The log is too long for that: how the poll began is read from there on, so that its page has that in any case.
        let first = EventsQuery { order: EventsOrder::Oldest, after: Some(begun), limit: MOST_EVENTS, ..asked.clone() };
        let page = worker.events.read(&desk.publisher, &desk.site.id, first).await?;
        let listed = events.last().map(|event| event.id);
        let unlisted = page.events.into_iter().rev().filter(|event| listed.is_none_or(|listed| event.id < listed));
        events.extend(unlisted);
        has_more = page.has_more && page.next < asked.after;
    }
    Ok((events, has_more))
}

/// What has happened to a poll, as far as its definition and its events tell.
fn marks(poll: &Poll, state: State, events: &[Event]) -> Vec<(MarkKind, Timestamp)> {
    let schedule = &poll.schedule;
    let mut marks = vec![(MarkKind::Made, poll.created_at)];
    let has_opened = schedule.phase != Phase::Draft && state != State::Scheduled;
    // Who opens a draft by hand may leave no time in it.
    let opened = || events.iter().find(|event| event.kind == EventType::PollOpened).map(|event| event.at);
    let opened = schedule.opens_at.or_else(opened).filter(|_| has_opened);
    marks.extend(opened.filter(|at| *at > poll.created_at).map(|at| (MarkKind::Opened, at)));
    let closed = schedule.closes_at.filter(|_| state == State::Closed);
    // What closed the poll was a change too.
    let is_edit = poll.revision != Revision::FIRST && closed.is_none_or(|closed| poll.updated_at < closed);
    let marked = [
        (EventType::PollEdited, MarkKind::Edited),
        (EventType::PollReworded, MarkKind::Reworded),
        (EventType::PollResolved, MarkKind::Resolved),
    ];
    let mark = |event: &Event| {
        let (_, kind) = marked.iter().find(|(of, _)| *of == event.kind)?;
        Some((*kind, event.at))
    };
    let mut changes: Vec<(MarkKind, Timestamp)> = events.iter().filter_map(mark).collect();
    if changes.is_empty() && !events.iter().any(|event| event.kind == EventType::PollCreated) {
        // The log is younger than the poll. That it was opened is no edit.
        let edited = is_edit.then_some(poll.updated_at).filter(|at| opened.is_none_or(|opened| *at > opened));
        changes.extend(edited.map(|at| (MarkKind::Edited, at)));
    }
    // A change of the wording is told as an edit too: one mark says the more.
    changes.sort_by_key(|(kind, at)| (*at, *kind == MarkKind::Edited));
    changes.dedup_by_key(|(_, at)| *at);
    marks.extend(changes.into_iter().rev().take(MOST_EDITS));
    marks.extend(closed.map(|at| (MarkKind::Closed, at)));
    for incident in poll.incidents.iter().rev().take(MOST_INCIDENT_MARKS) {
        marks.push((MarkKind::IncidentOpened, incident.opened_at));
        marks.extend(incident.end.as_ref().map(|end| (MarkKind::IncidentEnded, end.at)));
    }
    marks.sort_by_key(|(_, at)| *at);
    marks
}
