//! What browsers allow pages of other origins to do here (CORS, <https://fetch.spec.whatwg.org/#http-cors-protocol>).
//!
//! - **What everyone may read**, and a new voter token, any page may ask for: `*`, which browsers accept for requests
//!   without cookies only. The answer is the same for all, so shared caches keep one, without `Vary`. This includes
//!   refusals: otherwise a page could not tell a missing poll from a failed network.
//! - **What concerns a ballot** ([`Callers::Listed`]): with the reader's cookie, for pages whose origin the poll's site
//!   lists; without it (so by token), if the site lists none, if the page has no origin, or if there is no such poll;
//!   otherwise not at all. These answers vary by `Origin`.
//! - **Everything else** is for programs, and for pages of this service's own origin.
//!
//! Only our own pages ever get a voter token for a cookie: `POST /v1/voters` names no poll whose site could vouch for
//! the page, and answers with the token of the voter in the cookie. Under `*` browsers neither send the cookie nor show
//! an answer to a request with it.
//!
//! This is the browser's half. A preflight is refused here; a request that comes anyway is refused by
//! [`crate::http::auth::origin::check`].

use actix_web::{
    HttpRequest, HttpResponse,
    dev::ServiceResponse,
    http::{
        Method, StatusCode,
        header::{self, HeaderMap, HeaderValue},
    },
    web,
};

use crate::http::{
    ReplicaState, Worker,
    auth::origin::{self, CallingPage},
    message::{path::poll_in_path, problem::Problem},
    pattern::{Callers, Pattern},
};

/// How long a browser may keep a preflight's answer, in seconds: two hours, the most that Chromium takes.
const MAX_AGE_SECS: HeaderValue = HeaderValue::from_static("7200");
/// Headers that pages may send beyond those that the Fetch standard always allows.
const ALLOWED_HEADERS: HeaderValue =
    HeaderValue::from_static("authorization, content-type, if-none-match, last-event-id, x-request-id");
/// Headers that pages may read beyond those.
const EXPOSED_HEADERS: HeaderValue =
    HeaderValue::from_static("content-disposition, etag, ratelimit, ratelimit-policy, retry-after, x-request-id");
const VARY: HeaderValue = HeaderValue::from_static("Origin");
const ANY: HeaderValue = HeaderValue::from_static("*");
const TRUE: HeaderValue = HeaderValue::from_static("true");

/// Whether a request is a preflight.
pub(in crate::http) fn is_preflight(headers: &HeaderMap) -> bool {
    headers.contains_key(header::ORIGIN) && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// `OPTIONS` on a route for pages: the allowed methods and headers. [`allow`] adds the origin later.
pub(in crate::http) async fn preflight(
    req: HttpRequest,
    worker: web::Data<Worker>,
    methods: String,
) -> Result<HttpResponse, Problem> {
    // The request that follows needs the poll. If the store does not answer, that request reports it.
    if let Some(Pattern { callers: Callers::Listed, .. }) = req.app_data::<Pattern>()
        && let Ok(id) = poll_in_path(&req)
    {
        let _ = worker.voting.poll(id).await;
    }
    Ok(HttpResponse::build(StatusCode::NO_CONTENT)
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, methods))
        .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, MAX_AGE_SECS))
        .finish())
}

/// Adds to an answer which pages may read it.
pub(in crate::http) fn allow<B>(response: &mut ServiceResponse<B>, shared: &ReplicaState) {
    let req = response.request();
    let Some(pattern) = req.app_data::<Pattern>().filter(|pattern| pattern.is_for_pages(req.method())) else { return };
    let (callers, method) = (pattern.callers, req.method().clone());
    let allowed = match callers {
        Callers::Programs => Allowed::Nobody,
        Callers::AnyPage => Allowed::Anybody,
        Callers::Listed => allowed_at_poll(req, shared),
    };
    let headers = response.headers_mut();
    if callers == Callers::Listed {
        headers.append(header::VARY, VARY);
    }
    match allowed {
        Allowed::Nobody if method != Method::OPTIONS => return,
        Allowed::Nobody => {
            // What the preflight's handler has added.
            for name in [
                header::ACCESS_CONTROL_ALLOW_METHODS,
                header::ACCESS_CONTROL_ALLOW_HEADERS,
                header::ACCESS_CONTROL_MAX_AGE,
            ] {
                headers.remove(name);
            }
            return;
        }
        Allowed::Anybody => _ = headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY),
        Allowed::This(origin) => {
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        }
    }
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS);
}

/// Who may read an answer.
enum Allowed {
    /// No page of another origin.
    Nobody,
    /// Any page, without cookies.
    Anybody,
    /// This origin, with cookies.
    This(HeaderValue),
}

fn allowed_at_poll(req: &HttpRequest, shared: &ReplicaState) -> Allowed {
    let Some(sent) = req.headers().get(header::ORIGIN) else { return Allowed::Nobody };
    // The poll as this replica knows it: it was read for this request, if the request got so far.
    let known = poll_in_path(req).ok().and_then(|id| shared.voting.poll_if_known(id));
    let Some(known) = known else { return Allowed::Anybody };
    match origin::page(req, &known.site, shared.public_url.as_ref()) {
        CallingPage::Listed => Allowed::This(sent.clone()),
        CallingPage::Welcome | CallingPage::Opaque => Allowed::Anybody,
        CallingPage::Strange | CallingPage::Unsaid => Allowed::Nobody,
    }
}
