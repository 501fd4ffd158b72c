//! What readers see, on the wire: the poll's page, its form for browsers without script, and the widget's files.
//!
//! A page is as strict as possible: it loads only its own script and style sheet; no inline style and no inline script
//! runs in it except one line ([`MARK_TOP`], by its hash); its forms go to this service; and only pages that the poll's
//! site lists may frame it (any, if it lists none). It is the same for everyone and caches may keep it, as tallies; the
//! form holds a voter token and is private.
//!
//! For people, refusals are pages too, in a language they read: [`refuse`] writes them, for every layer.

mod address;
mod card;
mod files;
mod form;
mod snapshot;

pub(in crate::http) use address::{ReaderPage, is_sought_by_people, lead_on};
pub(in crate::http) use card::card;
pub(in crate::http) use files::{article, file, loader, manifest, most_read, view};
pub(in crate::http) use form::{FormPoll, form, read_form, take_form, vote};
pub(in crate::http) use snapshot::{card as snapshot_card, page as snapshot_page};

use std::{
    collections::BTreeSet,
    sync::{Arc, LazyLock},
};

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    body::BoxBody,
    http::{
        Method, StatusCode,
        header::{self, AcceptLanguage, Header, HeaderName, HeaderValue, LanguageTag},
    },
    web,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::digest;

use crate::{
    embed::{
        digits::Digits,
        language::Language,
        look::{Look, Theme, style_sheet},
        page::{MARK_TOP, empty_place},
        refusal::{Reason, Refusal},
        shown_poll::{FollowedPlace, Mode, ShownPoll, Window},
    },
    http::{
        ReplicaState, Worker,
        message::{
            caching::{self, Caching},
            coding, conditional,
            path::poll_in_path,
            problem::{Code, Problem},
            query::Query,
        },
        pattern::Pattern,
        voting::articles,
    },
    live::{KnownTally, PollWithSite},
    poll::{CountedAnswer, Poll, SiteId, State, Viewer},
    secret::{first_bytes, hex},
    site::Site,
    wire::ReaderPosition,
};

/// The media type of every page.
pub(in crate::http) const HTML: &str = "text/html; charset=utf-8";

/// A form sends its origin only if its page allows that; other sites get no referrer.
const REFERRER: &str = "same-origin";

/// An isolated page (COEP) frames only pages with this header. All that a poll's page loads is its own, but for
/// pictures beside options: their servers need not know of any of this, and get no cookies.
fn isolated(poll: Option<&Poll>) -> (HeaderName, HeaderValue) {
    let loads_pictures = poll.is_some_and(|poll| poll.options.iter().any(|option| option.image.is_some()));
    let value = if loads_pictures { "credentialless" } else { "require-corp" };
    (HeaderName::from_static("cross-origin-embedder-policy"), HeaderValue::from_static(value))
}

/// `GET /embed/{poll}`: the poll's page, for a frame, a tab, or the widget, which takes the poll out of it.
pub(in crate::http) async fn page(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let id = match poll_in_path(&req) {
        Ok(id) => id,
        Err(missing) => return lead_on(&req, worker.shared.base_path(), missing),
    };
    let known = worker.voting.poll(id).await?;
    let seen = tally_for(Viewer::Everyone, &worker, &known, None).await?;
    let answers = answers_beside(&worker, seen.as_deref()).await?;
    page_of(&req, &worker, &known, (seen.as_deref(), &answers), Stands::Alone)
}

/// The page of a place in which a poll stands: the poll's, which says whose turn it is and until when.
pub(in crate::http) async fn page_of_place(
    req: &HttpRequest,
    worker: &Worker,
    known: &PollWithSite,
    place: &FollowedPlace,
) -> Result<HttpResponse, Problem> {
    let seen = tally_for(Viewer::Everyone, worker, known, None).await?;
    let answers = answers_beside(worker, seen.as_deref()).await?;
    page_of(req, worker, known, (seen.as_deref(), &answers), Stands::In(place))
}

/// The page of a place in which nothing stands, or of one that is not there.
pub(in crate::http) fn page_of_empty_place(
    req: &HttpRequest,
    worker: &Worker,
    site: &SiteId,
    place: &FollowedPlace,
    is_there: bool,
) -> Result<HttpResponse, Problem> {
    let body = empty_place(place, is_there, worker.shared.base_path()).map_err(Problem::internal)?;
    let mut response = HttpResponse::NotFound();
    if !is_there {
        response
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .insert_header((header::CONTENT_SECURITY_POLICY, policy(None, None)))
            .insert_header(isolated(None));
        return Ok(response.content_type(HTML).body(body));
    }
    response.status(StatusCode::OK);
    caching::name_site(&mut response, site, []);
    let caching = Caching::until(place.until, worker.shared.clock.now());
    Ok(send_page(req, worker, response, body, caching, None))
}

/// The page of an article's poll, made or not.
pub(in crate::http) async fn page_of_article(
    req: &HttpRequest,
    worker: &Worker,
    known: &PollWithSite,
) -> Result<HttpResponse, Problem> {
    let seen = tally_for(Viewer::Everyone, worker, known, None).await?;
    // An article's poll takes no words of its readers' own.
    page_of(req, worker, known, (seen.as_deref(), &[]), Stands::UnderArticle)
}

/// Where a page's poll stands.
#[derive(Clone, Copy)]
enum Stands<'a> {
    /// In a page of its own.
    Alone,
    /// In a place.
    In(&'a FollowedPlace),
    /// Under an article.
    UnderArticle,
}

/// The page of a poll, with what everyone sees of its tally, and beside it.
fn page_of(
    req: &HttpRequest,
    worker: &Worker,
    known: &PollWithSite,
    (seen, answers): (Option<&KnownTally>, &[CountedAnswer]),
    stands: Stands<'_>,
) -> Result<HttpResponse, Problem> {
    let place = match stands {
        Stands::In(place) => Some(place),
        Stands::Alone | Stands::UnderArticle => None,
    };
    let (look, _) = read_look(req)?;
    let poll = definition_of(known, seen);
    // Its readers have no stream that would bring them one.
    let mark =
        (!poll.is_made()).then(|| worker.shared.position_keys.mark(poll.id, worker.shared.clock.now()).to_string());
    let view = ShownPoll {
        poll,
        answers,
        state: state_of(worker, known, seen),
        tally: seen.map(|snapshot| &snapshot.tally),
        chosen: None,
        ticked: &[],
        winner: None,
        notice: None,
        look: &look,
        site: &known.site.settings,
        public_url: worker.shared.public_url.as_ref(),
        is_kept: poll.is_made(),
        is_by_article: matches!(stands, Stands::UnderArticle),
        mark: mark.as_deref(),
        place,
        mode: Mode::Script,
        window: Window::Frame,
    };
    let body = view.render().map_err(Problem::internal)?;
    let caching = match worker.caching_of(poll) {
        // It names the script and the style sheet of the version that wrote it, so it is never kept longer.
        Caching::Final => Caching::Shared { secs_left: u64::MAX },
        caching @ (Caching::Private | Caching::Shared { .. }) => caching,
    };
    let caching = match place {
        Some(place) => caching.and(Caching::until(place.until, worker.shared.clock.now())),
        None => caching,
    };
    let mut response = HttpResponse::Ok();
    caching::name(&mut response, [poll]);
    // A page is the same whatever its mark: whoever has one keeps that.
    let hash = match &mark {
        Some(mark) => blake3::hash(body.replace(mark.as_str(), "").as_bytes()),
        None => blake3::hash(body.as_bytes()),
    };
    Ok(send_page_of_hash(req, worker, response, (body, hash), caching, Some((&known.site, poll))))
}

/// Answers with a page that is the same for everyone; `of` is the poll in it, if there is one, and its site.
fn send_page(
    req: &HttpRequest,
    worker: &Worker,
    response: HttpResponseBuilder,
    body: String,
    caching: Caching,
    of: Option<(&Site, &Poll)>,
) -> HttpResponse {
    // The tag is a hash of the page, whatever it is made of.
    let hash = blake3::hash(body.as_bytes());
    send_page_of_hash(req, worker, response, (body, hash), caching, of)
}

/// The same with the hash of all that makes it another page.
fn send_page_of_hash(
    req: &HttpRequest,
    worker: &Worker,
    mut response: HttpResponseBuilder,
    (body, hash): (String, blake3::Hash),
    caching: Caching,
    of: Option<(&Site, &Poll)>,
) -> HttpResponse {
    let (site, poll) = of.unzip();
    let coding = coding::preferred(req.headers());
    let etag = coding::tag(&hex(&first_bytes::<8>(hash.into())), coding);
    let is_current = conditional::is_current(req.headers(), &etag);
    response
        .insert_header((header::CACHE_CONTROL, caching.header()))
        .insert_header((header::ETAG, etag))
        .insert_header((header::CONTENT_SECURITY_POLICY, policy(site, poll)))
        .insert_header((header::REFERRER_POLICY, site.map_or("no-referrer", |_| REFERRER)))
        .insert_header(isolated(poll));
    coding::vary(&mut response);
    if is_current {
        return response.status(StatusCode::NOT_MODIFIED).finish();
    }
    response.content_type(HTML);
    coding::send_shared(response, &worker.shared.compressed_pages, body, hash, coding)
}

/// What readers are shown beside a tally of each other's own words.
async fn answers_beside(worker: &Worker, seen: Option<&KnownTally>) -> Result<Arc<[CountedAnswer]>, Problem> {
    match seen {
        // Boxed, since few polls have any: keeps the common future small.
        Some(snapshot) if snapshot.poll.open_answer => Ok(Box::pin(worker.voting.shown_answers(snapshot)).await?),
        Some(_) | None => Ok(Arc::default()),
    }
}

/// Turns a refusal into a page, if there is a language for it.
pub(in crate::http) fn refuse(
    req: &HttpRequest,
    shared: &ReplicaState,
    problem: &Problem,
    written: HttpResponse,
) -> HttpResponse {
    // The way of refusing must not show that a hidden poll exists.
    let is_known = problem.code() != Code::NotFound;
    let known = poll_in_path(req).ok().filter(|_| is_known).and_then(|id| shared.voting.poll_if_known(id));
    let asked = Query::lenient(req.query_string()).ok().and_then(|mut query| query.take("lang").ok().flatten());
    let language = asked
        .and_then(|tag| Language::find(&tag))
        .or_else(|| known.as_deref().and_then(|known| Language::for_poll(known.poll.language.as_str())))
        .or_else(|| preferred_language(req));
    let code = problem.code();
    let is_polls = req.app_data::<Pattern>().is_some();
    let missing = if is_polls { Reason::Gone } else { Reason::Nowhere };
    let reasons = [
        (Code::NotFound, missing),
        (Code::NoTemplate, missing),
        (Code::ArticleNotAnnounced, missing),
        (Code::QuotaExceeded, Reason::Quota),
        (Code::OriginRefused, Reason::Refused),
    ];
    let reason = reasons.iter().find(|(is, _)| *is == code).map_or(Reason::Failed, |(_, reason)| *reason);
    let base_path = shared.base_path();
    // An article's form is where it was sent to.
    let is_sent = *req.method() == Method::POST && articles::is_named(req);
    let may_be_sent_again = is_sent && (problem.retry_after_secs().is_some() || code == Code::OriginRefused);
    let again = known.as_deref().map(|known| format!("{base_path}/embed/{}/form", known.poll.id));
    let again = again.or_else(|| may_be_sent_again.then(|| format!("{base_path}{}", req.uri())));
    // A page got by GET can load itself again.
    let refreshes = *req.method() == Method::GET;
    let Some(language) = language else { return written };
    let refusal = Refusal {
        base_path,
        language,
        reason,
        wait_secs: problem.retry_after_secs(),
        refreshes,
        again: again.as_deref(),
        window: window_of(req),
    };
    let Ok(body) = refusal.render() else { return written };
    let mut page = written.set_body(BoxBody::new(body));
    let headers = page.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(HTML));
    let (embedder, isolated) = isolated(None);
    headers.insert(embedder, isolated);
    if let Ok(policy) = HeaderValue::try_from(policy(known.as_deref().map(|known| &known.site), None)) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    page
}

/// The language a browser prefers among those there are.
pub(super) fn preferred_language(req: &HttpRequest) -> Option<&'static Language> {
    Language::best_of(accepted_languages(req).iter().map(LanguageTag::as_str))
}

/// The first languages that a browser names, the one it likes best first.
pub(in crate::http) fn accepted_languages(req: &HttpRequest) -> Vec<LanguageTag> {
    let accepted = AcceptLanguage::parse(req).map(|accepted| accepted.ranked()).unwrap_or_default();
    accepted.into_iter().take(16).filter_map(|tag| tag.item().cloned()).collect()
}

/// How a request's page will be shown, by what browsers send (Fetch Metadata). Without that, as in a frame.
fn window_of(req: &HttpRequest) -> Window {
    let is_document = req.headers().get("sec-fetch-dest").is_some_and(|dest| dest == "document");
    if is_document { Window::Tab } else { Window::Frame }
}

/// A page for one reader alone. It may hold their token, and is compressed all the same: nothing from a request is
/// repeated in it, so nobody can find the token by how well their guesses compress (BREACH).
fn private(req: &HttpRequest, status: StatusCode, site: &Site, view: &ShownPoll<'_>) -> Result<HttpResponse, Problem> {
    let body = view.render().map_err(Problem::internal)?;
    let mut response = HttpResponse::build(status);
    response
        .content_type(HTML)
        .insert_header((header::CACHE_CONTROL, caching::PRIVATE))
        .insert_header((header::CONTENT_SECURITY_POLICY, policy(Some(site), Some(view.poll))))
        .insert_header((header::REFERRER_POLICY, REFERRER))
        .insert_header(isolated(Some(view.poll)));
    coding::vary(&mut response);
    Ok(coding::send(response, body, coding::preferred(req.headers())))
}

/// The script in the page, as its policy names it.
static MARK_TOP_HASH: LazyLock<String> = LazyLock::new(|| hash_of(MARK_TOP));

/// What a policy names an element's text by (CSP 3, `hash-source`).
fn hash_of(text: &str) -> String {
    STANDARD.encode(digest::digest(&digest::SHA256, text.as_bytes()))
}

/// What a page may load and run, where its forms go, and who may frame it: the pages that the poll's site lists.
/// Without a known site, anybody: then the page holds nothing.
fn policy(site: Option<&Site>, poll: Option<&Poll>) -> String {
    let mut policy = format!("{}; frame-ancestors", loads(site, poll));
    match site.map_or(&[][..], |site| site.settings.origins.as_slice()) {
        [] => policy.push_str(" *"),
        origins => {
            policy.push_str(" 'self'");
            for origin in origins {
                policy.push(' ');
                policy.push_str(origin.as_str());
            }
        }
    }
    policy
}

/// What the page of a poll that nobody has published may load: it stands in the newsroom, and nowhere else.
pub(in crate::http) fn preview_policy(site: &Site, poll: &Poll) -> String {
    format!("{}; frame-ancestors 'self'", loads(Some(site), Some(poll)))
}

fn loads(site: Option<&Site>, poll: Option<&Poll>) -> String {
    let look = site.map_or_else(String::new, |site| site.settings.look.declarations());
    let style = if look.is_empty() { String::new() } else { format!(" 'sha256-{}'", hash_of(&style_sheet(&look))) };
    format!(
        "default-src 'none'; script-src 'self' 'sha256-{}'; style-src 'self'{style}; connect-src 'self'; \
         worker-src blob:; img-src data:{}; form-action 'self'; base-uri 'none'",
        *MARK_TOP_HASH,
        picture_origins(poll)
    )
}

/// Where the pictures beside a poll's options come from, each after a blank.
fn picture_origins(poll: Option<&Poll>) -> String {
    let images = poll.into_iter().flat_map(|poll| &poll.options).filter_map(|option| option.image.as_ref());
    let origins: BTreeSet<String> = images.map(|image| format!(" {}", image.origin())).collect();
    origins.into_iter().collect()
}

/// The page's look from the query, and the rest of the query. The reader did not write the address, so nothing in it is
/// refused: unknown or meaningless parameters are ignored, as those that trackers and caches add.
fn read_look(req: &HttpRequest) -> Result<(Look, Query), Problem> {
    let mut query = Query::lenient(req.query_string())?;
    let look = Look {
        language: query.take_meant("lang", Language::find),
        digits: query.take_meant("digits", Digits::meant).unwrap_or_default(),
        theme: query.take_meant("theme", Theme::meant).unwrap_or_default(),
        peek: query.take_meant("view", |name| name.trim().eq_ignore_ascii_case("results").then_some(true)).is_some(),
    };
    Ok((look, query))
}

/// The tally, at least as new as `seen` unless the store does not answer, if this viewer sees it.
async fn tally_for(
    viewer: Viewer,
    worker: &Worker,
    known: &PollWithSite,
    seen: Option<ReaderPosition>,
) -> Result<Option<Arc<KnownTally>>, Problem> {
    match worker.voting.visible(viewer, known, seen).await.map_err(Problem::from) {
        // A poll can be shown without its tally, which the page's stream brings later. A closed poll is its tally, and
        // a voter's page has no stream.
        Err(problem) if problem.is_the_stores() && viewer == Viewer::Everyone && !is_closed(worker, known) => Ok(None),
        shown => shown,
    }
}

fn is_closed(worker: &Worker, known: &PollWithSite) -> bool {
    known.poll.state_at(worker.shared.clock.now()) == State::Closed
}

/// The poll as its tally has it, so that a page belongs to one revision.
pub(super) fn definition_of<'a>(known: &'a PollWithSite, seen: Option<&'a KnownTally>) -> &'a Poll {
    seen.map_or(&*known.poll, |snapshot| &*snapshot.poll)
}

/// The poll's state: from its tally, by the store's clock, or else by this replica's clock.
pub(super) fn state_of(worker: &Worker, known: &PollWithSite, seen: Option<&KnownTally>) -> State {
    seen.map_or_else(|| known.poll.state_at(worker.shared.clock.now()), |snapshot| snapshot.tally.state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        poll::{SiteId, Timestamp},
        site::SiteSettings,
    };

    #[test]
    fn a_page_is_framed_by_whom_its_site_lists() {
        let site = |origins: &[&str]| Site {
            id: SiteId::default(),
            settings: SiteSettings {
                origins: origins.iter().map(|origin| origin.parse().unwrap()).collect(),
                ..SiteSettings::default()
            },
            created_at: Timestamp::EARLIEST,
            updated_at: Timestamp::EARLIEST,
        };
        for (policy, ancestors) in [
            (policy(None, None), "*"),
            (policy(Some(&site(&[])), None), "*"),
            (policy(Some(&site(&["https://news.example"])), None), "'self' https://news.example"),
            (
                policy(Some(&site(&["https://news.example", "http://localhost:3000"])), None),
                "'self' https://news.example http://localhost:3000",
            ),
        ] {
            assert_eq!(policy.split_once("frame-ancestors ").unwrap().1, ancestors);
            assert!(policy.starts_with("default-src 'none'; script-src 'self' 'sha256-"), "{policy}");
            assert!(!policy.contains("unsafe"), "{policy}");
        }
    }
}
