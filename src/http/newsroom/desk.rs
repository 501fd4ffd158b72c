//! Who asks for a page of the newsroom, and at which site.

use std::sync::Arc;

use actix_web::{
    HttpMessage as _, HttpRequest, HttpResponse,
    http::header::{self, HeaderValue, LanguageTag},
    rt,
};

use crate::{
    embed::language::Language,
    http::{
        Worker,
        message::{
            header_text::cookies,
            path::{id_in_path, poll_in_path},
            problem::{Code, Problem},
            refusals::no_site,
        },
        middleware::limits,
        pages::embed,
    },
    live::KnownTally,
    newsroom::{
        frame::{DeskView, Frame, Section},
        texts::texts_of,
    },
    oidc::IdentityProvider,
    poll::{Poll, PollId, SiteId, VoterId},
    publishing::Editor,
    quota::{QuotaName, Subject},
    secret::KeyHash,
    site::{Publisher, Scope, Site},
    voting::Asker,
};

/// What a session's cookie is called, after its prefix; without TLS, on the editor's own machine, it has none.
const COOKIE: &str = "sawt_session";
/// What says for some seconds that somebody was let in. It is kept without TLS too, which a session's cookie is not: so it is known, and
/// said, that the browser has dropped that.
const ENTERED_COOKIE: &str = "sawt_entered";
const ENTERED_SECS: u32 = 10;
const LANGUAGE_COOKIE: &str = "sawt_newsroom_language";
const YEAR_SECS: u32 = 365 * 24 * 60 * 60;

/// An editor at their work.
pub(super) struct Desk {
    pub(super) language: &'static Language,
    pub(super) editor: Editor,
    /// The sites they may go to, for a page that offers them.
    sites: Vec<Site>,
    /// What the forms of their pages send along.
    form_token: String,
    /// What they are called.
    name: String,
    path: String,
}

/// An editor at work on one site.
pub(super) struct SiteDesk {
    pub(super) desk: Desk,
    pub(super) site: Site,
    pub(super) publisher: Publisher,
    /// How many polls wait for them there, as far as is known.
    waiting: usize,
}

/// What a request has told of who sends it, for a page that refuses it: who is signed in goes on from there, or out.
pub(super) struct KnownDesk {
    name: String,
    form_token: String,
    is_operator: bool,
    at: Option<(Site, Publisher)>,
    /// Where they go on from there. Not where they were: at a site that is not theirs the page is the same as at none.
    path: String,
}

impl KnownDesk {
    /// What stands around such a page.
    pub(super) fn frame(&self, language: &'static Language) -> Frame<'_> {
        let desk = DeskView {
            name: &self.name,
            form_token: &self.form_token,
            site: self.at.as_ref().map(|(site, _)| site),
            publisher: self.at.as_ref().map(|(_, publisher)| publisher),
            sites: &[],
            waiting: 0,
            is_operator: self.is_operator,
        };
        Frame { language, section: Section::SignIn, desk: Some(desk), path: &self.path, form: None }
    }
}

impl Desk {
    /// Whoever is signed in.
    ///
    /// # Errors
    /// `key-required` if nobody is; what the store failed with.
    pub(super) async fn of(req: &HttpRequest, worker: &Worker) -> Result<Self, Problem> {
        let nobody = || Problem::new(Code::KeyRequired, "nobody is signed in");
        let held = held(req, worker).ok_or_else(nobody)?;
        let editor = worker.publishing.editor(&held).await?.ok_or_else(nobody)?;
        let language = language(req);
        let name = match &editor {
            Editor::Operator => texts_of(language).frame.operator.clone(),
            Editor::Key(key) => key.called(),
            Editor::Person(person) => person.name.to_string(),
        };
        let (form_token, path) = (form_token(&held), own_path(req));
        let desk = Self { language, editor, sites: Vec::new(), form_token, name, path };
        desk.note(req, None);
        limits::count(req, worker, QuotaName::Admin, &Subject::from(KeyHash::of(&held)))?;
        Ok(desk)
    }

    /// Notes on a request who sends it, and at which site.
    fn note(&self, req: &HttpRequest, at: Option<(Site, Publisher)>) {
        let (name, form_token, is_operator) = (self.name.clone(), self.form_token.clone(), self.editor.is_operator());
        let path =
            at.as_ref().map_or_else(|| "/newsroom".to_owned(), |(site, _)| format!("/newsroom/sites/{}", site.id));
        req.extensions_mut().insert(KnownDesk { name, form_token, is_operator, at, path });
    }

    /// Checks that they may do what only the operator may.
    ///
    /// # Errors
    /// `scope-missing`.
    pub(super) fn require_operator(&self) -> Result<(), Problem> {
        if self.editor.is_operator() {
            return Ok(());
        }
        Err(Problem::new(Code::ScopeMissing, "only the operator may do this"))
    }

    /// Whether a form has this session's token.
    pub(super) fn is_own_form(&self, sent: Option<&str>) -> bool {
        // Both are hashed, so that comparing takes the same time wherever they differ.
        sent.is_some_and(|sent| KeyHash::of(sent) == KeyHash::of(&self.form_token))
    }

    /// This session's token.
    pub(super) fn own_token(&self) -> &str {
        &self.form_token
    }

    /// What stands around a page outside of any site.
    pub(super) fn frame(&self, section: Section) -> Frame<'_> {
        let desk = DeskView {
            name: &self.name,
            form_token: &self.form_token,
            site: None,
            publisher: None,
            sites: &self.sites,
            waiting: 0,
            is_operator: self.editor.is_operator(),
        };
        Frame { language: self.language, section, desk: Some(desk), path: &self.path, form: None }
    }
}

impl AsMut<Desk> for Desk {
    fn as_mut(&mut self) -> &mut Desk {
        self
    }
}

impl AsMut<Desk> for SiteDesk {
    fn as_mut(&mut self) -> &mut Desk {
        &mut self.desk
    }
}

impl SiteDesk {
    /// Whoever is signed in, at the site in the path, for an answer with a frame around it: what that tells of other
    /// sites and of what waits is read too.
    ///
    /// # Errors
    /// As [`Desk::of`]; `not-found` if there is no such site, for them.
    pub(super) async fn of(req: &HttpRequest, worker: &Worker) -> Result<Self, Problem> {
        let mut desk = Self::unframed(req, worker).await?;
        desk.desk.sites = worker.publishing.sites_of(&desk.desk.editor).await?;
        let (waiting, is_due) = worker.publishing.known_waiting(&desk.site.id);
        desk.waiting = waiting;
        if is_due {
            // No page waits for that: the next one has the number, and finds polls by what was read.
            let (publishing, publisher, site) = (worker.publishing.clone(), desk.publisher.clone(), desk.site.clone());
            rt::spawn(async move {
                if let Err(error) = publishing.read_ahead(&publisher, &site).await {
                    tracing::debug!(site = %site.id, error = %error, "what editors will ask for could not be read");
                }
            });
        }
        Ok(desk)
    }

    /// The same, if they hold a scope there.
    ///
    /// # Errors
    /// As [`SiteDesk::of`], and `scope-missing`.
    pub(super) async fn with(req: &HttpRequest, worker: &Worker, scope: Scope) -> Result<Self, Problem> {
        let desk = Self::of(req, worker).await?;
        desk.require(scope)?;
        Ok(desk)
    }

    /// The same, for an answer that has no frame: a file, a stream, a part of a page that is asked for again and again.
    ///
    /// # Errors
    /// As [`SiteDesk::with`].
    pub(super) async fn for_part(req: &HttpRequest, worker: &Worker, scope: Scope) -> Result<Self, Problem> {
        let desk = Self::unframed(req, worker).await?;
        desk.require(scope)?;
        Ok(desk)
    }

    /// The same, for an answer that has no frame.
    ///
    /// # Errors
    /// As [`SiteDesk::of`].
    pub(super) async fn unframed(req: &HttpRequest, worker: &Worker) -> Result<Self, Problem> {
        let desk = Desk::of(req, worker).await?;
        let id: SiteId = id_in_path(req, "site", no_site)?;
        let publisher = desk.editor.publisher_at(&id).ok_or_else(no_site)?;
        let site = worker.publishing.site(&publisher, &id).await?;
        desk.note(req, Some((site.clone(), publisher.clone())));
        Ok(Self { desk, site, publisher, waiting: 0 })
    }

    /// Checks that they hold a scope.
    ///
    /// # Errors
    /// `scope-missing`.
    pub(super) fn require(&self, scope: Scope) -> Result<(), Problem> {
        if self.publisher.scopes().has(scope) {
            return Ok(());
        }
        Err(Problem::new(Code::ScopeMissing, format!("this needs the scope {}", scope.as_str())))
    }

    /// Notes how many polls wait for them there.
    pub(super) fn note_waiting(&mut self, count: usize) {
        self.waiting = count;
    }

    /// What stands around a page.
    pub(super) fn frame(&self, section: Section) -> Frame<'_> {
        let mut frame = self.desk.frame(section);
        if let Some(desk) = &mut frame.desk {
            (desk.site, desk.publisher) = (Some(&self.site), Some(&self.publisher));
            desk.waiting = self.waiting;
        }
        frame
    }

    /// The same, around the form of this id: what was typed there stays when another language is chosen. Who may not
    /// send it chooses as on any other page.
    pub(super) fn form_frame(&self, section: Section, form: &'static str, scope: Scope) -> Frame<'_> {
        let form = self.require(scope).is_ok().then_some(form);
        Frame { form, ..self.frame(section) }
    }

    /// The poll in the path, if it is one of this site's.
    ///
    /// # Errors
    /// `not-found`; what the store failed with.
    pub(super) async fn poll(&self, req: &HttpRequest, worker: &Worker) -> Result<Poll, Problem> {
        self.own_poll(worker, poll_in_path(req)?).await?.ok_or_else(Problem::no_poll)
    }

    /// A poll of this site, drafts included.
    ///
    /// # Errors
    /// What the store failed with.
    pub(super) async fn own_poll(&self, worker: &Worker, id: PollId) -> Result<Option<Poll>, Problem> {
        let poll = worker.publishing.poll(&self.publisher, id).await?;
        Ok(poll.filter(|poll| poll.site == self.site.id))
    }

    /// A poll's tally, if the editor may see it.
    ///
    /// # Errors
    /// What the store failed with.
    pub(super) async fn tally(&self, worker: &Worker, id: PollId) -> Result<Option<Arc<KnownTally>>, Problem> {
        let view = worker.voting.tally_for(&EditorAsker(&self.publisher), id, None).await?;
        Ok(view.and_then(|view| view.shown().ok()).map(|(snapshot, _)| snapshot))
    }

    /// Where a page of this site is: `path` begins with a slash.
    pub(super) fn path(&self, path: &str) -> String {
        format!("/newsroom/sites/{}{path}", self.site.id)
    }
}

/// An editor, as one who asks for a tally.
pub(super) struct EditorAsker<'a>(pub(super) &'a Publisher);

impl Asker for EditorAsker<'_> {
    type Error = Problem;

    fn known_publisher(&self) -> Option<&Publisher> {
        Some(self.0)
    }

    async fn publisher(&self) -> Result<Option<Publisher>, Problem> {
        Ok(None)
    }

    fn voter(&self) -> Result<Option<VoterId>, Problem> {
        Ok(None)
    }
}

/// What stands around a page for nobody in particular.
pub(super) fn frame_of_nobody<'a>(req: &HttpRequest, path: &'a str) -> Frame<'a> {
    Frame { language: language(req), section: Section::SignIn, desk: None, path, form: None }
}

/// What the browser holds of its session.
pub(super) fn held(req: &HttpRequest, worker: &Worker) -> Option<String> {
    cookie(req, &cookie_name(req, worker)).map(str::to_owned)
}

/// The cookie that begins a session. It goes with the browser's own; the store ends the session in any case.
pub(super) fn set_session(req: &HttpRequest, worker: &Worker, held: &str) -> String {
    format!("{}={held}; {}", cookie_name(req, worker), attributes(req, worker))
}

/// The cookie that says for some seconds that a session has begun, or not any more.
pub(super) fn set_entered(is_in: bool) -> String {
    let secs = if is_in { ENTERED_SECS } else { 0 };
    format!("{ENTERED_COOKIE}=1; Path=/newsroom; HttpOnly; SameSite=Lax; Max-Age={secs}")
}

/// Whether a session has just begun, and the browser has not kept what it holds of it.
pub(super) fn has_lost_session(req: &HttpRequest, worker: &Worker) -> bool {
    is_secure(req, worker) && cookie(req, ENTERED_COOKIE).is_some() && held(req, worker).is_none()
}

/// The cookie that ends it.
pub(super) fn clear_session(req: &HttpRequest, worker: &Worker) -> String {
    format!("{}=; {}; Max-Age=0", cookie_name(req, worker), attributes(req, worker))
}

/// A cookie with another name, for so many seconds. With 0 seconds the browser deletes it.
pub(super) fn set_short(req: &HttpRequest, worker: &Worker, name: &str, value: &str, secs: i64) -> String {
    format!("{}{name}={value}; {}; Max-Age={secs}", prefix(req, worker), attributes(req, worker))
}

/// What such a cookie holds.
pub(super) fn short(req: &HttpRequest, worker: &Worker, name: &str) -> Option<String> {
    cookie(req, &format!("{}{name}", prefix(req, worker))).map(str::to_owned)
}

/// What the provider that names editors is called, if there is one: empty if it has no name.
pub(super) fn provider(worker: &Worker) -> Option<&str> {
    worker.shared.identity_provider.as_ref().map(IdentityProvider::name)
}

/// The cookie that keeps a language.
pub(super) fn set_language(req: &HttpRequest, worker: &Worker, language: &Language) -> String {
    format!("{LANGUAGE_COOKIE}={}; {}; Max-Age={YEAR_SECS}", language.tag(), attributes(req, worker))
}

/// The language of whoever asks: the one they chose, or the first that their browser names. Arabic comes first.
pub(super) fn language(req: &HttpRequest) -> &'static Language {
    let chosen = cookie(req, LANGUAGE_COOKIE).and_then(Language::find);
    let named = || embed::accepted_languages(req).iter().map(LanguageTag::as_str).find_map(Language::find);
    let first = || Language::find("ar").or_else(|| Language::all().next());
    #[expect(clippy::expect_used, reason = "the languages are in the binary, and a test reads them")]
    chosen.or_else(named).or_else(first).expect("there is a language")
}

fn is_secure(req: &HttpRequest, worker: &Worker) -> bool {
    worker.shared.newsroom.as_ref().is_none_or(|newsroom| newsroom.is_secure(req))
}

fn cookie_name(req: &HttpRequest, worker: &Worker) -> String {
    format!("{}{COOKIE}", prefix(req, worker))
}

/// What browsers keep to this host alone, where they come by TLS.
fn prefix(req: &HttpRequest, worker: &Worker) -> &'static str {
    if is_secure(req, worker) { "__Host-" } else { "" }
}

fn attributes(req: &HttpRequest, worker: &Worker) -> &'static str {
    if is_secure(req, worker) { "Path=/; Secure; HttpOnly; SameSite=Lax" } else { "Path=/; HttpOnly; SameSite=Lax" }
}

fn cookie<'a>(req: &'a HttpRequest, name: &str) -> Option<&'a str> {
    cookies(req.headers()).find(|(is, _)| *is == name).map(|(_, value)| value)
}

/// What the forms of a session's pages send along. It says nothing of what the browser holds.
pub(super) fn form_token(held: &str) -> String {
    KeyHash::of(&format!("sawt newsroom form {held}")).to_hex()
}

/// The path of a request, with its query.
pub(super) fn own_path(req: &HttpRequest) -> String {
    req.uri().path_and_query().map_or_else(|| "/newsroom".to_owned(), ToString::to_string)
}

/// Has the browser keep a cookie.
pub(super) fn set_cookie(answer: &mut HttpResponse, cookie: &str) -> Result<(), Problem> {
    let cookie = HeaderValue::try_from(cookie).map_err(Problem::internal)?;
    answer.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(())
}
