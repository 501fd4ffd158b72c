//! An article's poll, as readers see it and vote in it.

use actix_web::{HttpRequest, HttpResponse, http::header, web};

use super::asked;
use crate::{
    http::{
        Worker,
        auth::{
            self, origin,
            voter_in_body::{RequestVoter, sender},
        },
        message::{
            body, caching,
            problem::{Code, Problem},
        },
        middleware::limits,
        pages::embed::{self, FormPoll},
        publishing::polls,
        trust::challenges,
        voting::{
            live,
            votes::{self, Named, VoteBody},
        },
    },
    site::Site,
    voting::BallotRequest,
    wire::Audience,
};

/// `GET /v1/sites/{site}/articles/{article}/{template}`: the poll, or what it will be.
pub(in crate::http) async fn read_poll(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let article = worker.voting.find_article(&asked(&req)?).await?;
    let poll = &article.known.poll;
    let caching = if article.is_made() { worker.caching_of(poll) } else { caching::Caching::BRIEF };
    Ok(polls::answer(&req, &worker, poll, worker.shared.clock.now(), caching, Audience::Readers))
}

/// `GET /embed/sites/{site}/articles/{article}/{template}`: the poll's page, which the elements take it out of.
pub(in crate::http) async fn read_page(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let article = worker.voting.find_article(&asked(&req)?).await?;
    embed::page_of_article(&req, &worker, &article.known).await
}

/// `GET /embed/sites/{site}/articles/{article}/{template}/form`: the same for browsers that run no script.
pub(in crate::http) async fn read_form(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    // Whoever has just made it on another replica finds it here.
    let article = worker.voting.find_article_to_vote(&asked(&req)?).await?;
    embed::read_form(&req, &worker, &FormPoll::ByArticle(article)).await
}

/// `POST /embed/sites/{site}/articles/{article}/{template}/form`.
pub(in crate::http) async fn take_form(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    let article = worker.voting.find_article_to_vote(&asked(&req)?).await?;
    embed::take_form(&req, payload, &worker, FormPoll::ByArticle(article)).await
}

/// `POST /v1/sites/{site}/articles/{article}/{template}/votes`.
pub(in crate::http) async fn cast(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    let asked = asked(&req)?;
    let (body_type, bytes) = body::read_reader(&req, payload).await?;
    let shown = votes::count_shown(&req, &worker, body_type)?;
    let VoteBody { choices: Named(named), open_answer, voter, mark, proof_of_work } = body::parse(&bytes)?;
    let sender = sender(&req, &worker.shared, body_type, voter.as_ref(), shown)?;
    votes::count(&req, &worker, &sender.voter)?;
    let article = worker.voting.find_article_to_vote(&asked).await?;
    check_page(&req, &worker, &article.known.site, &sender)?;
    let beside = (mark, proof_of_work.as_deref());
    let caster = votes::caster(&req, &worker, &article.known, &sender, beside);
    let note = |quota_state| limits::note(&req, quota_state);
    let asked = BallotRequest { choices: &named, answer: open_answer.as_deref() };
    let vote = worker.voting.cast_in_article(caster, article, asked, note).await?;
    votes::answer(&req, &worker, &caster, &vote)
}

/// `POST /v1/sites/{site}/articles/{article}/{template}/challenge`.
pub(in crate::http) async fn make_challenge(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    let asked = asked(&req)?;
    let sender = votes::sender_by_body(&req, payload, &worker).await?;
    let article = worker.voting.find_article_to_vote(&asked).await?;
    Ok(challenges::answer(&worker, &article.known, &sender))
}

/// `POST /v1/sites/{site}/articles/{article}/{template}/votes/mine`.
pub(in crate::http) async fn read_mine(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    let asked = asked(&req)?;
    let RequestVoter { voter, .. } = votes::sender_by_body(&req, payload, &worker).await?;
    let article = worker.voting.find_article_to_vote(&asked).await?;
    if !article.is_made() {
        return Err(Problem::new(Code::NotFound, "this voter has no ballot in the poll"));
    }
    votes::ballot_in(&req, &worker, &article.known, &voter).await
}

/// `POST /v1/sites/{site}/articles/{article}/{template}/votes/withdraw`. Having no ballot is as good as having
/// withdrawn it.
pub(in crate::http) async fn withdraw(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    let asked = asked(&req)?;
    let sender = votes::sender_by_body(&req, payload, &worker).await?;
    votes::count(&req, &worker, &sender.voter)?;
    let article = worker.voting.find_article_to_vote(&asked).await?;
    check_page(&req, &worker, &article.known.site, &sender)?;
    if !article.is_made() {
        return Ok(HttpResponse::NoContent().insert_header((header::CACHE_CONTROL, caching::PRIVATE)).finish());
    }
    votes::take_back_in(&req, &worker, article.known, &sender).await
}

/// `GET /v1/sites/{site}/articles/{article}/{template}/live`: a stream, which may begin before there is a poll.
pub(in crate::http) async fn read_live(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let article = worker.voting.find_article(&asked(&req)?).await?;
    live::stream_article(&req, &worker, &article).await
}

/// Checks which page a ballot comes from. Any page may send a preflight here and see it granted, since the site is not
/// known then; so a body in JSON proves no more than a text does.
fn check_page(req: &HttpRequest, worker: &Worker, site: &Site, sender: &RequestVoter) -> Result<(), Problem> {
    let carrier = match sender.carrier {
        auth::Carrier::Header if req.headers().contains_key(header::ORIGIN) => auth::Carrier::TextBody,
        carrier @ (auth::Carrier::Header | auth::Carrier::TextBody | auth::Carrier::Cookie) => carrier,
    };
    origin::check(req, site, worker.shared.public_url.as_ref(), carrier)
}
