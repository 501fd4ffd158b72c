//! Signing in with a key or an address that does so once, and out; and the language.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};

use super::{
    desk::{self, Desk, frame_of_nobody},
    page,
    posted::{self, FORM_TOKEN, Form, ReasonToWait},
    see,
};
use crate::{
    embed::language::Language,
    http::{
        Worker,
        message::{
            problem::{Code, Problem},
            query::Query,
        },
        middleware::{limits, notes::note_outcome},
    },
    newsroom::{frame::first_page, notice::NoticePage, sign_in::SignInNotice, texts::texts_of},
    quota::{Decision, QuotaName, Subject},
    secret::Secret,
};

/// `GET /newsroom`: to the editor's first site.
pub(super) async fn home(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let desk = Desk::of(&req, &worker).await?;
    let sites = worker.publishing.sites_of(&desk.editor).await?;
    let there = sites.first().and_then(|site| desk.editor.publisher_at(&site.id).map(|as_whom| (site, as_whom)));
    match there {
        Some((site, as_whom)) => Ok(see(&format!("/newsroom/sites/{}{}", site.id, first_page(&as_whom.scopes())))),
        None => Err(Problem::new(Code::NotFound, "there is no site for this editor")),
    }
}

/// `GET /newsroom/sign-in?then=&link=`. Opening it does nothing yet: programs that look at links in messages open them
/// too.
pub(super) async fn ask(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let mut query = Query::lenient(req.query_string())?;
    let (then, link) = (query.take("then")?, query.take("link")?);
    let notice = match query.take("said")?.as_deref() {
        Some("signed-out") => Some(SignInNotice::SignedOut),
        Some(_) | None => desk::has_lost_session(&req, &worker).then_some(SignInNotice::NotKept),
    };
    show(&req, &worker, StatusCode::OK, notice, (then.as_deref().unwrap_or_default(), ""), link.as_deref())
}

/// `POST /newsroom/sign-in`.
pub(super) async fn enter(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    let form = posted::read(&req, payload, &worker).await?;
    let then = form.text("then").unwrap_or_default();
    let kept = form.text("kept").unwrap_or_default();
    if let Some(language) = form.text("speak").and_then(Language::find) {
        let notice = Some(SignInNotice::Ended).filter(|_| !kept.is_empty());
        let link = form.text("link");
        let mut answer = page::ask_to_sign_in((&req, &worker), language, StatusCode::OK, notice, (then, kept), link)?;
        desk::set_cookie(&mut answer, &desk::set_language(&req, &worker, language))?;
        return Ok(answer);
    }
    if form.has("by_session") {
        return match (Desk::of(&req, &worker).await, desk::held(&req, &worker)) {
            (Ok(_), Some(held)) => entered(&req, &worker, &Secret::new(held), (then, kept)),
            _ => show(&req, &worker, StatusCode::FORBIDDEN, Some(SignInNotice::Ended), (then, kept), None),
        };
    }
    // Taken before it is known whether the key is right, and given back if it was.
    let one_try = match Try::take(&req, &worker).await {
        Ok(one_try) => one_try,
        Err(problem) => return show_later(&req, &worker, problem, (then, kept), form.text("link")),
    };
    let (begun, refused) = match form.text("link") {
        Some(link) => (worker.publishing.sign_in_by_link(link).await, SignInNotice::UsedLink),
        None => (worker.publishing.sign_in(form.text("key").unwrap_or_default()).await, SignInNotice::WrongKey),
    };
    let begun = match begun {
        Ok(Some(begun)) => begun,
        Ok(None) => {
            note_outcome(&req, "wrong-key");
            return show(&req, &worker, StatusCode::FORBIDDEN, Some(refused), (then, kept), None);
        }
        Err(error) => {
            one_try.give_back();
            return show_later(&req, &worker, error.into(), (then, kept), form.text("link"));
        }
    };
    one_try.give_back();
    note_outcome(&req, "signed-in");
    entered(&req, &worker, &begun, (then, kept))
}

/// One of the tries that a client has in a minute.
pub(super) struct Try<'a> {
    worker: &'a Worker,
    client: Subject,
    is_spent: bool,
}

impl<'a> Try<'a> {
    /// Takes one.
    ///
    /// # Errors
    /// `quota-exceeded`.
    pub(super) async fn take(req: &HttpRequest, worker: &'a Worker) -> Result<Self, Problem> {
        let client = limits::subject(req, worker);
        let mut decision = worker.shared.quotas.admit(QuotaName::SignIn, &client);
        if let Decision::Undecided(undecided) = decision {
            decision = worker.voting.decide(undecided, &client).await;
        }
        Ok(Self { worker, client, is_spent: limits::admitted(req, decision)? })
    }

    /// It was no failure.
    pub(super) fn give_back(self) {
        if self.is_spent {
            self.worker.shared.quotas.give_back(QuotaName::SignIn, &self.client);
        }
    }
}

/// `POST /newsroom/sign-out`.
pub(super) async fn leave(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    let form = posted::read(&req, payload, &worker).await?;
    if let Some(held) = desk::held(&req, &worker) {
        let desk = Desk::of(&req, &worker).await;
        let is_others = desk.is_ok_and(|desk| !desk.is_own_form(form.text(FORM_TOKEN)));
        if is_others {
            return Err(Problem::new(Code::OriginRefused, "the form is not from a page of this session"));
        }
        worker.publishing.sign_out(&held).await?;
    }
    let mut there = see("/newsroom/sign-in?said=signed-out");
    desk::set_cookie(&mut there, &desk::clear_session(&req, &worker))?;
    desk::set_cookie(&mut there, &desk::set_entered(false))?;
    Ok(there)
}

/// `POST /newsroom/language`.
pub(super) async fn speak(
    req: HttpRequest,
    payload: web::Payload,
    worker: web::Data<Worker>,
) -> Result<HttpResponse, Problem> {
    let form = posted::read(&req, payload, &worker).await?;
    let language = form.text("language").and_then(Language::find);
    let language =
        language.ok_or_else(|| Problem::of_field(Code::InvalidRequest, "language", "must be one of the page's"))?;
    let mut there = see(own_page(form.text("back").unwrap_or_default()));
    desk::set_cookie(&mut there, &desk::set_language(&req, &worker, language))?;
    Ok(there)
}

/// Leads an editor who is in to where they were going. A form that they had sent is shown to be sent again, by
/// themselves: what they typed an hour ago may not be what they want now.
fn entered(
    req: &HttpRequest,
    worker: &Worker,
    begun: &Secret,
    (then, kept): (&str, &str),
) -> Result<HttpResponse, Problem> {
    let there = own_page(then);
    let mut answer = if kept.is_empty() {
        see(there)
    } else {
        let mut form = Form::read(kept);
        form.0.push((FORM_TOKEN.to_owned(), desk::form_token(begun.expose())));
        let frame = frame_of_nobody(req, "/newsroom");
        let texts = &texts_of(frame.language).notice;
        let page = NoticePage::keeping(frame, &texts.sent_again, &texts.sent_again_about, (there, &form.0));
        page::send(StatusCode::OK, &page)?
    };
    desk::set_cookie(&mut answer, &desk::set_session(req, worker, begun.expose()))?;
    desk::set_cookie(&mut answer, &desk::set_entered(true))?;
    Ok(answer)
}

pub(super) fn show(
    req: &HttpRequest,
    worker: &Worker,
    status: StatusCode,
    notice: Option<SignInNotice>,
    kept: (&str, &str),
    link: Option<&str>,
) -> Result<HttpResponse, Problem> {
    page::ask_to_sign_in((req, worker), desk::language(req), status, notice, kept, link)
}

/// The page once more, if signing in will work in a while: what is kept there must not be lost.
fn show_later(
    req: &HttpRequest,
    worker: &Worker,
    problem: Problem,
    kept: (&str, &str),
    link: Option<&str>,
) -> Result<HttpResponse, Problem> {
    let notice = match posted::reason_to_wait(&problem) {
        Some(ReasonToWait::Store) => SignInNotice::StoreAway,
        Some(ReasonToWait::Quota) => SignInNotice::TooManyTries,
        None => return Err(problem),
    };
    note_outcome(req, problem.code().as_str());
    Ok(posted::wait(show(req, worker, problem.code().status(), Some(notice), kept, link)?, &problem))
}

/// A path of the newsroom's own; nobody can be sent elsewhere by a link to where editors sign in.
pub(super) fn own_page(path: &str) -> &str {
    let is_own = path == "/newsroom" || path.starts_with("/newsroom/") || path.starts_with("/newsroom?");
    let is_plain = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_own && is_plain { path } else { "/newsroom" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_to_sign_in_leads_nowhere_but_into_the_newsroom() {
        for path in ["/newsroom", "/newsroom/sites/news/polls?cursor=x", "/newsroom?a"] {
            assert_eq!(own_page(path), path);
        }
        for path in ["", "https://evil.example", "//evil.example", "/embed/x", "/newsroomx", "/newsroom/\r\nX: y"] {
            assert_eq!(own_page(path), "/newsroom", "{path}");
        }
    }
}
