//! Making polls and editing them.

use std::iter;

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};

use super::{
    desk::SiteDesk,
    offered::{offered, own_polls},
    page,
    posted::{self, Form},
    see,
};
use crate::{
    embed::language::Language,
    http::{
        Worker,
        message::{
            path::poll_in_path,
            problem::{Code, Problem},
            query::Query,
        },
        middleware::notes::note_outcome,
    },
    newsroom::{
        fields::number,
        frame::Section,
        make::{EditedPoll, FormFault, MakeNotice, MakePage, TypedOption, TypedPoll},
        offered::{OfferedPolls, shortened},
        texts::texts_of,
    },
    poll::{Poll, PollFields, PollId, Revision, State},
    publishing::{Created, ExpectedRevision, PublishError},
    secret::{KeyHash, hex, random_bytes},
    site::Scope,
    store::IdempotencyKey,
};

/// How many answers a form has room for at least.
const ROOM: usize = 2;
/// The most that it gives room for.
const MOST_ROOM: usize = 32;
/// How often an edit is tried if the poll changes meanwhile where the form does not.
const MOST_TRIES: usize = 4;

/// `GET /newsroom/sites/{site}/polls/new?from=`: an empty form, or one like a poll that there is.
pub(super) async fn start(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let desk = SiteDesk::with(&req, &worker, Scope::PollsWrite).await?;
    let mut query = Query::lenient(req.query_string())?;
    let from: Option<PollId> = query.take_meant("from", |id| id.parse().ok());
    let mut typed = TypedPoll::blank(desk.desk.language.tag(), &desk.site.settings.poll_defaults);
    if let Some(from) = from
        && let Some(poll) = desk.own_poll(&worker, from).await?
    {
        typed = TypedPoll::of(&poll, &desk.site.settings.timezone);
        forget_what_is_its_own(&mut typed);
    }
    show_new(&worker, &desk, StatusCode::OK, (&typed, ""), &[], None, &once()).await
}

/// `POST /newsroom/sites/{site}/polls/new`.
pub(super) async fn create(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    posted::take(&req, payload, &worker, Scope::PollsWrite, async |desk, form| {
        let (mut typed, once) = (typed(&form), form.text("once").unwrap_or_default().to_owned());
        let (asked, words) = (form.text("do").unwrap_or("more"), next_words(&form));
        if let Some(start) = asked.strip_prefix("start:") {
            begin_with(&mut typed, start);
            return show_new(&worker, &desk, StatusCode::OK, (&typed, words), &[], None, &once).await;
        }
        if !matches!(asked, "publish" | "draft") {
            if asked == "more" {
                make_room(&mut typed);
            }
            return show_new(&worker, &desk, StatusCode::OK, (&typed, words), &[], None, &once).await;
        }
        let now = worker.shared.clock.now();
        let new = match typed.new_poll(asked == "draft", &desk.site.settings.timezone, now) {
            Ok(new) => new,
            Err(faults) => return wrong_new(&req, &worker, &desk, (&typed, words), &faults, &once).await,
        };
        // The same form again is the same poll; another one is not.
        let key = IdempotencyKey {
            key: KeyHash::of(&format!("newsroom {once} {typed:?} {asked}")),
            request: KeyHash::of(""),
        };
        let site = Some(desk.site.id.clone());
        match worker.publishing.create_poll(&desk.publisher, site, (new, None), Some(&key)).await {
            Ok(Created { poll, .. }) => {
                note_outcome(&req, "created");
                Ok(see(&desk.path(&format!("/polls/{}", poll.id))))
            }
            Err(PublishError::Invalid(violations)) => {
                let faults = typed.faults(&violations);
                wrong_new(&req, &worker, &desk, (&typed, words), &faults, &once).await
            }
            Err(error) => Err(error.into()),
        }
    })
    .await
}

/// `GET /newsroom/sites/{site}/polls/{poll}/edit`.
pub(super) async fn edit(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let desk = SiteDesk::with(&req, &worker, Scope::PollsWrite).await?;
    let poll = desk.poll(&req, &worker).await?;
    let typed = TypedPoll::of(&poll, &desk.site.settings.timezone);
    let is_closed = poll.state_at(worker.shared.clock.now()) == State::Closed;
    let notice = is_closed.then_some(MakeNotice::Closed);
    show_edit(&worker, &desk, StatusCode::OK, &poll, (&typed, &typed, ""), &[], notice).await
}

/// `POST /newsroom/sites/{site}/polls/{poll}/edit`.
pub(super) async fn save(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    posted::take(&req, payload, &worker, Scope::PollsWrite, async |desk, form| {
        let Some(poll) = desk.own_poll(&worker, poll_in_path(&req)?).await? else {
            return gone(&req, &worker, &desk, &form).await;
        };
        let timezone = &desk.site.settings.timezone;
        let current = TypedPoll::of(&poll, timezone);
        let base =
            form.text("base").and_then(|json| serde_json::from_str(json).ok()).unwrap_or_else(|| current.clone());
        let revision = form.text("revision").and_then(|text| text.parse().ok()).map(Revision);
        let mut typed = typed(&form);
        let words = next_words(&form);
        let asked = form.text("do").unwrap_or("more");
        if asked != "save" {
            if asked == "more" {
                make_room(&mut typed);
            }
            return show_edit(&worker, &desk, StatusCode::OK, &poll, (&typed, &base, words), &[], None).await;
        }
        let wrong = Some(MakeNotice::Wrong);
        let edit = match typed.edit(&base, timezone, (&poll, worker.shared.clock.now())) {
            Ok(edit) => edit,
            Err(faults) => {
                let status = Code::InvalidPoll.status();
                return show_edit(&worker, &desk, status, &poll, (&typed, &base, words), &faults, wrong).await;
            }
        };
        let there = desk.path(&format!("/polls/{}", poll.id));
        if edit == PollFields::default() {
            return Ok(see(&there));
        }
        let (code, faults, notice) = match edit_at(&worker, &desk, (poll.id, &base), revision, edit).await {
            Ok(_) => {
                note_outcome(&req, "edited");
                return Ok(see(&there));
            }
            Err(PublishError::Invalid(violations)) => (Code::InvalidPoll, typed.faults(&violations), wrong),
            Err(PublishError::RevisionMismatch(_) | PublishError::RevisionRequired) => {
                let Some(poll) = desk.own_poll(&worker, poll.id).await? else {
                    return gone(&req, &worker, &desk, &form).await;
                };
                let theirs = TypedPoll::of(&poll, timezone);
                let notice = changed(&worker, &desk, (&theirs, &base), Vec::new()).await?;
                note_outcome(&req, Code::RevisionMismatch.as_str());
                let (status, both) = (Code::RevisionMismatch.status(), typed.onto(&base, &theirs));
                return show_edit(&worker, &desk, status, &poll, (&both, &theirs, words), &[], Some(notice)).await;
            }
            Err(PublishError::NoPoll) => return gone(&req, &worker, &desk, &form).await,
            Err(PublishError::HasBallots(_)) => (Code::RevisionMismatch, Vec::new(), Some(MakeNotice::HasBallots)),
            Err(PublishError::NotOpen(..)) => (Code::PollNotOpen, Vec::new(), Some(MakeNotice::Closed)),
            Err(error) => return Err(error.into()),
        };
        note_outcome(&req, code.as_str());
        show_edit(&worker, &desk, code.status(), &poll, (&typed, &base, words), &faults, notice).await
    })
    .await
}

/// A poll was deleted while it was edited: what was typed is shown in the form for a new one. Without what that form was opened
/// with, nobody was editing.
async fn gone(req: &HttpRequest, worker: &Worker, desk: &SiteDesk, form: &Form) -> Result<HttpResponse, Problem> {
    let base: Option<TypedPoll> = form.text("base").and_then(|json| serde_json::from_str(json).ok());
    let base = base.ok_or_else(Problem::no_poll)?;
    let mut typed = typed(form);
    typed.open_answer = base.open_answer;
    typed.options.iter_mut().for_each(|option| option.id.clear());
    (typed.reason, typed.correction) = (String::new(), false);
    // Nor does it open before it was made.
    let now = worker.shared.clock.now();
    if desk.site.settings.timezone.at_form_time(&typed.opens_at).is_some_and(|opens_at| opens_at <= now) {
        typed.opens_at = String::new();
    }
    note_outcome(req, Code::NotFound.as_str());
    let (status, notice) = (Code::NotFound.status(), Some(MakeNotice::Gone));
    show_new(worker, desk, status, (&typed, next_words(form)), &[], notice, &once()).await
}

/// Edits a poll as its form was filled in at a revision. What moves a revision may be no field of the form, as when an incident
/// is opened: then the edit is tried again at the revision in force, since there is nothing to look at before.
async fn edit_at(
    worker: &Worker,
    desk: &SiteDesk,
    (id, base): (PollId, &TypedPoll),
    mut revision: Option<Revision>,
    edit: PollFields,
) -> Result<Poll, PublishError> {
    let mut tries = 1;
    loop {
        let expected = ExpectedRevision { any_of: None, exactly: revision };
        let refused = match worker.publishing.edit_poll(&desk.publisher, id, &expected, edit.clone()).await {
            Err(refused @ PublishError::RevisionMismatch(_)) if tries < MOST_TRIES => refused,
            answered => return answered,
        };
        let poll = worker.publishing.poll(&desk.publisher, id).await?.ok_or(PublishError::NoPoll)?;
        if TypedPoll::of(&poll, &desk.site.settings.timezone) != *base {
            return Err(refused);
        }
        revision = Some(poll.revision);
        tries += 1;
    }
}

/// Leaves out what belongs to one poll alone, and neither to another like it nor to how it looks: times and ids.
pub(super) fn forget_what_is_its_own(typed: &mut TypedPoll) {
    (typed.opens_at, typed.closes_at) = (String::new(), String::new());
    typed.options.iter_mut().for_each(|option| option.id.clear());
}

async fn show_new(
    worker: &Worker,
    desk: &SiteDesk,
    status: StatusCode,
    (typed, words): (&TypedPoll, &str),
    faults: &[FormFault],
    notice: Option<MakeNotice>,
    once: &str,
) -> Result<HttpResponse, Problem> {
    let offered = next_polls(worker, desk, typed, words).await?;
    let (frame, timezone) = (desk.form_frame(Section::Polls, "make", Scope::PollsWrite), &desk.site.settings.timezone);
    let (edited, template) = (None, None);
    page::send(status, &MakePage { frame, typed, faults, notice, edited, template, offered, timezone, once })
}

async fn wrong_new(
    req: &HttpRequest,
    worker: &Worker,
    desk: &SiteDesk,
    typed: (&TypedPoll, &str),
    faults: &[FormFault],
    once: &str,
) -> Result<HttpResponse, Problem> {
    note_outcome(req, Code::InvalidPoll.as_str());
    show_new(worker, desk, Code::InvalidPoll.status(), typed, faults, Some(MakeNotice::Wrong), once).await
}

/// What somebody else has changed meanwhile, with the question of the poll that comes next; and what else they have
/// changed.
pub(super) async fn changed(
    worker: &Worker,
    desk: &SiteDesk,
    (theirs, base): (&TypedPoll, &TypedPoll),
    others: Vec<(&'static str, String)>,
) -> Result<MakeNotice, Problem> {
    let next = own_polls(worker, desk, theirs.next.parse().into_iter().collect()).await?;
    let mut changes = theirs.changes_since(base, desk.desk.language);
    for (_, value) in &mut changes {
        if let Some(poll) = value.parse().ok().and_then(|id| next.get(&id)) {
            *value = shortened(poll.question.as_str());
        }
    }
    changes.extend(others);
    Ok(MakeNotice::Changed(changes))
}

/// The words by which the poll that comes next is looked for.
pub(super) fn next_words(form: &Form) -> &str {
    form.text("next_words").unwrap_or_default()
}

/// The polls that may come next.
pub(super) async fn next_polls(
    worker: &Worker,
    desk: &SiteDesk,
    typed: &TypedPoll,
    words: &str,
) -> Result<OfferedPolls, Problem> {
    let chosen = own_polls(worker, desk, typed.next.parse().into_iter().collect()).await?;
    offered(worker, desk, words, &chosen).await
}

/// The form for a poll, with what was typed, and how the poll was when that was begun.
async fn show_edit(
    worker: &Worker,
    desk: &SiteDesk,
    status: StatusCode,
    poll: &Poll,
    (typed, base, words): (&TypedPoll, &TypedPoll, &str),
    faults: &[FormFault],
    notice: Option<MakeNotice>,
) -> Result<HttpResponse, Problem> {
    let offered = next_polls(worker, desk, typed, words).await?;
    // Not by the tally: not every editor sees it, and it leaves out what does not count.
    let has_ballots = worker.publishing.has_ballots(poll).await?;
    let id = poll.id.to_string();
    let edited = EditedPoll {
        id: &id,
        revision: poll.revision.0,
        base: serde_json::to_string(base).map_err(Problem::internal)?,
        has_ballots,
        is_open: poll.state_at(worker.shared.clock.now()) == State::Open,
    };
    let (frame, timezone) = (desk.form_frame(Section::Polls, "make", Scope::PollsWrite), &desk.site.settings.timezone);
    let (edited, template, once) = (Some(edited), None, "");
    page::send(status, &MakePage { frame, typed, faults, notice, edited, template, offered, timezone, once })
}

/// What stands in a form.
pub(super) fn typed(form: &Form) -> TypedPoll {
    let text = |name: &str| form.all(name).next().unwrap_or_default().replace("\r\n", "\n");
    let [mut ids, mut emoji, mut notes, mut images, mut alts] =
        ["option_id", "emoji", "note", "image_url", "image_alt"].map(|name| form.all(name));
    let mut options = Vec::new();
    let (mut correct, right) = (String::new(), number::<usize>(&text("correct")));
    let (mut filled, most) = (0, MOST_ROOM * 2);
    for (row, label) in (1..).zip(form.all("label")) {
        let place = options.len();
        let [id, emoji, note, image_url, image_alt] = [&mut ids, &mut emoji, &mut notes, &mut images, &mut alts]
            .map(|all| all.next().unwrap_or_default().to_owned());
        // Several lines that were pasted into one field are several answers.
        let mut lines = label.lines().map(str::trim).filter(|line| !line.is_empty());
        let first = lines.next().unwrap_or_default().to_owned();
        let of_row = TypedOption { id, emoji, label: first, note, image_url, image_alt };
        let others = lines.map(|line| TypedOption { label: line.to_owned(), ..TypedOption::default() });
        for option in iter::once(of_row).chain(others) {
            // No poll has as many as these, so it is refused all the same, and the rest need not be looked at.
            if filled == most {
                break;
            }
            if option.is_filled() {
                filled += 1;
            } else if options.len() >= most {
                continue;
            }
            options.push(option);
        }
        if right == Some(row) && place < options.len() {
            correct = (place + 1).to_string();
        }
    }
    TypedPoll {
        kind: text("kind"),
        question: text("question"),
        language: text("language"),
        options,
        low_label: text("low_label"),
        high_label: text("high_label"),
        open_answer: form.has("open_answer"),
        min_choices: text("min_choices"),
        max_choices: text("max_choices"),
        results: text("results"),
        changeable: form.has("changeable"),
        opens_at: text("opens_at"),
        closes_at: text("closes_at"),
        article_url: text("article_url"),
        correct,
        explanation: text("explanation"),
        minimum_ballots: text("minimum_ballots"),
        display: text("display"),
        shuffle: form.has("shuffle"),
        asked_by: text("asked_by"),
        paid_by: text("paid_by"),
        licence: text("licence"),
        disclosure_note: text("disclosure_note"),
        thanks: text("thanks"),
        link_url: text("link_url"),
        link_label: text("link_label"),
        next: text("next"),
        reason: text("reason"),
        correction: form.has("correction"),
    }
}

/// Gives room for one more answer.
pub(super) fn make_room(typed: &mut TypedPoll) {
    let room = (typed.options.len() + 1).clamp(ROOM, MOST_ROOM);
    if typed.options.len() < room {
        typed.options.resize(room, TypedOption::default());
    }
}

/// Fills in what a poll often begins with, in the poll's own language. What was asked stays.
pub(super) fn begin_with(typed: &mut TypedPoll, start: &str) {
    let language = Language::for_poll(&typed.language);
    let Some(texts) = language.map(|language| &texts_of(language).make) else { return };
    let option = |(emoji, label): (&str, &String)| TypedOption {
        emoji: emoji.to_owned(),
        label: label.clone(),
        ..TypedOption::default()
    };
    let (kind, options): (&str, Vec<(&str, &String)>) = match start {
        "yes_no" => ("single", vec![("", &texts.yes), ("", &texts.no)]),
        "agree" => (
            "single",
            vec![("", &texts.agree), ("", &texts.rather_agree), ("", &texts.rather_disagree), ("", &texts.disagree)],
        ),
        "stars" => ("stars", Vec::new()),
        "reactions" => (
            "reaction",
            vec![
                ("👍", &texts.like),
                ("❤️", &texts.love),
                ("😂", &texts.laugh),
                ("😮", &texts.wow),
                ("😢", &texts.sad),
            ],
        ),
        _ => return,
    };
    kind.clone_into(&mut typed.kind);
    typed.options = options.into_iter().map(option).collect();
}

/// What tells one making of a poll from the next.
fn once() -> String {
    hex(&random_bytes::<16>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::newsroom::make::TypedField;

    fn sent(labels: &[&str], right: &str) -> TypedPoll {
        let label = |label: &&str| ("label".to_owned(), (*label).to_owned());
        let others = [("kind", "single"), ("question", "؟"), ("language", "ar"), ("correct", right)];
        let others = others.map(|(name, value)| (name.to_owned(), value.to_owned()));
        typed(&Form(labels.iter().map(label).chain(others).collect()))
    }

    #[test]
    fn of_more_answers_than_a_poll_can_have_only_so_many_are_kept_as_refuse_it() {
        let lines = "a\nb\n".repeat(30_000);
        for labels in [&[&*lines][..], &vec!["a"; 60_000], &[&*lines, &lines]] {
            let typed = sent(labels, "");
            assert_eq!(typed.options.len(), MOST_ROOM * 2);
            let now = "2026-11-29T12:00:00Z".parse().unwrap();
            let new = typed.new_poll(false, &"Asia/Kuwait".parse().unwrap(), now).unwrap();
            assert!(typed.faults_in(new, now).iter().any(|fault| fault.field == TypedField::Options));
        }
        // Behind any number of empty rows none is lost.
        let mut rows = vec![""; 60_000];
        rows.extend(["a", "b"]);
        let typed = sent(&rows, "60002");
        assert_eq!((typed.options.len(), &*typed.options[MOST_ROOM * 2].label), (MOST_ROOM * 2 + 2, "a"));
        assert_eq!(typed.correct, (MOST_ROOM * 2 + 2).to_string());
    }
}
