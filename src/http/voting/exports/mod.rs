//! Tallies and timelines for newsrooms: as tables, and by the time that votes were cast.
//!
//! Those who may see a poll's tally may export it in any form, and nobody else: every export first asks the same
//! question as [`results`](super::results), is as cacheable as its answer, and has its `ETag`, with the interval, the
//! time zone and the form added. `Accept: text/csv` and an address that ends in `.csv` give the same table; the latter
//! is a file for spreadsheets, so it begins with a byte order mark. `separator=` separates a table's cells, and
//! `timezone=` decides when days begin and how times are written.
//!
//! A timeline's buckets add up to the tally before them. See [`Timeline`](crate::poll::Timeline).

mod answers;
mod csv;
mod form;
mod query;
mod stream;

pub(in crate::http) use answers::{AnswersTable, answers_table};
pub(in crate::http) use form::ExportForm;
pub(in crate::http) use query::ExportQuery;

use std::{fmt::Write as _, sync::Arc};

use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, http::header, web};

use super::{disclosure::Disclosed, tallies};
use crate::{
    embed::{digits::Digits, language::Language},
    http::{
        Worker,
        message::{
            caching::{self, Caching},
            conditional,
            problem::Problem,
        },
    },
    live::KnownTally,
    poll::{Emoji, Interval, TallyDisplay},
};
use csv::CsvRow;
use stream::Export;

/// `GET /v1/polls/{poll}/results.csv`, and of an article.
pub(in crate::http) async fn read_results(
    req: HttpRequest,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    let query = ExportQuery::of_results(&req, ExportForm::CsvFile)?;
    let (snapshot, caching) = tallies::shown(&worker, &req).await?;
    let disclosed = Disclosed::beside(&worker, &snapshot).await;
    Ok(results_table(&req, &worker, &snapshot, caching, &query, disclosed.as_ref()))
}

/// A tally as a table: one line for each option.
pub(in crate::http) fn results_table(
    req: &HttpRequest,
    worker: &Worker,
    snapshot: &KnownTally,
    caching: Caching,
    query: &ExportQuery,
    disclosed: Option<&Disclosed>,
) -> HttpResponse {
    let tag = tag(worker, snapshot, query, None, disclosed);
    let mut response = match begin(req, snapshot, query.form, caching, &tag) {
        Begun::Current(answer) => return answer,
        Begun::Changed(response) => response,
    };
    name_file(&mut response, snapshot, "results");
    response.body(write_results(snapshot, query, disclosed))
}

/// `GET /v1/polls/{poll}/timeline`, and of an article.
pub(in crate::http) async fn read_timeline(
    req: HttpRequest,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    timeline_as(&req, &worker, ExportForm::preferred(req.headers())).await
}

/// `GET /v1/polls/{poll}/timeline.csv`, and of an article.
pub(in crate::http) async fn read_timeline_csv(
    req: HttpRequest,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    timeline_as(&req, &worker, ExportForm::CsvFile).await
}

async fn timeline_as(req: &HttpRequest, worker: &Worker, form: ExportForm) -> Result<HttpResponse, Problem> {
    let asked = ExportQuery::of_timeline(req, form)?;
    let (snapshot, caching) = tallies::shown(worker, req).await?;
    send_timeline(req, worker, snapshot, caching, asked).await
}

/// A timeline in the form that is asked for.
pub(in crate::http) async fn send_timeline(
    req: &HttpRequest,
    worker: &Worker,
    snapshot: Arc<KnownTally>,
    caching: Caching,
    (query, interval): (ExportQuery, Interval),
) -> Result<HttpResponse, Problem> {
    let form = query.form;
    let disclosed = Disclosed::beside(worker, &snapshot).await;
    let tag = tag(worker, &snapshot, &query, Some(interval), disclosed.as_ref());
    let mut response = match begin(req, &snapshot, form, caching, &tag) {
        Begun::Current(answer) => return Ok(answer),
        Begun::Changed(response) => response,
    };
    if form.is_csv() {
        name_file(&mut response, &snapshot, "timeline");
    }
    Export::begin(worker, snapshot, interval, query, disclosed).await?.send(req, worker, response).await
}

/// An answer with the headers of every export.
enum Begun {
    /// The client has it already.
    Current(HttpResponse),
    /// The body follows.
    Changed(HttpResponseBuilder),
}

fn begin(req: &HttpRequest, snapshot: &KnownTally, form: ExportForm, caching: Caching, etag: &str) -> Begun {
    let is_current = conditional::is_current(req.headers(), etag);
    let mut response = if is_current { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((header::CACHE_CONTROL, caching.header())).insert_header((header::ETAG, etag));
    if caching.is_public() {
        caching::name_tally(&mut response, snapshot);
    }
    match form {
        // One address has two forms here.
        ExportForm::Json | ExportForm::Csv => _ = response.insert_header((header::VARY, "Accept")),
        ExportForm::CsvFile => {}
    }
    if is_current {
        return Begun::Current(response.finish());
    }
    response.content_type(if form.is_csv() { csv::CONTENT_TYPE } else { "application/json" });
    Begun::Changed(response)
}

/// The tag of the tally, with what is special to this form of it.
fn tag(
    worker: &Worker,
    snapshot: &KnownTally,
    query: &ExportQuery,
    interval: Option<Interval>,
    disclosed: Option<&Disclosed>,
) -> String {
    let mut tag = String::from_utf8_lossy(snapshot.etag(&worker.shared.position_keys).as_bytes()).into_owned();
    tag.pop();
    if let Some(interval) = interval {
        // Writing to a String can't fail.
        let _ = write!(tag, "-{interval}");
    }
    query.mark(&mut tag);
    tag.extend(disclosed.map(Disclosed::mark));
    tag.push('"');
    tag
}

fn name_file(response: &mut HttpResponseBuilder, snapshot: &KnownTally, what: &str) {
    let disposition = csv::disposition(snapshot.poll.question.as_str(), what);
    response.insert_header((header::CONTENT_DISPOSITION, disposition));
}

fn write_results(
    KnownTally { tally, poll, .. }: &KnownTally,
    query: &ExportQuery,
    disclosed: Option<&Disclosed>,
) -> String {
    let ExportQuery { form, separator, timezone } = query;
    let mut table = String::with_capacity(512 * (1 + poll.options.len()));
    if *form == ExportForm::CsvFile {
        table.push_str(csv::BOM);
    }
    let as_of = csv::time_column("as_of", timezone);
    let rating = tally.rating(poll);
    let mut names = vec!["poll", "question", &as_of, "state", "option", "label", "votes", "share", "ballots"];
    if rating.is_some() {
        names.extend(["sum", "average", "nps"]);
    }
    let (is_ranked, borda) = (poll.kind.is_ordered(), tally.borda(poll));
    if is_ranked {
        names.push("borda");
    }
    let has_emoji = poll.options.iter().any(|option| option.emoji.is_some());
    if has_emoji {
        names.push("emoji");
    }
    let display = match tally.display {
        TallyDisplay::Exact => None,
        TallyDisplay::Percent => Some("percent"),
        TallyDisplay::Delayed => Some("delayed"),
    };
    names.extend(display.map(|_| "display"));
    names.extend(poll.article_url.as_ref().map(|_| "article_url"));
    let amended = poll.addendum.as_ref().map(|addendum| tally.amended(addendum));
    if amended.is_some() {
        names.extend(["addendum_votes", "addendum_share", "addendum_ballots"]);
    }
    if poll.resolution.is_some() {
        names.extend(["came_true", "foreseen"]);
    }
    names.extend(disclosed.map(|_| "disclosure"));
    let language = Language::for_poll(poll.language.as_str());
    let foreseen = language.and_then(|language| language.foreseen(poll, tally, Digits::Latn)).unwrap_or_default();
    CsvRow::names(&mut table, *separator, &names);
    for ((nth, option), share) in poll.options.iter().enumerate().zip(tally.shares(poll)) {
        let mut row = CsvRow::of(&mut table, *separator)
            .plain(poll.id)
            .text(poll.question.as_str())
            .plain(timezone.local_time(tally.as_of))
            .plain(tally.state.as_str())
            .text(option.id.as_str())
            .text(option.label.as_str())
            .plain(tally.told_votes(option.index).map(|votes| votes.to_string()).unwrap_or_default())
            .plain(share)
            .plain(if tally.is_under_100 { "<100".to_owned() } else { tally.ballots.to_string() });
        // What there is none of yet is an empty cell.
        let number = |number: Option<f64>| number.map(|number| number.to_string()).unwrap_or_default();
        let whole = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
        if let Some(rating) = rating {
            let sum = (tally.display != TallyDisplay::Percent).then_some(rating.sum);
            row = row.plain(whole(sum)).plain(number(rating.average())).plain(number(rating.nps()));
        }
        if is_ranked {
            row = row.plain(whole(borda.as_ref().and_then(|borda| borda.get(nth)).copied()));
        }
        if has_emoji {
            row = row.plain(option.emoji.as_ref().map_or("", Emoji::as_str));
        }
        if let Some(display) = display {
            row = row.plain(display);
        }
        if let Some(page) = &poll.article_url {
            row = row.text(page.as_str());
        }
        if let Some(amended) = &amended {
            let share = amended.shares(poll).nth(nth).unwrap_or_default();
            row = row.plain(amended.height(option.index)).plain(share).plain(amended.ballots);
        }
        if let Some(resolution) = &poll.resolution {
            row = row.plain(option.id == resolution.option).text(&foreseen);
        }
        if let Some(disclosed) = disclosed {
            row = row.text(&disclosed.text);
        }
        row.end();
    }
    table
}
