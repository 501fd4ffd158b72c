//! What an editor does with one poll. Each form calls what the API calls, and leads back to the poll's page.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};

use super::{
    desk::SiteDesk,
    page,
    poll::{show, show_with},
    posted::{self, Form},
    see,
};
use crate::{
    http::{
        Worker,
        message::{path::id_in_path, problem::Problem, refusals::no_answer},
        middleware::notes::note_outcome,
        trust::integrity::{decidable_in_path, no_incident, no_label},
    },
    integrity::IntegrityError,
    newsroom::{
        confirm::{ConfirmPage, Confirmation, are_first_words},
        frame::Section,
        poll::{PollNotice, TypedReason},
        texts::texts_of,
    },
    poll::{AnswerId, AnswerState, Label, LabelDecision, Poll, PollId},
    publishing::PublishError,
    site::Scope,
};

/// `POST /newsroom/sites/{site}/polls/{poll}/open`.
pub(super) async fn open(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    change(&req, payload, &worker, "opened", async |desk, id, _| worker.publishing.open_poll(&desk.publisher, id).await)
        .await
}

/// `POST /newsroom/sites/{site}/polls/{poll}/publish`: has a draft open by its schedule.
pub(super) async fn publish(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    change(&req, payload, &worker, "published", async |desk, id, _| {
        worker.publishing.publish_poll(&desk.publisher, id).await
    })
    .await
}

/// `GET /newsroom/sites/{site}/polls/{poll}/close`: asks once more.
pub(super) async fn ask_close(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    ask(&req, &worker, Confirmation::Close).await
}

/// `POST /newsroom/sites/{site}/polls/{poll}/close`.
pub(super) async fn close(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    change(&req, payload, &worker, "closed", async |desk, id, _| {
        worker.publishing.close_poll(&desk.publisher, id).await
    })
    .await
}

/// `GET /newsroom/sites/{site}/polls/{poll}/delete`: asks for how the question begins.
pub(super) async fn ask_delete(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    ask(&req, &worker, Confirmation::Delete { is_wrong: false }).await
}

/// `POST /newsroom/sites/{site}/polls/{poll}/delete`.
pub(super) async fn delete(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    posted::take(&req, payload, &worker, Scope::PollsWrite, async |desk: SiteDesk, form: Form| {
        let poll = desk.poll(&req, &worker).await?;
        if !are_first_words(form.text("words").unwrap_or_default(), &poll) {
            let asked = Confirmation::Delete { is_wrong: true };
            let page = ConfirmPage { frame: desk.frame(Section::Polls), poll: &poll, asked };
            return page::send(StatusCode::UNPROCESSABLE_ENTITY, &page);
        }
        worker.publishing.delete_poll(&desk.publisher, poll.id).await?;
        note_outcome(&req, "deleted");
        Ok(see(&desk.path("/polls?said=deleted")))
    })
    .await
}

/// `POST /newsroom/sites/{site}/polls/{poll}/resolve`.
pub(super) async fn resolve(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    change(&req, payload, &worker, "resolved", async |desk, id, form| {
        let (option, reason) = (form.text("option").unwrap_or_default(), form.text("reason"));
        worker.publishing.resolve_poll(&desk.publisher, id, option, reason).await
    })
    .await
}

/// `POST /newsroom/sites/{site}/polls/{poll}/answers/{answer}`: lets readers see a text, or not.
pub(super) async fn decide(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    posted::take(&req, payload, &worker, Scope::PollsWrite, async |desk: SiteDesk, form: Form| {
        let poll = desk.poll(&req, &worker).await?;
        let answer: AnswerId = id_in_path(&req, "answer", no_answer)?;
        let state = form.text("state").and_then(|state| state.parse::<AnswerState>().ok()).ok_or_else(no_answer)?;
        worker.publishing.decide_answer(&desk.publisher, poll.id, answer, state).await?;
        note_outcome(&req, state.as_str());
        let is_from_waiting = form.text("from") == Some("waiting");
        let there = if is_from_waiting {
            desk.path("/waiting?said=decided")
        } else {
            desk.path(&format!("/polls/{}?said=decided#answers", poll.id))
        };
        Ok(see(&there))
    })
    .await
}

/// `POST /newsroom/sites/{site}/polls/{poll}/labels/{label}`: whether the ballots with a label count, and why.
pub(super) async fn decide_label(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    posted::take(&req, payload, &worker, Scope::PollsModerate, async |desk: SiteDesk, form: Form| {
        let poll = desk.poll(&req, &worker).await?;
        let label: Label = decidable_in_path(&req)?;
        let decision = form.text("decision");
        let decision = LabelDecision::ALL.into_iter().find(|one| Some(one.as_str()) == decision);
        let decision = decision.ok_or_else(no_label)?;
        let reason = form.text("reason").unwrap_or_default();
        match worker.integrity.decide(&desk.publisher, poll.id, label, (decision, reason)).await {
            Ok(_) => {
                note_outcome(&req, decision.as_str());
                Ok(see(&desk.path(&format!("/polls/{}?said=label#integrity", poll.id))))
            }
            Err(error) => not_moderated(&req, &worker, &desk, &poll, error, TypedReason::Decision(label, reason)).await,
        }
    })
    .await
}

/// `POST /newsroom/sites/{site}/polls/{poll}/incidents`: something goes on, says the editor.
pub(super) async fn open_incident(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    posted::take(&req, payload, &worker, Scope::PollsModerate, async |desk: SiteDesk, form: Form| {
        let poll = desk.poll(&req, &worker).await?;
        let reason = form.text("reason").unwrap_or_default();
        match worker.integrity.open_incident(&desk.publisher, poll.id, reason).await {
            Ok(_) => {
                note_outcome(&req, "opened");
                Ok(see(&desk.path(&format!("/polls/{}?said=incident#incidents", poll.id))))
            }
            Err(error) => not_moderated(&req, &worker, &desk, &poll, error, TypedReason::NewIncident(reason)).await,
        }
    })
    .await
}

/// `POST /newsroom/sites/{site}/polls/{poll}/incidents/{label}/close`: it is over, or is none.
pub(super) async fn close_incident(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    posted::take(&req, payload, &worker, Scope::PollsModerate, async |desk: SiteDesk, form: Form| {
        let poll = desk.poll(&req, &worker).await?;
        let label: Label = id_in_path(&req, "label", no_incident)?;
        let reason = form.text("reason").unwrap_or_default();
        match worker.integrity.close_incident(&desk.publisher, (poll.id, label), reason).await {
            Ok(_) => {
                note_outcome(&req, "closed");
                Ok(see(&desk.path(&format!("/polls/{}?said=incident-over#incidents", poll.id))))
            }
            Err(error) => {
                not_moderated(&req, &worker, &desk, &poll, error, TypedReason::EndOfIncident(label, reason)).await
            }
        }
    })
    .await
}

/// Shows the poll's page again, with why it was not done and what was typed.
async fn not_moderated(
    req: &HttpRequest,
    worker: &Worker,
    desk: &SiteDesk,
    poll: &Poll,
    error: IntegrityError,
    typed: TypedReason<'_>,
) -> Result<HttpResponse, Problem> {
    let texts = texts_of(desk.desk.language);
    #[expect(clippy::wildcard_enum_match_arm, reason = "whatever else is refused is said on a page of its own")]
    let (status, text) = match &error {
        IntegrityError::Reason(_) => (StatusCode::UNPROCESSABLE_ENTITY, &texts.integrity.wrong_reason),
        IntegrityError::NotOpen(..) => (StatusCode::CONFLICT, &texts.incidents.not_open),
        IntegrityError::TooMany => (StatusCode::CONFLICT, &texts.incidents.too_many),
        _ => return Err(error.into()),
    };
    note_outcome(req, "refused");
    show_with(req, worker, desk, poll, status, (Some(PollNotice::Refused(text.clone())), Some(typed))).await
}

async fn ask(req: &HttpRequest, worker: &Worker, asked: Confirmation) -> Result<HttpResponse, Problem> {
    let desk = SiteDesk::with(req, worker, Scope::PollsWrite).await?;
    let poll = desk.poll(req, worker).await?;
    page::send(StatusCode::OK, &ConfirmPage { frame: desk.frame(Section::Polls), poll: &poll, asked })
}

/// Changes the poll in the path, and leads back to its page, which says what was done; or shows it with what could not
/// be.
async fn change(
    req: &HttpRequest,
    payload: web::Payload,
    worker: &Worker,
    said: &'static str,
    act: impl AsyncFnOnce(&SiteDesk, PollId, &Form) -> Result<Poll, PublishError>,
) -> Result<HttpResponse, Problem> {
    posted::take(req, payload, worker, Scope::PollsWrite, async |desk: SiteDesk, form: Form| {
        let id = desk.poll(req, worker).await?.id;
        match act(&desk, id, &form).await {
            Ok(_) => {
                note_outcome(req, said);
                Ok(see(&desk.path(&format!("/polls/{id}?said={said}"))))
            }
            Err(refusal) => refused(req, worker, &desk, refusal).await,
        }
    })
    .await
}

async fn refused(
    req: &HttpRequest,
    worker: &Worker,
    desk: &SiteDesk,
    refusal: PublishError,
) -> Result<HttpResponse, Problem> {
    let texts = &texts_of(desk.desk.language).poll;
    #[expect(clippy::wildcard_enum_match_arm, reason = "whatever else is refused is said on a page of its own")]
    let (status, text) = match &refusal {
        PublishError::NotOpen(..) => (StatusCode::CONFLICT, &texts.is_closed),
        PublishError::NotClosed(_) => (StatusCode::CONFLICT, &texts.not_closed),
        PublishError::NotAPrediction => (StatusCode::UNPROCESSABLE_ENTITY, &texts.no_prediction),
        PublishError::Resolved(_) => (StatusCode::CONFLICT, &texts.needs_reason),
        PublishError::Invalid(_) => (StatusCode::UNPROCESSABLE_ENTITY, &texts.closes_in_past),
        PublishError::InvalidResolution("option", _) => (StatusCode::UNPROCESSABLE_ENTITY, &texts.wrong_option),
        PublishError::InvalidResolution(..) => (StatusCode::UNPROCESSABLE_ENTITY, &texts.wrong_reason),
        _ => return Err(refusal.into()),
    };
    // As it is now: what was known of it may be why it could not be done.
    let poll = desk.poll(req, worker).await?;
    note_outcome(req, "refused");
    show(req, worker, desk, &poll, status, Some(PollNotice::Refused(text.clone()))).await
}
