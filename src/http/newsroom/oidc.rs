//! Signing in by an identity provider: there, and back.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};

use super::{
    desk, see,
    sign_in::{Try, own_page, show},
};
use crate::{
    http::{
        Worker,
        message::{
            problem::{Code, Problem},
            query::Query,
        },
        middleware::notes::note_outcome,
    },
    newsroom::sign_in::SignInNotice,
    oidc::{ATTEMPT_SECS, IdentityProvider, OidcError, SignInAttempt},
    secret::Secret,
};

/// What the browser keeps meanwhile.
const COOKIE: &str = "sawt_attempt";
/// After how long to try again if the provider does not answer.
const AWAY_SECS: u32 = 10;

/// `GET /newsroom/oidc/start?then=`: to the provider. It is a link and no form: what a form is led on to must be this
/// service.
pub(super) async fn start(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    let provider = provider(&worker)?;
    let then = Query::lenient(req.query_string())?.take("then")?.unwrap_or_default();
    let one_try = Try::take(&req, &worker).await?;
    let attempt = SignInAttempt::begin(worker.shared.clock.now(), own_page(&then));
    let address = provider.address(&attempt).await;
    // Nothing was tried yet, whether or not the provider answers.
    one_try.give_back();
    match address {
        Ok(address) => {
            let mut there = see(address.as_str());
            desk::set_cookie(&mut there, &desk::set_short(&req, &worker, COOKIE, &attempt.written(), ATTEMPT_SECS))?;
            Ok(there)
        }
        Err(error) => refused(&req, &worker, error, own_page(&then)),
    }
}

/// `GET /newsroom/oidc/callback?code=&state=&iss=`: back from there. Whatever comes of it, what the browser has kept is
/// used up by it.
pub(super) async fn callback(req: HttpRequest, worker: web::Data<Worker>) -> Result<HttpResponse, Problem> {
    provider(&worker)?;
    let mut query = Query::lenient(req.query_string())?;
    let (state, code) = (query.take("state")?.unwrap_or_default(), query.take("code")?);
    let issuer = query.take("iss")?;
    let attempt = desk::short(&req, &worker, COOKIE)
        .and_then(|written| SignInAttempt::read(&written, worker.shared.clock.now()))
        .filter(|attempt| attempt.is_of(&state));
    let then = attempt.as_ref().map_or("", SignInAttempt::then).to_owned();
    let recognised = match (&attempt, code) {
        (Some(attempt), Some(code)) => enter(&req, &worker, attempt, (&code, issuer.as_deref())).await?,
        (None, _) => Err(OidcError::Refused("the browser did not begin it".to_owned())),
        (Some(_), None) => Err(OidcError::Refused("the provider has sent no code".to_owned())),
    };
    let mut answer = match recognised {
        Ok(begun) => {
            note_outcome(&req, "signed-in");
            let mut there = see(own_page(&then));
            desk::set_cookie(&mut there, &desk::set_session(&req, &worker, begun.expose()))?;
            there
        }
        Err(error) => refused(&req, &worker, error, own_page(&then))?,
    };
    desk::set_cookie(&mut answer, &desk::set_short(&req, &worker, COOKIE, "", 0))?;
    Ok(answer)
}

/// Begins the session of whom a code names. As with keys a try is taken before it is known whether the code is right, and given
/// back if it was, or if the provider does not answer. Where this browser has begun nothing none is taken: any page can send it here.
async fn enter(
    req: &HttpRequest,
    worker: &Worker,
    attempt: &SignInAttempt,
    code: (&str, Option<&str>),
) -> Result<Result<Secret, OidcError>, Problem> {
    let provider = provider(worker)?;
    let one_try = Try::take(req, worker).await?;
    match provider.person(attempt, code, worker.shared.clock.now()).await {
        Ok(person) => {
            // The code was right, whether or not the store takes the session.
            one_try.give_back();
            Ok(Ok(worker.publishing.sign_in_person(person).await?))
        }
        Err(away @ OidcError::Away(_)) => {
            one_try.give_back();
            Ok(Err(away))
        }
        Err(refused @ (OidcError::TakesNone(_) | OidcError::Refused(_) | OidcError::NoRole(_))) => Ok(Err(refused)),
    }
}

fn provider(worker: &Worker) -> Result<&IdentityProvider, Problem> {
    let provider = worker.shared.identity_provider.as_ref();
    provider.ok_or_else(|| Problem::new(Code::NotFound, "editors sign in by keys here"))
}

/// Back where editors sign in, with the reason in words. The operator finds what was wrong in the log.
fn refused(req: &HttpRequest, worker: &Worker, error: OidcError, then: &str) -> Result<HttpResponse, Problem> {
    let (status, outcome, notice) = match error {
        OidcError::Away(why) | OidcError::TakesNone(why) => {
            tracing::warn!(why, "the identity provider can't be relied on; nobody is signed in by it now");
            (StatusCode::SERVICE_UNAVAILABLE, "provider-away", SignInNotice::ProviderAway)
        }
        OidcError::Refused(why) => {
            tracing::info!(why, "a sign-in by the identity provider is refused");
            (StatusCode::FORBIDDEN, "sign-in-refused", SignInNotice::ProviderRefused)
        }
        OidcError::NoRole(name) => (StatusCode::FORBIDDEN, "no-role", SignInNotice::NoRole(name.to_string())),
    };
    note_outcome(req, outcome);
    let mut answer = show(req, worker, status, Some(notice), (then, ""), None)?;
    if status == StatusCode::SERVICE_UNAVAILABLE {
        answer.headers_mut().insert(header::RETRY_AFTER, AWAY_SECS.into());
    }
    Ok(answer)
}
