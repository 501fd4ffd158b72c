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
    newsroom::{frame::Frame, notice::NoticePage, sign_in::SignInNotice, texts::texts_of},
    site::Scope,
};

/// The most bytes of a form: a poll of 32 options in four-byte script, percent-encoded, fits.
const FORM_LIMIT: usize = 256 * 1024;

/// The name of the field in which every form brings its session's token.
pub(super) const FORM_TOKEN: &str = "form_token";
/// What a form asks for (`do`) that is only to be shown again.
const AGAIN: &str = "again";
/// The field by which a page that only keeps a form says so: [`NoticePage`].
const IS_KEPT: &str = "is_kept";

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

    /// The language that was chosen around it, and whether that was on a page that only keeps it. Such a form is not
    /// sent yet: it is shown again, in that language; by its own page, or by the one that keeps it.
    fn take_language(&mut self) -> Option<(&'static Language, bool)> {
        let is_kept = self.has(IS_KEPT);
        self.0.retain(|(name, _)| name != IS_KEPT);
        let spoken = self.text("speak").and_then(Language::find)?;
        self.0.retain(|(name, _)| name != "speak");
        if !is_kept {
            self.0.retain(|(name, _)| name != "do");
            self.0.push(("do".to_owned(), AGAIN.to_owned()));
        }
        Some((spoken, is_kept))
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

/// Does what a form of an editor at a site asks for, if they hold a scope there. If nobody is signed in any more, the
/// store is away or a quota is spent, the answer keeps what was typed.
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
    let chosen = form.take_language();
    let language = chosen.map_or_else(|| desk::language(req), |(language, _)| language);
    let mut answer = if chosen.is_some_and(|(_, is_kept)| is_kept) {
        let texts = &texts_of(language).notice;
        show_kept(req, language, StatusCode::OK, (&texts.not_sent, &texts.sent_again_about), &form)?
    } else {
        answer_in(req, worker, &form, (desk, language), require, act).await?
    };
    if chosen.is_some() {
        desk::set_cookie(&mut answer, &desk::set_language(req, worker, language))?;
    }
    Ok(answer)
}

/// The same in a language.
async fn answer_in<D: AsMut<Desk>, F>(
    req: &HttpRequest,
    worker: &Worker,
    form: &Form,
    (desk, language): (Result<D, Problem>, &'static Language),
    require: impl FnOnce(&D) -> Result<(), Problem>,
    act: impl FnOnce(D, Form) -> F,
) -> Result<HttpResponse, Problem>
where
    F: Future<Output = Result<HttpResponse, Problem>>,
{
    let mut desk = match desk {
        Ok(desk) => desk,
        Err(problem) => return keep(req, worker, language, form, problem),
    };
    let who = desk.as_mut();
    if !who.is_own_form(form.text(FORM_TOKEN)) {
        return of_another_session(req, language, who, form);
    }
    who.language = language;
    require(&desk)?;
    match act(desk, form.clone()).await {
        Err(problem) if reason_to_wait(&problem).is_some() => keep(req, worker, language, form, problem),
        answered => answered,
    }
}

impl Desk {
    fn require_own_form(&self, form: &Form) -> Result<(), Problem> {
        if self.is_own_form(form.text(FORM_TOKEN)) {
            return Ok(());
        }
        Err(Problem::new(Code::OriginRefused, "the form is not from a page of this session"))
    }
}

/// A form of a page that was opened before somebody signed in again, in this browser: it does nothing by itself, and is
/// kept so that they can send it. One without any token is of no page.
fn of_another_session(
    req: &HttpRequest,
    language: &'static Language,
    desk: &Desk,
    form: &Form,
) -> Result<HttpResponse, Problem> {
    if form.text(FORM_TOKEN).is_none() {
        desk.require_own_form(form)?;
    }
    note_outcome(req, Code::OriginRefused.as_str());
    let mut form = form.clone();
    form.0.retain(|(name, _)| name != FORM_TOKEN);
    form.0.push((FORM_TOKEN.to_owned(), desk.own_token().to_owned()));
    let texts = &texts_of(language).notice;
    show_kept(req, language, StatusCode::FORBIDDEN, (&texts.refused, &texts.other_session), &form)
}

/// Keeps what was typed in a page from which it can be sent again.
fn keep(
    req: &HttpRequest,
    worker: &Worker,
    language: &'static Language,
    form: &Form,
    problem: Problem,
) -> Result<HttpResponse, Problem> {
    if problem.code() == Code::KeyRequired {
        let (path, kept) = (own_path(req), form.written());
        let (status, notice) = (StatusCode::FORBIDDEN, Some(SignInNotice::Ended));
        return page::ask_to_sign_in((req, worker), language, status, notice, (&path, &kept), None);
    }
    let Some(reason) = reason_to_wait(&problem) else { return Err(problem) };
    let texts = &texts_of(language).notice;
    let said = match reason {
        ReasonToWait::Store => (&*texts.store, &*texts.store_about),
        ReasonToWait::Quota => (&*texts.quota, &*texts.quota_kept),
    };
    note_outcome(req, problem.code().as_str());
    // Without the store it is not known who is signed in; the token that came is sent again.
    Ok(wait(show_kept(req, language, problem.code().status(), said, form)?, &problem))
}

/// A page that keeps a form, and says why: a title, and a sentence or two.
fn show_kept(
    req: &HttpRequest,
    language: &'static Language,
    status: StatusCode,
    (title, message): (&str, &str),
    form: &Form,
) -> Result<HttpResponse, Problem> {
    let path = own_path(req);
    let frame = Frame { language, ..frame_of_nobody(req, "/newsroom") };
    page::send(status, &NoticePage::keeping(frame, title, message, (&path, &form.0)))
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
pub(super) fn wait(mut answer: HttpResponse, problem: &Problem) -> HttpResponse {
    if let Some(secs) = problem.retry_after_secs() {
        answer.headers_mut().insert(header::RETRY_AFTER, secs.into());
    }
    answer
}
