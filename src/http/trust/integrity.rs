//! What there is to say against a poll's ballots, for those who decide whether they count.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    http::{
        Worker, auth,
        message::{
            body, caching,
            path::{id_in_path, poll_in_path},
            problem::{Code, Problem},
        },
        middleware::notes::note_outcome,
    },
    integrity::{IncidentReport, IntegrityError, IntegrityReport, LabelReport},
    poll::{Finding, Label, LabelDecision, LabelTally, Poll},
    site::Scope,
};

/// `GET /v1/polls/{poll}/integrity`.
pub(in crate::http) async fn read(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let publisher = auth::publisher_with(&req, &worker, Scope::PollsModerate).await?;
    let report = worker.integrity.report(&publisher, poll_in_path(&req)?).await?;
    Ok(answer(&report))
}

/// `POST /v1/polls/{poll}/integrity/labels/{label}`: whether the ballots with a label count.
pub(in crate::http) async fn decide(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    let publisher = auth::publisher_with(&req, &worker, Scope::PollsModerate).await?;
    let id = poll_in_path(&req)?;
    let label = decidable_in_path(&req)?;
    let bytes = body::read(&req, payload, body::PUBLISHER_LIMIT).await?;
    let LabelDecisionBody { decision: body::Word(decision), reason } = body::parse(&bytes)?;
    let report = worker.integrity.decide(&publisher, id, label, (decision, &reason)).await?;
    note_outcome(&req, decision.as_str());
    Ok(answer(&report))
}

/// `POST /v1/polls/{poll}/integrity/incidents`: something goes on, says whoever asks.
pub(in crate::http) async fn open_incident(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    let publisher = auth::publisher_with(&req, &worker, Scope::PollsModerate).await?;
    let id = poll_in_path(&req)?;
    let bytes = body::read(&req, payload, body::PUBLISHER_LIMIT).await?;
    let ReasonBody { reason } = body::parse(&bytes)?;
    let report = worker.integrity.open_incident(&publisher, id, &reason).await?;
    note_outcome(&req, "opened");
    Ok(answer(&report))
}

/// `POST /v1/polls/{poll}/integrity/incidents/{label}/close`.
pub(in crate::http) async fn close_incident(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    let publisher = auth::publisher_with(&req, &worker, Scope::PollsModerate).await?;
    let id = poll_in_path(&req)?;
    let label: Label = id_in_path(&req, "label", no_incident)?;
    let bytes = body::read(&req, payload, body::PUBLISHER_LIMIT).await?;
    let ReasonBody { reason } = body::parse(&bytes)?;
    let report = worker.integrity.close_incident(&publisher, (id, label), &reason).await?;
    note_outcome(&req, "closed");
    Ok(answer(&report))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReasonBody {
    reason: String,
}

/// No incident has such a label.
pub(in crate::http) fn no_incident() -> Problem {
    IntegrityError::NoIncident.into()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LabelDecisionBody {
    decision: body::Word<LabelDecision>,
    reason: String,
}

/// The label in the path. A clean ballot always counts: of that nothing is decided.
///
/// # Errors
/// `not-found`.
pub(in crate::http) fn decidable_in_path(req: &HttpRequest) -> Result<Label, Problem> {
    let label: Label = id_in_path(req, "label", no_label)?;
    if label == Label::CLEAN { Err(no_label()) } else { Ok(label) }
}

/// There is no such label, or nothing to decide of it.
pub(in crate::http) fn no_label() -> Problem {
    Problem::new(Code::NotFound, "no label that can be decided of has this name")
}

fn answer(report: &IntegrityReport) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, caching::PRIVATE)).json(report_json(report))
}

fn report_json(report: &IntegrityReport) -> Value {
    let poll = &report.poll;
    let mut json = Map::new();
    json.insert("poll".to_owned(), json!(poll.id));
    json.insert("revision".to_owned(), json!(poll.revision));
    json.insert("state".to_owned(), json!(report.state.as_str()));
    json.insert("raw".to_owned(), tally_json(poll, &report.raw()));
    for decision in LabelDecision::ALL {
        json.insert(decision.as_str().to_owned(), tally_json(poll, &report.decided(decision)));
    }
    if let Some(at_close) = report.at_close() {
        json.insert("final".to_owned(), tally_json(poll, &at_close));
    }
    let label = |LabelReport { label, decision, tally }: LabelReport| {
        json!({
            "label": label.name(),
            "decision": decision.as_str(),
            "ballots": tally.ballots,
            "options": options_json(poll, &tally),
        })
    };
    json.insert("labels".to_owned(), report.labels().map(label).collect());
    json.insert("grade".to_owned(), json!(poll.grade().as_str()));
    json.insert("labels_left".to_owned(), json!(poll.labels_left()));
    json.insert("incidents".to_owned(), report.incidents().map(|incident| incident_json(&incident)).collect());
    Value::Object(json)
}

fn incident_json(IncidentReport { incident, ballots, honest }: &IncidentReport<'_>) -> Value {
    let Finding { cause, since, reason, figures, sureness, suspects, .. } = &incident.about;
    let mut json = json!({
        "label": incident.label.name(),
        "cause": cause.as_str(),
        "since": since,
        "opened_at": incident.opened_at,
        "reason": reason,
        "sureness": sureness,
        "networks": suspects.networks().len(),
        "ballots": ballots,
        "honest_ballots": honest,
    });
    if let Value::Object(members) = &mut json {
        if let Some(figures) = figures {
            members.insert("figures".to_owned(), json!(figures));
        }
        if let Some(end) = &incident.end {
            members.insert("closed_at".to_owned(), json!(end.at));
            if let Some(reason) = &end.reason {
                members.insert("closed_because".to_owned(), json!(reason));
            }
        }
    }
    json
}

fn tally_json(poll: &Poll, tally: &LabelTally) -> Value {
    json!({ "ballots": tally.ballots, "options": options_json(poll, tally) })
}

fn options_json(poll: &Poll, tally: &LabelTally) -> Value {
    poll.options.iter().map(|option| json!({ "id": option.id, "votes": tally.votes_for(option.index) })).collect()
}
