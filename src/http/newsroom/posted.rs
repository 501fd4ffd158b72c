//! Forms that editors send.

use std::borrow::Cow;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use url::form_urlencoded;

use super::{
    desk::{self, Desk, SiteDesk, frame_of_nobody, own_path},
    page,
};
use crate::{
    embed::language::Language,
    http::{
        Worker,
        auth::origin,
        message::{
            body,
            problem::{Code, Problem},
        },
        middleware::notes::note_outcome,
    },
    newsroom::{
        notice::NoticePage,
        sign_in::{DoorNotice, SignInPage},
        texts::texts_of,
    },
    site::Scope,
};

/// The most bytes of a form: a poll of 32 options in four-byte script, percent-encoded, fits.
const FORM_LIMIT: usize = 256 * 1024;

/// The name of the field in which every form brings its session's token.
pub(super) const FORM_TOKEN: &str = "form_token";
/// What a form asks for (`do`) that is only to be shown again.
const AGAIN: &str = "again";

/// A form's fields.
#[derive(Debug, Clone, Default)]
pub(super) struct Form(pub(super) Vec<(String, String)>);

impl Form {
    /// The first value of a field, without white space around it; `None` if it is missing or empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let first = self.0.iter().find(|(is, _)| is == name);
        first.map(|(_, value)| value.trim()).filter(|text| !text.is_empty())
    }

    /// All values of a field, as they are.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(is, _)| is == name).map(|(_, value)| value.as_str())
    }

    /// Whether a box is ticked, or a button of this name was pressed.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(is, _)| is == name)
    }

    /// Whether it is only to be shown again, as it is.
    pub(super) fn shows_again(&self) -> bool {
        self.text("do") == Some(AGAIN)
    }

    /// The language that was chosen around it. Such a form is not sent yet: it is shown again, in that language.
    fn take_language(&mut self) -> Option<&'static Language> {
        let spoken = self.text("speak").and_then(Language::find)?;
        self.0.retain(|(name, _)| name != "speak" && name != "do");
        self.0.push(("do".to_owned(), AGAIN.to_owned()));
        Some(spoken)
    }

    /// The form as a browser writes it, but for its token.
    fn written(&self) -> String {
        let fields = self.0.iter().filter(|(name, _)| name != FORM_TOKEN);
        form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
    }

    /// A form as it was [written](Self::written).
    pub(super) fn read(written: &str) -> Self {
        let fields = form_urlencoded::parse(written.as_bytes());
        Self(fields.map(|(name, value)| (name.into_owned(), Cow::into_owned(value))).collect())
    }
}

/// Reads a form that came from a page of the newsroom.
///
/// # Errors
/// `origin-refused`; what is wrong with the body.
pub(super) async fn read(req: &HttpRequest, payload: web::Payload, worker: &Worker) -> Result<Form, Problem> {
    let base = worker.shared.newsroom.as_ref().and_then(|newsroom| newsroom.base.as_ref());
    if !origin::is_same_origin(req, base) {
        return Err(Problem::new(Code::OriginRefused, "only a page of the newsroom may send this form"));
    }
    Ok(Form(body::read_form(req, payload, FORM_LIMIT).await?))
}

/// Does what a form of an editor at a site asks for, if they hold a scope there. If nobody is signed in any more, the store
/// is away or a quota is spent, the answer keeps what was typed.
///
/// # Errors
/// As [`read`]; `scope-missing`; what `act` refuses.
pub(super) async fn take<F>(
    req: &HttpRequest,
    payload: web::Payload,
    worker: &Worker,
    scope: Scope,
    act: impl FnOnce(SiteDesk, Form) -> F,
) -> Result<HttpResponse, Problem>
where
    F: Future<Output = Result<HttpResponse, Problem>>,
{
    let form = read(req, payload, worker).await?;
    let desk = SiteDesk::of(req, worker).await;
    answer(req, worker, form, desk, |desk| desk.require(scope), act).await
}

/// A form whose answer is a part of a page, and who has sent it: nothing is done by it, and nothing must be kept.
///
/// # Errors
/// As [`read`]; `key-required`; `origin-refused`; `scope-missing`.
pub(super) async fn take_for_part(
    req: &HttpRequest,
    payload: web::Payload,
    worker: &Worker,
    scope: Scope,
) -> Result<(SiteDesk, Form), Problem> {
    let form = read(req, payload, worker).await?;
    let desk = SiteDesk::unframed(req, worker).await?;
    desk.desk.require_own_form(&form)?;
    desk.require(scope)?;
    Ok((desk, form))
}

/// The same for a form of the operator's.
///
/// # Errors
/// As [`take`].
pub(super) async fn take_of_operator<F>(
    req: &HttpRequest,
    payload: web::Payload,
    worker: &Worker,
    act: impl FnOnce(Desk, Form) -> F,
) -> Result<HttpResponse, Problem>
where
    F: Future<Output = Result<HttpResponse, Problem>>,
{
    let form = read(req, payload, worker).await?;
    let desk = Desk::of(req, worker).await;
    answer(req, worker, form, desk, Desk::require_operator, act).await
}

/// Does what a form asks for at a desk, if that is open to its editor, who may do it; and keeps what was typed if not.
async fn answer<D: AsMut<Desk>, F>(
    req: &HttpRequest,
    worker: &Worker,
    mut form: Form,
    desk: Result<D, Problem>,
    require: impl FnOnce(&D) -> Result<(), Problem>,
    act: impl FnOnce(D, Form) -> F,
) -> Result<HttpResponse, Problem>
where
    F: Future<Output = Result<HttpResponse, Problem>>,
{
    let spoken = form.take_language();
    let mut desk = match desk {
        Ok(desk) => desk,
        Err(problem) => return keep(req, worker, &form, problem),
    };
    let who = desk.as_mut();
    if !who.is_own_form(form.text(FORM_TOKEN)) {
        return of_another_session(req, who, &form);
    }
    who.language = spoken.unwrap_or(who.language);
    require(&desk)?;
    let mut answer = keep_for_later(req, worker, &form, act(desk, form.clone()).await)?;
    if let Some(language) = spoken {
        desk::set_cookie(&mut answer, &desk::set_language(req, worker, language))?;
    }
    Ok(answer)
}

impl Desk {
    fn require_own_form(&self, form: &Form) -> Result<(), Problem> {
        if self.is_own_form(form.text(FORM_TOKEN)) {
            return Ok(());
        }
        Err(Problem::new(Code::OriginRefused, "the form is not from a page of this session"))
    }
}

/// A form of a page that was opened before somebody signed in again, in this browser: it does nothing by itself, and is kept
/// so that they can send it. One without any token is of no page.
fn of_another_session(req: &HttpRequest, desk: &Desk, form: &Form) -> Result<HttpResponse, Problem> {
    if form.text(FORM_TOKEN).is_none() {
        desk.require_own_form(form)?;
    }
    note_outcome(req, Code::OriginRefused.as_str());
    let mut form = form.clone();
    form.0.retain(|(name, _)| name != FORM_TOKEN);
    form.0.push((FORM_TOKEN.to_owned(), desk.own_token().to_owned()));
    let frame = frame_of_nobody(req, "/newsroom");
    let (texts, path) = (&texts_of(frame.language).notice, own_path(req));
    let again = Some((&*path, form.0.as_slice()));
    let page = NoticePage { frame, title: &texts.refused, message: &texts.other_session, again };
    page::send(StatusCode::FORBIDDEN, &page)
}

/// Keeps what was typed if it can be sent in a while.
fn keep_for_later(
    req: &HttpRequest,
    worker: &Worker,
    form: &Form,
    answered: Result<HttpResponse, Problem>,
) -> Result<HttpResponse, Problem> {
    match answered {
        Err(problem) if reason_to_wait(&problem).is_some() => keep(req, worker, form, problem),
        answered => answered,
    }
}

/// Keeps what was typed in a page from which it can be sent again.
fn keep(req: &HttpRequest, worker: &Worker, form: &Form, problem: Problem) -> Result<HttpResponse, Problem> {
    let path = own_path(req);
    // Without the store it is not known who is signed in; the token that came is sent again.
    let frame = frame_of_nobody(req, "/newsroom");
    if problem.code() == Code::KeyRequired {
        let kept = form.written();
        let (notice, provider) = (Some(DoorNotice::Ended), desk::provider(worker));
        let page = SignInPage { frame, notice, then: &path, kept: &kept, link: None, provider };
        return page::send(StatusCode::FORBIDDEN, &page);
    }
    let Some(reason) = reason_to_wait(&problem) else { return Err(problem) };
    let texts = &texts_of(frame.language).notice;
    let (title, message) = match reason {
        ReasonToWait::Store => (&texts.store, &texts.store_about),
        ReasonToWait::Quota => (&texts.quota, &texts.quota_kept),
    };
    note_outcome(req, problem.code().as_str());
    let page = NoticePage { frame, title, message, again: Some((&path, &form.0)) };
    wait(page::send(problem.code().status(), &page)?, &problem)
}

/// Why what was asked for can't be done now, and can in a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReasonToWait {
    /// The store does not answer.
    Store,
    /// A quota is spent.
    Quota,
}

/// Why a problem is one of this moment, if it is.
pub(super) fn reason_to_wait(problem: &Problem) -> Option<ReasonToWait> {
    if problem.is_the_stores() {
        return Some(ReasonToWait::Store);
    }
    (problem.code() == Code::QuotaExceeded).then_some(ReasonToWait::Quota)
}

/// The answer to what can't be done now, with when it can.
pub(super) fn wait(mut answer: HttpResponse, problem: &Problem) -> Result<HttpResponse, Problem> {
    if let Some(secs) = problem.retry_after_secs() {
        answer.headers_mut().insert(header::RETRY_AFTER, secs.into());
    }
    Ok(answer)
}
