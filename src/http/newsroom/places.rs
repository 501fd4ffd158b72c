//! Places in a site's pages, and their calendars.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};

use super::{
    super::{
        Worker,
        notes::note_outcome,
        path::id_in_path,
        problem::{Code, Problem},
        query::Query,
        refusals::no_place,
    },
    desk::SiteDesk,
    page,
    posted::{self, Form},
    see,
};
use crate::{
    newsroom::{
        fields,
        frame::Section,
        places::{PlaceNotice, PlacePage, PlacePoll, PlaceRow, PlacesPage, TypedTurn},
        texts::{PlacesTexts, texts_of},
    },
    place::{MOST_TURNS, NewPlace, NewRotation, NewTurn, Place, PlaceId},
    poll::{PollId, Revision, State, TimeZone, Timestamp, Violation},
    publishing::{ExpectedRevision, PollsOrder, PollsQuery, PublishError},
    site::Scope,
};

/// How many of the newest polls can be put somewhere.
const MOST_OFFERED: usize = 100;

/// `GET /newsroom/sites/{site}/places`.
pub(super) async fn list(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let desk = SiteDesk::with(&req, &worker, Scope::PollsRead).await?;
    show_list(&worker, &desk, StatusCode::OK, ("", ""), None).await
}

/// `POST /newsroom/sites/{site}/places`: a new place, with nothing in it.
pub(super) async fn create(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    posted::take(&req, payload, &worker, Scope::PollsWrite, async |desk, form| {
        let (id, name) = (form.text("id").unwrap_or_default(), form.text("name"));
        let typed = (id, name.unwrap_or_default());
        let invalid = Code::InvalidRequest.status();
        let Ok(id) = id.parse::<PlaceId>() else {
            return show_list(&worker, &desk, invalid, typed, Some(PlaceFault::Wrong)).await;
        };
        let there = desk.path(&format!("/places/{id}"));
        let new = NewPlace { name: name.map(str::to_owned), ..NewPlace::default() };
        let expected = ExpectedRevision::default();
        match worker.publishing.put_place(&desk.publisher, &desk.site.id, id, &expected, &new).await {
            // One that is there already is not made anew.
            Ok(_) | Err(PublishError::RevisionRequired) => Ok(see(&there)),
            Err(PublishError::InvalidPlace(_)) => {
                show_list(&worker, &desk, invalid, typed, Some(PlaceFault::Wrong)).await
            }
            Err(PublishError::TooManyPlaces) => {
                show_list(&worker, &desk, StatusCode::CONFLICT, typed, Some(PlaceFault::Full)).await
            }
            Err(error) => Err(error.into()),
        }
    })
    .await
}

/// `GET /newsroom/sites/{site}/places/{place}`.
pub(super) async fn read(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let desk = SiteDesk::with(&req, &worker, Scope::PollsRead).await?;
    let id: PlaceId = id_in_path(&req, "place", no_place)?;
    let said = Query::lenient(req.query_string())?.take("said")?;
    let notice = said.filter(|said| said == "saved").map(|_| PlaceNotice::Saved);
    let place = worker.publishing.place(&desk.publisher, &desk.site.id, &id).await?;
    let typed = TypedPlace::of(&place, &desk.site.settings.timezone);
    show(&worker, &desk, StatusCode::OK, (&place, typed), notice).await
}

/// `POST /newsroom/sites/{site}/places/{place}`.
pub(super) async fn save(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    let id: PlaceId = id_in_path(&req, "place", no_place)?;
    posted::take(&req, payload, &worker, Scope::PollsWrite, async |desk, form| {
        let place = worker.publishing.place(&desk.publisher, &desk.site.id, &id).await?;
        let asked = form.text("do").unwrap_or_default();
        if asked == "delete" {
            // A calendar that is deleted by mistake is lost, so it is asked twice.
            let typed = TypedPlace::of(&place, &desk.site.settings.timezone);
            return show(&worker, &desk, StatusCode::OK, (&place, typed), Some(PlaceNotice::Deleting)).await;
        }
        let mut typed = TypedPlace::read(&form);
        if let Some(at) =
            asked.strip_prefix("remove:").and_then(|at| at.parse().ok()).filter(|at| *at < typed.turns.len())
        {
            typed.turns.remove(at);
        }
        let texts = &texts_of(desk.desk.language).places;
        let wrong = (Code::InvalidRequest.status(), Some(PlaceNotice::Wrong));
        let Some(new) = typed.new_place(&desk.site.settings.timezone, texts) else {
            return show(&worker, &desk, wrong.0, (&place, typed), wrong.1).await;
        };
        let exactly = form.text("revision").and_then(|text| text.parse().ok()).map(Revision);
        let expected = ExpectedRevision { any_of: None, exactly };
        match worker.publishing.put_place(&desk.publisher, &desk.site.id, id.clone(), &expected, &new).await {
            Ok(_) => {
                note_outcome(&req, "edited");
                Ok(see(&desk.path(&format!("/places/{id}?said=saved"))))
            }
            Err(PublishError::InvalidPlace(violations)) => {
                typed.note(&violations, texts);
                show(&worker, &desk, wrong.0, (&place, typed), wrong.1).await
            }
            Err(PublishError::RevisionMismatch(_) | PublishError::RevisionRequired) => {
                // The calendar as it is now, and what was to be added.
                let now = TypedPlace::of(&place, &desk.site.settings.timezone);
                let both = TypedPlace { added: typed.added, ..now };
                let (status, notice) = (Code::RevisionMismatch.status(), Some(PlaceNotice::Changed));
                show(&worker, &desk, status, (&place, both), notice).await
            }
            Err(error) => Err(error.into()),
        }
    })
    .await
}

/// `POST /newsroom/sites/{site}/places/{place}/delete`.
pub(super) async fn delete(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    let id: PlaceId = id_in_path(&req, "place", no_place)?;
    posted::take(&req, payload, &worker, Scope::PollsWrite, async |desk, _| {
        worker.publishing.delete_place(&desk.publisher, &desk.site.id, &id).await?;
        note_outcome(&req, "deleted");
        Ok(see(&desk.path("/places")))
    })
    .await
}

/// Why a new place is refused.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PlaceFault {
    Wrong,
    Full,
}

/// A place as it stands in the form.
struct TypedPlace {
    name: String,
    turns: Vec<TypedTurn>,
    added: TypedTurn,
    fallback: String,
    rotation: Vec<String>,
    every_minutes: String,
    is_rotation_wrong: bool,
}

impl TypedPlace {
    fn of(place: &Place, timezone: &TimeZone) -> Self {
        let plan = &place.plan;
        let turn = |turn: &crate::place::Turn| TypedTurn {
            poll: turn.poll.to_string(),
            from: timezone.form_time(turn.from),
            until: timezone.form_time(turn.until),
            ..TypedTurn::default()
        };
        let rotation = plan.rotation.as_ref();
        Self {
            name: plan.name.as_ref().map(ToString::to_string).unwrap_or_default(),
            turns: plan.calendar.iter().map(turn).collect(),
            added: TypedTurn::default(),
            fallback: plan.fallback.map(|poll| poll.to_string()).unwrap_or_default(),
            rotation: rotation.map(|it| it.polls.iter().map(ToString::to_string).collect()).unwrap_or_default(),
            every_minutes: rotation.map(|it| it.every_minutes.to_string()).unwrap_or_default(),
            is_rotation_wrong: false,
        }
    }

    fn read(form: &Form) -> Self {
        let text = |name: &str| form.all(name).next().unwrap_or_default().to_owned();
        let (mut from, mut until) = (form.all("turn_from"), form.all("turn_until"));
        let turns = form.all("turn_poll").take(MOST_TURNS).map(|poll| {
            let [from, until] = [&mut from, &mut until].map(|all| all.next().unwrap_or_default().to_owned());
            TypedTurn { poll: poll.to_owned(), from, until, ..TypedTurn::default() }
        });
        Self {
            name: text("name"),
            turns: turns.collect(),
            added: TypedTurn {
                poll: text("added_poll"),
                from: text("added_from"),
                until: text("added_until"),
                ..TypedTurn::default()
            },
            fallback: text("fallback"),
            rotation: form.all("rotation").map(str::to_owned).collect(),
            every_minutes: text("every_minutes"),
            is_rotation_wrong: false,
        }
    }

    /// What is asked for; `None` if a time is none, which is noted at its entry.
    fn new_place(&mut self, timezone: &TimeZone, texts: &'static PlacesTexts) -> Option<NewPlace> {
        let mut calendar = Vec::new();
        let added = Some(&mut self.added).filter(|added| !added.poll.is_empty());
        for turn in self.turns.iter_mut().chain(added) {
            match (timezone.at_form_time(&turn.from), timezone.at_form_time(&turn.until)) {
                (Some(from), Some(until)) => calendar.push(NewTurn { poll: turn.poll.clone(), from, until }),
                _ => turn.wrong = Some(&texts.wrong_time),
            }
        }
        if self.turns.iter().chain([&self.added]).any(|turn| turn.wrong.is_some()) {
            return None;
        }
        let filled = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let rotation = (!self.rotation.is_empty()).then(|| NewRotation {
            polls: self.rotation.clone(),
            // What is no number is none of those that may be.
            every_minutes: fields::number(&self.every_minutes).unwrap_or_default(),
        });
        Some(NewPlace { name: filled(&self.name), calendar, fallback: filled(&self.fallback), rotation })
    }

    /// Says at its entry what was found wrong.
    fn note(&mut self, violations: &[Violation], texts: &'static PlacesTexts) {
        for Violation { field, .. } in violations {
            let at = field.strip_prefix("calendar[").and_then(|rest| rest.split_once("]."));
            let said: &'static str = match at.map(|(_, name)| name) {
                Some("until") => &texts.wrong_until,
                Some("poll") => &texts.wrong_poll,
                _ => &texts.wrong_overlap,
            };
            match at.and_then(|(at, _)| at.parse::<usize>().ok()) {
                Some(at) if at < self.turns.len() => {
                    if let Some(turn) = self.turns.get_mut(at) {
                        turn.wrong = Some(said);
                    }
                }
                Some(_) => self.added.wrong = Some(said),
                None => self.is_rotation_wrong |= field.starts_with("rotation"),
            }
        }
    }
}

async fn show_list(
    worker: &Worker,
    desk: &SiteDesk,
    status: StatusCode,
    typed: (&str, &str),
    refusal: Option<PlaceFault>,
) -> Result<HttpResponse, Problem> {
    let places = worker.publishing.places(&desk.publisher, &desk.site.id).await?;
    let (now, timezone) = (worker.shared.clock.now(), &desk.site.settings.timezone);
    let mut rows = Vec::with_capacity(places.len());
    for place in places {
        let standing = place.plan.at(now);
        rows.push(PlaceRow {
            id: place.id.to_string(),
            name: place.plan.name.as_ref().map_or_else(|| place.id.to_string(), ToString::to_string),
            now: match standing.poll.or(standing.fallback) {
                Some(poll) => Some(question(worker, desk, poll).await?),
                None => None,
            },
            until: standing.until.map(|until| timezone.minute_time(until)),
        });
    }
    let (is_wrong, is_full) = (refusal == Some(PlaceFault::Wrong), refusal == Some(PlaceFault::Full));
    page::send(
        status,
        &PlacesPage { frame: desk.frame(Section::Places), rows: &rows, timezone, typed, is_wrong, is_full },
    )
}

async fn show(
    worker: &Worker,
    desk: &SiteDesk,
    status: StatusCode,
    (place, mut typed): (&Place, TypedPlace),
    notice: Option<PlaceNotice>,
) -> Result<HttpResponse, Problem> {
    let (now, timezone) = (worker.shared.clock.now(), &desk.site.settings.timezone);
    let mut polls = offered(worker, desk).await?;
    let mut questions: BTreeMap<String, String> =
        polls.iter().map(|poll| (poll.id.clone(), poll.question.clone())).collect();
    let mut last: Option<Timestamp> = None;
    for turn in &mut typed.turns {
        if !questions.contains_key(&turn.poll) {
            let found = match turn.poll.parse() {
                Ok(poll) => question(worker, desk, poll).await?,
                Err(_) => turn.poll.clone(),
            };
            questions.insert(turn.poll.clone(), found);
        }
        turn.question = questions.get(&turn.poll).cloned().unwrap_or_default();
        let (from, until) = (timezone.at_form_time(&turn.from), timezone.at_form_time(&turn.until));
        turn.is_now = from.is_some_and(|from| from <= now) && until.is_some_and(|until| now < until);
        let gap = last.zip(from).filter(|(last, from)| last < from && *from > now);
        turn.gap = gap.map(|(last, from)| (timezone.minute_time(last), timezone.minute_time(from)));
        last = until.or(last);
    }
    // What stands when nothing else does may be older than those that are offered.
    for named in typed.rotation.iter().chain([&typed.fallback]).filter(|id| !id.is_empty()) {
        if let (false, Ok(poll)) = (polls.iter().any(|poll| poll.id == *named), named.parse()) {
            polls.push(PlacePoll { id: named.clone(), question: question(worker, desk, poll).await? });
        }
    }
    let id = place.id.to_string();
    let base = worker.shared.public_url.as_ref().map(ToString::to_string).unwrap_or_default();
    let code = format!(
        "<sawt-poll place=\"{id}\" site=\"{}\"></sawt-poll>\n<script async src=\"{base}/embed.js\"></script>",
        desk.site.id
    );
    let name = if typed.name.is_empty() { &id } else { &typed.name };
    page::send(
        status,
        &PlacePage {
            frame: desk.frame(Section::Places),
            id: &id,
            name,
            revision: place.revision.0,
            notice,
            turns: &typed.turns,
            added: &typed.added,
            fallback: &typed.fallback,
            rotation: &typed.rotation,
            every_minutes: &typed.every_minutes,
            is_rotation_wrong: typed.is_rotation_wrong,
            polls: &polls,
            code: &code,
            timezone,
        },
    )
}

/// The newest polls that readers can still vote in, or will.
async fn offered(worker: &Worker, desk: &SiteDesk) -> Result<Vec<PlacePoll>, Problem> {
    let site = desk.site.id.clone();
    let asked =
        PollsQuery { site, state: None, words: None, order: PollsOrder::Newest, start: None, limit: MOST_OFFERED };
    let listed = worker.publishing.polls(&desk.publisher, asked).await?;
    let can_stand = listed.polls.into_iter().filter(|(_, state)| *state != State::Closed);
    Ok(can_stand.map(|(poll, _)| PlacePoll { id: poll.id.to_string(), question: poll.question.to_string() }).collect())
}

/// A poll's question, or its id if it is gone.
async fn question(worker: &Worker, desk: &SiteDesk, id: PollId) -> Result<String, Problem> {
    let poll = desk.own_poll(worker, id).await?;
    Ok(poll.map_or_else(|| id.to_string(), |poll| poll.question.to_string()))
}
