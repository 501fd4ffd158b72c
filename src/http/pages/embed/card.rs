//! The picture of a poll, on the wire.
//!
//! It shows what the page shows everyone. Its address says which picture was meant (`v`), so that what shares pages
//! gets a new one when the tally has moved; whatever it says, the picture is the newest.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderValue},
    web,
};

use super::{definition_of, state_of};
use crate::{
    card::{Card, CardShape, MEDIA_TYPE},
    embed::{card::ShownCard, digits::Digits},
    http::{
        Worker,
        message::{
            caching, conditional,
            path::poll_in_path,
            problem::{Code, Problem},
            query::Query,
        },
        pages::drawn_cards::NoPicture,
    },
    poll::{Grade, State, Viewer},
    secret::{first_bytes, hex},
};

/// `GET /polls/{poll}/card.png`.
pub(in crate::http) async fn card(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let id = poll_in_path(&req)?;
    // Trackers and caches add parameters of their own.
    let mut query = Query::lenient(req.query_string())?;
    let shape = query.take_parsed("shape", named(&CardShape::NAMES))?.unwrap_or_default();
    let digits = query.take_parsed("digits", named(&Digits::NAMES))?.unwrap_or_default();
    let known = worker.voting.poll(id).await?;
    // A picture lasts where it is shared: without its tally it is not drawn, as a page is.
    let seen = worker.voting.visible(Viewer::Everyone, &known, None).await?;
    let (poll, state) = (definition_of(&known, seen.as_deref()), state_of(&worker, &known, seen.as_deref()));
    let run_off = match seen.as_deref() {
        Some(snapshot) if state == State::Closed && poll.kind.is_ordered() => {
            Box::pin(worker.voting.run_off(snapshot)).await.ok()
        }
        Some(_) | None => None,
    };
    let view = ShownCard {
        poll,
        state,
        tally: seen.as_deref().map(|snapshot| &snapshot.tally),
        is_disputed: poll.grade() == Grade::Disputed,
        winner: run_off.as_ref().and_then(|counted| counted.runoff.winner.as_ref()),
        site: &known.site.settings,
        digits,
        shape,
    };
    let card = view.card().ok_or_else(|| {
        Problem::new(Code::NotFound, "the poll has no picture: it is written in letters that the picture's font lacks")
    })?;
    let hash: [u8; 32] = card.hash().into();
    let etag = format!("\"{}\"", hex(&first_bytes::<8>(hash)));
    let is_current = conditional::is_current(req.headers(), &etag);
    let mut response = if is_current { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response
        .insert_header((header::CACHE_CONTROL, worker.caching_of(poll).header()))
        .insert_header((header::ETAG, etag));
    caching::name(&mut response, [poll]);
    if is_current {
        return Ok(response.finish());
    }
    let picture = picture_of(&worker, card, hash).await?;
    response.insert_header((header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE)));
    Ok(response.body(picture))
}

/// A picture, drawn if it is not there; the hash is the card's.
pub(super) async fn picture_of(worker: &Worker, card: Card, hash: [u8; 32]) -> Result<web::Bytes, Problem> {
    worker.shared.drawn_cards.get_or_draw(card, hash).await.map_err(|why| match why {
        NoPicture::Busy => Problem::new(Code::Overloaded, "too many pictures wait to be drawn; ask again"),
        NoPicture::Failed => Problem::internal(why),
    })
}

/// Reads one of these names; the error's words follow the parameter's name.
pub(super) fn named<T: Copy>(names: &'static [(&'static str, T)]) -> impl FnOnce(&str) -> Result<T, String> {
    move |text| {
        let found = names.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
        let all = || names.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" or ");
        found.ok_or_else(|| format!("must be {}", all()))
    }
}
