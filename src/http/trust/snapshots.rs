//! Snapshots of a poll's figure, to cite.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    http::{
        Worker, auth,
        message::{
            body, caching,
            paging::{CURSOR_RULE, DEFAULT_LIMIT, MAX_LIMIT, parse_limit},
            path::{id_in_path, poll_in_path},
            problem::{Code, Problem},
            query::Query,
        },
        voting::disclosure::Disclosed,
    },
    live::KnownTally,
    poll::{PollId, Viewer},
    proof::{PollSnapshot, SnapshotDraft, SnapshotId},
    site::Scope,
    tlog::Opening,
    voting::VoteError,
};

/// `POST /v1/polls/{poll}/snapshots`: a snapshot of what everybody sees now, or, where nobody is shown anything yet, of
/// what the publisher sees, if they may read results.
pub(in crate::http) async fn take(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    let publisher = auth::publisher_with(&req, &worker, Scope::PollsWrite).await?;
    let id = poll_in_path(&req)?;
    body::none(&req, payload).await?;
    let known = worker.voting.poll(id).await?;
    if !publisher.may(Scope::PollsWrite, &known.poll.site) {
        return Err(Problem::no_poll());
    }
    let shown_to = async |viewer| worker.voting.visible(viewer, &known, None).await;
    let (shown, seen) = if let Some(shown) = shown_to(Viewer::Everyone).await? {
        (shown, Viewer::Everyone)
    } else if !publisher.may(Scope::ResultsRead, &known.poll.site) {
        let detail =
            "readers are shown no figure of this poll now: this needs a key that also has the scope results:read";
        return Err(Problem::new(Code::ScopeMissing, detail));
    } else {
        (shown_to(Viewer::Publisher).await?.ok_or(VoteError::NoPoll)?, Viewer::Publisher)
    };
    let KnownTally { poll, tally, .. } = &*shown;
    let figure: Value = serde_json::from_str(shown.results_text()).map_err(Problem::internal)?;
    let mut statement = json!({
        "type": "poll.snapshot", "at": tally.as_of, "site": poll.site, "question": poll.question, "results": figure,
    });
    if let (Some(disclosed), Some(says)) = (Disclosed::beside(&worker, &shown).await, statement.as_object_mut()) {
        says.insert("disclosure".to_owned(), json!(disclosed.text));
        // A disputed figure has a sentence without it.
        if let Some(disclosure) = &poll.disclosure {
            says.insert("disclosed".to_owned(), json!(disclosure));
        }
    }
    let draft = SnapshotDraft { poll, state: tally.state, seen, statement };
    let snapshot = worker.transparency.take_snapshot(&draft).await?;
    let (taken, proof) = worker.transparency.snapshot(poll, snapshot, true).await?;
    let json = SnapshotJson::of(&worker, id, &taken, Some(proof.to_string()));
    let location = format!("{}{}", worker.shared.base_path(), address_of(id, snapshot));
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, location))
        .insert_header((header::CACHE_CONTROL, caching::PRIVATE))
        .json(json))
}

/// `GET /v1/polls/{poll}/snapshots`: the newest first.
pub(in crate::http) async fn list(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let id = poll_in_path(&req)?;
    let mut query = Query::strict(req.query_string(), &["limit", "cursor"])?;
    let limit = query.take_parsed("limit", |text| parse_limit(text, MAX_LIMIT))?.unwrap_or(DEFAULT_LIMIT);
    let before = query.take_parsed("cursor", |text| text.parse().map_err(|()| CURSOR_RULE.to_owned()))?;
    let known = worker.voting.poll(id).await?;
    let is_publisher = auth::may_read_results(&req, &worker, &known.poll.site).await;
    let (found, has_more) = worker.transparency.snapshots(&known.poll, is_publisher, before, limit).await?;
    let next_cursor = found.last().filter(|_| has_more).map(|last| last.id.to_string());
    let items = found.iter().map(|snapshot| SnapshotJson::of(&worker, id, snapshot, None)).collect();
    Ok(kept_for(is_publisher).json(SnapshotList { items, next_cursor }))
}

/// `GET /v1/polls/{poll}/snapshots/{snapshot}`.
pub(in crate::http) async fn read(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let (id, found, proof, is_publisher) = snapshot_in_path(&req, &worker).await?;
    Ok(kept_for(is_publisher).json(SnapshotJson::of(&worker, id, &found, Some(proof))))
}

/// `GET /v1/polls/{poll}/snapshots/{snapshot}/proof`: the proof as a file of its own, which has the statement in it.
pub(in crate::http) async fn proof(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let (id, found, proof, is_publisher) = snapshot_in_path(&req, &worker).await?;
    Ok(kept_for(is_publisher)
        .content_type("text/plain; charset=utf-8")
        .insert_header((header::CONTENT_DISPOSITION, format!("inline; filename=\"{id}-{}.tlog-proof\"", found.id)))
        .body(proof))
}

async fn snapshot_in_path(req: &HttpRequest, worker: &Worker) -> Result<(PollId, PollSnapshot, String, bool), Problem> {
    let id = poll_in_path(req)?;
    let no_snapshot = || Problem::new(Code::NotFound, "no snapshot of the poll has this id");
    let snapshot: SnapshotId = id_in_path(req, "snapshot", no_snapshot)?;
    let known = worker.voting.poll(id).await?;
    let is_publisher = auth::may_read_results(req, worker, &known.poll.site).await;
    let (found, proof) = worker.transparency.snapshot(&known.poll, snapshot, is_publisher).await?;
    Ok((id, found, proof.to_string(), is_publisher))
}

/// A proof is by the newest checkpoint, so it is not the same for long.
fn kept_for(is_publisher: bool) -> actix_web::HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    let caching = if is_publisher { caching::PRIVATE } else { caching::Caching::LIVE.header() };
    response.insert_header((header::CACHE_CONTROL, caching));
    response
}

/// Where a snapshot stays.
pub(in crate::http) fn address_of(poll: PollId, snapshot: SnapshotId) -> String {
    format!("/v1/polls/{poll}/snapshots/{snapshot}")
}

/// Where a snapshot's page is.
pub(in crate::http) fn page_of(poll: PollId, snapshot: SnapshotId) -> String {
    format!("/embed/{poll}/snapshots/{snapshot}")
}

#[derive(Serialize)]
struct SnapshotJson {
    id: String,
    /// Where it stays.
    url: String,
    /// For people.
    page: String,
    /// Its picture.
    card: String,
    is_public: bool,
    /// The figure, as it was.
    snapshot: Value,
    #[serde(flatten)]
    opening: Opening,
    #[serde(skip_serializing_if = "Option::is_none")]
    proof: Option<String>,
}

impl SnapshotJson {
    fn of(worker: &Worker, poll: PollId, snapshot: &PollSnapshot, proof: Option<String>) -> Self {
        let base = worker.shared.public_url.as_ref().map(ToString::to_string).unwrap_or_default();
        let url = format!("{base}{}", address_of(poll, snapshot.id));
        Self {
            id: snapshot.id.to_string(),
            page: format!("{base}{}", page_of(poll, snapshot.id)),
            card: format!("{url}/card.png"),
            url,
            is_public: snapshot.is_open,
            snapshot: serde_json::from_str(&snapshot.opening.statement).unwrap_or_default(),
            opening: snapshot.opening.clone(),
            proof,
        }
    }
}

#[derive(Serialize)]
struct SnapshotList {
    items: Vec<SnapshotJson>,
    next_cursor: Option<String>,
}
