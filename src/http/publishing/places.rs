//! Places of sites: the calendars that editors fill, and what stands in a place now, which any page may ask.

use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, http::header, web};
use serde::{Deserialize, Serialize};

use crate::{
    embed::shown_poll::FollowedPlace,
    http::{
        Worker, auth,
        message::{
            body::{self, LooksLike, Object, given, whole},
            caching::{self, Caching},
            conditional,
            path::id_in_path,
            problem::Problem,
            query,
            refusals::{no_place, no_site},
        },
        pages::embed,
    },
    place::{NewPlace, NewRotation, NewTurn, Place, PlaceId, PlacePlan, Rotation, Turn},
    poll::{InvalidId, PollId, Revision, SiteId, Text, Timestamp},
    publishing::ExpectedRevision,
    secret::{first_bytes, hex},
    site::Scope,
    voting::VoteError,
};

/// `PUT /v1/sites/{site}/places/{place}`: makes a place, or replaces it in the revision that is named.
pub(in crate::http) async fn put(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    let publisher = auth::publisher_with(&req, &worker, Scope::PollsWrite).await?;
    let site: SiteId = id_in_path(&req, "site", no_site)?;
    let id = req.match_info().get("place").unwrap_or_default().parse();
    let id: PlaceId = id.map_err(|rule: InvalidId| query::refused("place", rule.to_string()))?;
    let bytes = body::read(&req, payload, body::CALENDAR_LIMIT).await?;
    let any_of = conditional::revisions_named(req.headers())?;
    let (exactly, new) = body::parse::<PlaceBody>(&bytes)?.into_new_place();
    let expected = ExpectedRevision { any_of, exactly };
    let (place, is_new) = worker.publishing.put_place(&publisher, &site, id, &expected, &new).await?;
    Ok(answer(if is_new { HttpResponse::Created() } else { HttpResponse::Ok() }, &place))
}

/// `GET /v1/sites/{site}/places/{place}`: a place with its calendar.
pub(in crate::http) async fn read(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let publisher = auth::publisher_with(&req, &worker, Scope::PollsRead).await?;
    let (site, id) = place_in_path(&req)?;
    let place = worker.publishing.place(&publisher, &site, &id).await?;
    Ok(answer(HttpResponse::Ok(), &place))
}

/// `GET /v1/sites/{site}/places`: all of them, since a site has few.
pub(in crate::http) async fn list(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let publisher = auth::publisher_with(&req, &worker, Scope::PollsRead).await?;
    let site: SiteId = id_in_path(&req, "site", no_site)?;
    let places = worker.publishing.places(&publisher, &site).await?;
    let items = places.iter().map(PlaceJson::of).collect();
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, caching::PRIVATE)).json(PlaceList { items }))
}

/// `DELETE /v1/sites/{site}/places/{place}`: the place with its calendar.
pub(in crate::http) async fn delete(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let publisher = auth::publisher_with(&req, &worker, Scope::PollsWrite).await?;
    let (site, id) = place_in_path(&req)?;
    worker.publishing.delete_place(&publisher, &site, &id).await?;
    Ok(HttpResponse::NoContent().insert_header((header::CACHE_CONTROL, caching::PRIVATE)).finish())
}

/// `GET /v1/sites/{site}/places/{place}/now`: what stands there, for everyone.
pub(in crate::http) async fn read_now(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let (site, id) = place_in_path(&req)?;
    let standing = worker.voting.place_now(&site, &id).await?;
    let poll = standing.poll.as_deref().map(|known| &*known.poll);
    let body = PlaceContentJson {
        site: &site,
        place: &id,
        poll: poll.map(|poll| poll.id),
        until: standing.until,
        next: standing.next,
    };
    let body = serde_json::to_string(&body).map_err(Problem::internal)?;
    let etag = format!("\"{}\"", hex(&first_bytes::<8>(blake3::hash(body.as_bytes()).into())));
    let is_current = conditional::is_current(req.headers(), &etag);
    let mut response = if is_current { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    let caching = Caching::until(standing.until, worker.shared.clock.now());
    response.insert_header((header::CACHE_CONTROL, caching.header())).insert_header((header::ETAG, etag));
    caching::name_site(&mut response, &site, poll);
    Ok(if is_current { response.finish() } else { response.content_type("application/json").body(body) })
}

/// `GET /embed/sites/{site}/places/{place}`: the page of what stands there, for a frame, or for the widget, which takes
/// the poll out of it. It is shown by script and without; with it, it changes when the turn ends.
pub(in crate::http) async fn read_page(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let (site, id) = place_in_path(&req)?;
    let mut mark = FollowedPlace { path: format!("/v1/sites/{site}/places/{id}/now"), until: None };
    match worker.voting.place_now(&site, &id).await {
        Ok(standing) => {
            mark.until = standing.until;
            match &standing.poll {
                Some(known) => embed::page_of_place(&req, &worker, known, &mark).await,
                None => embed::page_of_empty_place(&req, &worker, &site, &mark, true),
            }
        }
        // It may be made while pages that name it are open.
        Err(VoteError::NoPlace) => embed::page_of_empty_place(&req, &worker, &site, &mark, false),
        Err(refusal) => Err(refusal.into()),
    }
}

/// The site and the place that a path names.
fn place_in_path(req: &HttpRequest) -> Result<(SiteId, PlaceId), Problem> {
    Ok((id_in_path(req, "site", no_site)?, id_in_path(req, "place", no_place)?))
}

fn answer(mut response: HttpResponseBuilder, place: &Place) -> HttpResponse {
    response
        .insert_header((header::CACHE_CONTROL, caching::PRIVATE))
        .insert_header((header::ETAG, format!("\"{}\"", place.revision)))
        .json(PlaceJson::of(place))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlaceBody {
    #[serde(default, deserialize_with = "whole")]
    revision: Option<u64>,
    name: Option<String>,
    #[serde(default, deserialize_with = "given")]
    calendar: Option<Vec<Object<TurnBody>>>,
    fallback: Option<String>,
    rotation: Option<Object<RotationBody>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TurnBody {
    poll: String,
    from: Timestamp,
    until: Timestamp,
}

impl LooksLike for TurnBody {
    const EXAMPLE: &str = "{\"poll\": …, \"from\": …, \"until\": …}";
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RotationBody {
    polls: Vec<String>,
    #[serde(deserialize_with = "whole")]
    every_minutes: Option<u64>,
}

impl LooksLike for RotationBody {
    const EXAMPLE: &str = "{\"polls\": …, \"every_minutes\": …}";
}

impl PlaceBody {
    fn into_new_place(self) -> (Option<Revision>, NewPlace) {
        let turn = |Object(TurnBody { poll, from, until })| NewTurn { poll, from, until };
        let rotation = |Object(RotationBody { polls, every_minutes })| NewRotation {
            polls,
            every_minutes: every_minutes.unwrap_or_default(),
        };
        let new = NewPlace {
            name: self.name,
            calendar: self.calendar.unwrap_or_default().into_iter().map(turn).collect(),
            fallback: self.fallback,
            rotation: self.rotation.map(rotation),
        };
        (self.revision.map(Revision), new)
    }
}

#[derive(Serialize)]
struct PlaceList<'a> {
    items: Vec<PlaceJson<'a>>,
}

#[derive(Serialize)]
struct PlaceJson<'a> {
    id: &'a PlaceId,
    site: &'a SiteId,
    name: Option<&'a Text>,
    calendar: Vec<TurnJson>,
    fallback: Option<PollId>,
    rotation: Option<RotationJson<'a>>,
    revision: Revision,
    created_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(Serialize)]
struct TurnJson {
    poll: PollId,
    from: Timestamp,
    until: Timestamp,
}

#[derive(Serialize)]
struct RotationJson<'a> {
    polls: &'a [PollId],
    every_minutes: u32,
}

impl<'a> PlaceJson<'a> {
    fn of(place: &'a Place) -> Self {
        let Place { id, site, plan, revision, created_at, updated_at } = place;
        let PlacePlan { name, calendar, fallback, rotation } = plan;
        let turn = |Turn { poll, from, until }: &Turn| TurnJson { poll: *poll, from: *from, until: *until };
        let rotation = rotation.as_ref();
        Self {
            id,
            site,
            name: name.as_ref(),
            calendar: calendar.iter().map(turn).collect(),
            fallback: *fallback,
            rotation: rotation
                .map(|Rotation { polls, every_minutes }| RotationJson { polls, every_minutes: *every_minutes }),
            revision: *revision,
            created_at: *created_at,
            updated_at: *updated_at,
        }
    }
}

/// What stands in a place.
#[derive(Serialize)]
struct PlaceContentJson<'a> {
    site: &'a SiteId,
    place: &'a PlaceId,
    poll: Option<PollId>,
    until: Option<Timestamp>,
    next: Option<PollId>,
}
