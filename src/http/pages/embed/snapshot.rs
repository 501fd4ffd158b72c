//! Snapshots of polls, as people read them.

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderValue},
    web,
};

use super::{
    card::{named, picture_of},
    read_look, send_page,
};
use crate::{
    card::{CardShape, MEDIA_TYPE},
    embed::{
        digits::Digits,
        snapshot::{CitedSnapshot, FrozenFigure},
    },
    http::{
        Worker,
        message::{
            caching::{self, Caching},
            conditional,
            path::{id_in_path, poll_in_path},
            problem::{Code, Problem},
            query::Query,
        },
        trust::snapshots::{address_of, page_of},
    },
    live::PollWithSite,
    poll::PollId,
    proof::SnapshotId,
    secret::{first_bytes, hex},
};

/// `GET /embed/{poll}/snapshots/{snapshot}`: the page of a snapshot that everybody may see.
pub(in crate::http) async fn page(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let FoundSnapshot { id, known, snapshot, figure } = found(&req, &worker).await?;
    let (look, _) = read_look(&req)?;
    let (path, page_path) = (address_of(id, snapshot), page_of(id, snapshot));
    let view = CitedSnapshot {
        figure: &figure,
        id: &snapshot.to_string(),
        entry: snapshot.entry(),
        path: &path,
        page_path: &page_path,
        look: &look,
        site: &known.site.settings,
        public_url: worker.shared.public_url.as_ref(),
    };
    let body = view.render().map_err(Problem::internal)?;
    let mut response = HttpResponse::Ok();
    caching::name(&mut response, [&*known.poll]);
    // It names the style sheet of the version that wrote it.
    Ok(send_page(&req, &worker, response, body, Caching::LIVE, Some((&known.site, &known.poll))))
}

/// `GET /v1/polls/{poll}/snapshots/{snapshot}/card.png`: its picture, which never changes.
pub(in crate::http) async fn card(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let mut query = Query::lenient(req.query_string())?;
    let shape = query.take_parsed("shape", named(&CardShape::NAMES))?.unwrap_or_default();
    let digits = query.take_parsed("digits", named(&Digits::NAMES))?.unwrap_or_default();
    let FoundSnapshot { known, figure, .. } = found(&req, &worker).await?;
    let card = figure.card(&known.site.settings, digits, shape).ok_or_else(|| {
        Problem::new(
            Code::NotFound,
            "the snapshot has no picture: it is written in letters that the picture's font lacks",
        )
    })?;
    let hash: [u8; 32] = card.hash().into();
    let etag = format!("\"{}\"", hex(&first_bytes::<8>(hash)));
    let is_current = conditional::is_current(req.headers(), &etag);
    let mut response = if is_current { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((header::CACHE_CONTROL, caching::FOR_EVER)).insert_header((header::ETAG, etag));
    caching::name(&mut response, [&*known.poll]);
    if is_current {
        return Ok(response.finish());
    }
    let picture = picture_of(&worker, card, hash).await?;
    response.insert_header((header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE)));
    Ok(response.body(picture))
}

/// A snapshot that everybody may see.
struct FoundSnapshot {
    id: PollId,
    known: Arc<PollWithSite>,
    snapshot: SnapshotId,
    figure: FrozenFigure,
}

async fn found(req: &HttpRequest, worker: &Worker) -> Result<FoundSnapshot, Problem> {
    let id = poll_in_path(req)?;
    let no_snapshot = || Problem::new(Code::NotFound, "no snapshot of the poll has this id");
    let snapshot: SnapshotId = id_in_path(req, "snapshot", no_snapshot)?;
    let known = worker.voting.poll(id).await?;
    let (taken, _) = worker.transparency.snapshot(&known.poll, snapshot, false).await?;
    let figure = FrozenFigure::read(&known.poll, &taken.opening.statement).ok_or_else(no_snapshot)?;
    Ok(FoundSnapshot { id, known, snapshot, figure })
}
