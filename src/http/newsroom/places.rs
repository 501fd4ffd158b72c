//! Places in a site's pages, and their calendars.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};

use super::{
    desk::SiteDesk,
    offered::{offered, own_polls},
    page,
    posted::{self, Form},
    see,
};
use crate::{
    http::{
        Worker,
        auth::origin::public_address,
        message::{
            path::id_in_path,
            problem::{Code, Problem},
            query::Query,
            refusals::no_place,
        },
        middleware::notes::note_outcome,
    },
    newsroom::{
        faults,
        frame::Section,
        offered::shortened,
        places::{
            PlaceChange, PlaceFaults, PlaceNotice, PlacePage, PlaceReader, PlaceWeek, PlacesPage, PlannedPolls,
            TurnLine, TypedPlace, TypedTurn,
        },
        texts::{fill, texts_of},
    },
    place::{MOST_IN_ROTATION, MOST_TURNS, NewPlace, PLACE_NAME, Place, PlaceId},
    poll::{Poll, PollId, Revision, Timestamp},
    publishing::{ExpectedRevision, PublishError},
    site::Scope,
};

/// `GET /newsroom/sites/{site}/places?from=`: a week of all places, from a day on.
pub(super) async fn list(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let desk = SiteDesk::with(&req, &worker, Scope::PollsRead).await?;
    let timezone = &desk.site.settings.timezone;
    let first = Query::lenient(req.query_string())?.take_meant("from", |day| timezone.at_day(day));
    show_list(&worker, &desk, StatusCode::OK, (first, ("", "")), PlaceFaults::default()).await
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
        if form.shows_again() {
            return show_list(&worker, &desk, StatusCode::OK, (None, typed), PlaceFaults::default()).await;
        }
        let wrong_name = faults::text(name, PLACE_NAME, desk.desk.language).err();
        let (id, is_wrong_name) = (id.parse::<PlaceId>(), wrong_name.is_some());
        let faults = PlaceFaults { is_wrong: id.is_err(), wrong_name, is_full: false };
        let Some(id) = id.ok().filter(|_| !is_wrong_name) else {
            return show_list(&worker, &desk, Code::InvalidRequest.status(), (None, typed), faults).await;
        };
        let there = desk.path(&format!("/places/{id}"));
        let new = NewPlace { name: name.map(str::to_owned), ..NewPlace::default() };
        let expected = ExpectedRevision::default();
        match worker.publishing.put_place(&desk.publisher, &desk.site.id, id, &expected, &new).await {
            // One that is there already is not made anew.
            Ok(_) | Err(PublishError::RevisionRequired) => Ok(see(&there)),
            Err(PublishError::TooManyPlaces) => {
                let faults = PlaceFaults { is_full: true, ..faults };
                show_list(&worker, &desk, StatusCode::CONFLICT, (None, typed), faults).await
            }
            Err(error) => Err(error.into()),
        }
    })
    .await
}

/// `GET /newsroom/sites/{site}/places/{place}?from=&until=`: with the times of an entry that is about to be made.
pub(super) async fn read(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let desk = SiteDesk::with(&req, &worker, Scope::PollsRead).await?;
    let id: PlaceId = id_in_path(&req, "place", no_place)?;
    let timezone = &desk.site.settings.timezone;
    let mut query = Query::lenient(req.query_string())?;
    let notice = query.take("said")?.filter(|said| said == "saved").map(|_| PlaceNotice::Saved);
    let mut time = |name| query.take_meant(name, |text| timezone.at_form_time(text)).map(|at| timezone.form_time(at));
    let [from, until] = ["from", "until"].map(|name| time(name).unwrap_or_default());
    let place = worker.publishing.place(&desk.publisher, &desk.site.id, &id).await?;
    let base = TypedPlace::of(&place, timezone);
    let typed = TypedPlace { added: TypedTurn { from, until, ..TypedTurn::default() }, ..base.clone() };
    show((&req, &worker), &desk, StatusCode::OK, &place, PlaceForm { typed, base, words: "", notice }).await
}

/// `POST /newsroom/sites/{site}/places/{place}`. Of two editors at once the second is shown what the first did, and
/// loses nothing of what they typed.
pub(super) async fn save(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    let id: PlaceId = id_in_path(&req, "place", no_place)?;
    posted::take(&req, payload, &worker, Scope::PollsWrite, async |desk, form| {
        let mut place = worker.publishing.place(&desk.publisher, &desk.site.id, &id).await?;
        let timezone = &desk.site.settings.timezone;
        let base = form.text("base").and_then(TypedPlace::read);
        let base = base.unwrap_or_else(|| TypedPlace::of(&place, timezone));
        let mut typed = typed(&form);
        typed.keep_order(&base);
        // What the form was shown of: where it is not said, this can't be saved.
        let shown = form.text("revision").and_then(|text| text.parse().ok()).map(Revision);
        let words = form.text("words").unwrap_or_default();
        let of_form = |typed, notice| PlaceForm { typed, base: base.clone(), words, notice };
        place.revision = shown.unwrap_or(place.revision);
        let asked = form.text("do").unwrap_or_default();
        if asked == "delete" {
            // A calendar that is deleted by mistake is lost, so it is asked twice.
            return show((&req, &worker), &desk, StatusCode::OK, &place, of_form(typed, Some(PlaceNotice::Deleting)))
                .await;
        }
        if form.shows_again()
            || asked == "find"
            || (asked == "enter" && words != form.text("found").unwrap_or_default())
        {
            return show((&req, &worker), &desk, StatusCode::OK, &place, of_form(typed, None)).await;
        }
        if let Some(at) =
            asked.strip_prefix("remove:").and_then(|at| at.parse().ok()).filter(|at| *at < typed.turns.len())
        {
            typed.turns.remove(at);
        }
        let (language, now) = (desk.desk.language, worker.shared.clock.now());
        let (invalid, wrong) = (Code::InvalidRequest.status(), Some(PlaceNotice::Wrong));
        let Some(new) = typed.new_place(PlaceReader { kept: &place, timezone, language, now }) else {
            return show((&req, &worker), &desk, invalid, &place, of_form(typed, wrong)).await;
        };
        let expected = ExpectedRevision { any_of: None, exactly: shown };
        match worker.publishing.put_place(&desk.publisher, &desk.site.id, id.clone(), &expected, &new).await {
            Ok(_) => {
                note_outcome(&req, "edited");
                Ok(see(&desk.path(&format!("/places/{id}?said=saved"))))
            }
            Err(PublishError::InvalidPlace(violations)) => {
                typed.note(&violations, language);
                show((&req, &worker), &desk, invalid, &place, of_form(typed, wrong)).await
            }
            Err(PublishError::RevisionMismatch(_) | PublishError::RevisionRequired) => {
                note_outcome(&req, Code::RevisionMismatch.as_str());
                let now = worker.publishing.place(&desk.publisher, &desk.site.id, &id).await?;
                let theirs = TypedPlace::of(&now, timezone);
                let notice = Some(PlaceNotice::Changed(changes(&worker, &desk, theirs.changes_since(&base)).await?));
                let both = PlaceForm { typed: typed.onto(&base, &theirs), base: theirs, words, notice };
                show((&req, &worker), &desk, Code::RevisionMismatch.status(), &now, both).await
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

/// A place's form: what was typed, how the place was when that was begun, and what is told.
struct PlaceForm<'a> {
    typed: TypedPlace,
    base: TypedPlace,
    /// The words that polls are looked for by.
    words: &'a str,
    notice: Option<PlaceNotice>,
}

/// What stands in a form.
fn typed(form: &Form) -> TypedPlace {
    let text = |name: &str| form.all(name).next().unwrap_or_default().to_owned();
    let [mut from, mut until, mut was] = ["turn_from", "turn_until", "turn_was"].map(|name| form.all(name));
    let turns = form.all("turn_poll").take(MOST_TURNS).map(|poll| {
        let [from, until] = [&mut from, &mut until].map(|all| all.next().unwrap_or_default().to_owned());
        let was = was.next().and_then(|was| was.parse().ok());
        TypedTurn { poll: poll.to_owned(), from, until, was, wrong: None }
    });
    TypedPlace {
        name: text("name"),
        turns: turns.collect(),
        added: TypedTurn {
            poll: text("added_poll"),
            from: text("added_from"),
            until: text("added_until"),
            ..TypedTurn::default()
        },
        fallback: text("fallback"),
        // One more than there may be, so that too many are told of.
        rotation: form.all("rotation").take(MOST_IN_ROTATION + 1).map(str::to_owned).collect(),
        every_minutes: text("every_minutes"),
        ..TypedPlace::default()
    }
}

/// What somebody else has done, in words.
async fn changes(
    worker: &Worker,
    desk: &SiteDesk,
    changes: Vec<PlaceChange>,
) -> Result<Vec<(&'static str, String)>, Problem> {
    let texts = &texts_of(desk.desk.language).places;
    let named = changes.iter().flat_map(|change| match change {
        PlaceChange::Added(turn) | PlaceChange::Removed(turn) => vec![turn.poll.as_str()],
        PlaceChange::Fallback(poll) => vec![poll.as_str()],
        PlaceChange::Rotation(polls) => polls.iter().map(String::as_str).collect(),
        PlaceChange::Name(_) => Vec::new(),
    });
    let polls = own_polls(worker, desk, ids(named)).await?;
    let question = |id: &str| question_of(&polls, id);
    let turn = |turn: &TypedTurn| {
        let [from, until] = [&turn.from, &turn.until].map(|time| format!("\u{2066}{}\u{2069}", time.replace('T', " ")));
        format!("{} · {from} – {until}", shortened(&question(&turn.poll)))
    };
    let shown = |text: String| if text.is_empty() { "–".to_owned() } else { text };
    let told = changes.iter().map(|change| match change {
        PlaceChange::Added(added) => (&*texts.was_added, turn(added)),
        PlaceChange::Removed(removed) => (&*texts.was_removed, turn(removed)),
        PlaceChange::Name(name) => (&*texts.name, shown(name.clone())),
        PlaceChange::Fallback(poll) => (&*texts.else_legend, shown(question(poll))),
        PlaceChange::Rotation(polls) => {
            let questions: Vec<String> = polls.iter().map(|poll| shortened(&question(poll))).collect();
            (&*texts.rotation, shown(questions.join(" · ")))
        }
    });
    Ok(told.collect())
}

/// The ids among what a form names.
fn ids<'a>(named: impl Iterator<Item = &'a str>) -> Vec<PollId> {
    named.filter_map(|id| id.parse().ok()).collect()
}

/// A poll's question, or its id if it is gone.
fn question_of(polls: &BTreeMap<PollId, Poll>, id: &str) -> String {
    let poll = id.parse().ok().and_then(|id: PollId| polls.get(&id));
    poll.map_or_else(|| id.to_owned(), |poll| poll.question.to_string())
}

async fn show_list(
    worker: &Worker,
    desk: &SiteDesk,
    status: StatusCode,
    (first, typed): (Option<Timestamp>, (&str, &str)),
    faults: PlaceFaults,
) -> Result<HttpResponse, Problem> {
    let places = worker.publishing.places(&desk.publisher, &desk.site.id).await?;
    let (now, timezone) = (worker.shared.clock.now(), &desk.site.settings.timezone);
    let first = first.unwrap_or(now);
    let polls = own_polls(worker, desk, PlaceWeek::named(&places, first, timezone)).await?;
    let texts = &texts_of(desk.desk.language).places;
    let week = PlaceWeek::of(&places, &PlannedPolls { polls, now }, first, timezone, texts);
    let frame = desk.form_frame(Section::Places, "place", Scope::PollsWrite);
    page::send(status, &PlacesPage { frame, week: &week, timezone, typed, faults })
}

async fn show(
    (req, worker): (&HttpRequest, &Worker),
    desk: &SiteDesk,
    status: StatusCode,
    place: &Place,
    PlaceForm { typed, base, words, notice }: PlaceForm<'_>,
) -> Result<HttpResponse, Problem> {
    let (now, timezone) = (worker.shared.clock.now(), &desk.site.settings.timezone);
    let texts = &texts_of(desk.desk.language).places;
    let chosen = [&typed.added.poll, &typed.fallback].into_iter().chain(&typed.rotation).map(String::as_str);
    let chosen = own_polls(worker, desk, ids(chosen)).await?;
    let offered = offered(worker, desk, words, &chosen).await?;
    let polls = own_polls(worker, desk, ids(typed.turns.iter().map(|turn| turn.poll.as_str()))).await?;
    let planned = PlannedPolls { polls: polls.into_iter().chain(chosen).collect(), now };
    let warned =
        |poll: &str, times: (Timestamp, Timestamp)| planned.warning(poll.parse().ok()?, times, timezone, texts);
    let times = |turn: &TypedTurn| timezone.at_form_time(&turn.from).zip(timezone.at_form_time(&turn.until));
    // What is before now is over, planned or not.
    let mut reached = now;
    let lines = typed.turns.iter().map(|turn| {
        let times = times(turn);
        let gap = times.map(|(from, _)| (reached, from)).filter(|(reached, from)| reached < from);
        reached = times.map_or(reached, |(_, until)| reached.max(until));
        TurnLine {
            typed: turn,
            question: question_of(&planned.polls, &turn.poll),
            warning: times.and_then(|times| warned(&turn.poll, times)),
            gap: gap.map(|(from, until)| (timezone.minute_time(from), timezone.minute_time(until))),
            is_now: times.is_some_and(|(from, until)| from <= now && now < until),
        }
    });
    let lines: Vec<TurnLine<'_>> = lines.collect();
    let last_gap = (!lines.is_empty()).then(|| fill(&texts.from_then, &[("time", &timezone.minute_time(reached))]));
    let id = place.id.to_string();
    let base_url = public_address(req, worker);
    let code = format!(
        "<sawt-poll place=\"{id}\" site=\"{}\"></sawt-poll>\n<script async src=\"{base_url}/embed.js\"></script>",
        desk.site.id
    );
    let page = PlacePage {
        frame: desk.form_frame(Section::Places, "calendar", Scope::PollsWrite),
        id: &id,
        revision: place.revision.0,
        base: serde_json::to_string(&base).map_err(Problem::internal)?,
        notice,
        turns: &lines,
        last_gap,
        added_warning: times(&typed.added).and_then(|times| warned(&typed.added.poll, times)),
        fallback_question: shortened(&question_of(&planned.polls, &typed.fallback)),
        fallback_warning: warned(&typed.fallback, (now, Timestamp::LATEST)),
        offered: &offered,
        code: &code,
        timezone,
        typed: &typed,
    };
    page::send(status, &page)
}
