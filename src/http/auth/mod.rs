//! Who asks: a reader with a voter token, or a publisher with a key.
//!
//! The answer does not say why a key was refused. [`voter_cookie`] is the cookie, [`voter_in_body`] a voter whom the
//! request's body names, [`origin`] which pages may vote.

pub(super) mod origin;
pub(super) mod voter_cookie;
pub(super) mod voter_in_body;

use actix_web::{
    HttpRequest,
    http::header::{self, HeaderMap},
};

use super::{
    ReplicaState, Worker,
    message::{
        header_text::ascii,
        problem::{Code, Problem},
    },
    middleware::limits,
};
use crate::{
    poll::{SiteId, VoterId},
    quota::{QuotaName, Subject},
    secret::KeyHash,
    site::{Publisher, Scope},
    voter::Voter,
    voting::Asker,
};

/// How a voter's token was sent. A page can only send a token it was given, but a browser sends cookies for any page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Carrier {
    /// `Authorization: Voter TOKEN`, or a JSON body: a page can send these to another origin only if it was allowed to.
    Header,
    /// A body of `text/plain`, which any page and any form may send.
    TextBody,
    Cookie,
}

/// The voter who asks; `None` if no token is shown. A token in the `Authorization` header wins over the cookie. An
/// invalid or expired cookie counts as none: its holder can't see it and did not choose to send it.
///
/// # Errors
/// `voter-required` if the header shows a token that is not valid.
pub(super) fn voter_if_any(headers: &HeaderMap, shared: &ReplicaState) -> Result<Option<(Voter, Carrier)>, Problem> {
    if let Some(voter) = voter_in_header(headers, shared)? {
        return Ok(Some((voter, Carrier::Header)));
    }
    let now = shared.clock.now();
    let voter = shared.voter_cookie.tokens(headers).find_map(|token| shared.token_keys.verify(token, now).ok());
    Ok(voter.map(|voter| (voter, Carrier::Cookie)))
}

/// The voter whose token the `Authorization` header shows; `None` if it shows none.
///
/// # Errors
/// `voter-required` if it is not valid.
pub(super) fn voter_in_header(headers: &HeaderMap, shared: &ReplicaState) -> Result<Option<Voter>, Problem> {
    credentials(headers, "Voter").map(|token| voter_of(token, shared)).transpose()
}

/// The voter whose token this is.
///
/// # Errors
/// `voter-required` if it is not valid.
pub(super) fn voter_of(token: &str, shared: &ReplicaState) -> Result<Voter, Problem> {
    let voter = shared.token_keys.verify(token, shared.clock.now());
    voter.map_err(|error| Problem::new(Code::VoterRequired, error.to_string()))
}

/// The voter who asks.
///
/// # Errors
/// `voter-required` if no valid token is shown.
pub(super) fn voter(headers: &HeaderMap, shared: &ReplicaState) -> Result<(Voter, Carrier), Problem> {
    voter_if_any(headers, shared)?.ok_or_else(|| {
        let detail = "name the voter in the body, as \"voter\": TOKEN or {\"nonce\": …} for a new one, or show a token as \
                      Authorization: Voter TOKEN or as the cookie";
        Problem::new(Code::VoterRequired, detail)
    })
}

/// The publisher who asks; `None` if no key is shown.
///
/// # Errors
/// `key-required` if the key is not one of ours; `quota-exceeded`; what the store failed with.
pub(super) async fn publisher_if_any(req: &HttpRequest, worker: &Worker) -> Result<Option<Publisher>, Problem> {
    let Some(text) = credentials(req.headers(), "Bearer") else { return Ok(None) };
    let hash = KeyHash::of(text);
    let publisher = worker.publishing.key_holder(text, hash).await?;
    let unknown = || Problem::new(Code::KeyRequired, "the API key is not one of ours, or was revoked");
    let publisher = publisher.ok_or_else(unknown)?;
    limits::count(req, worker, QuotaName::Admin, &Subject::from(hash))?;
    Ok(Some(publisher))
}

/// The publisher who asks.
///
/// # Errors
/// `key-required` if none is shown, or not one of ours; `quota-exceeded`; what the store failed with.
pub(super) async fn publisher(req: &HttpRequest, worker: &Worker) -> Result<Publisher, Problem> {
    publisher_if_any(req, worker)
        .await?
        .ok_or_else(|| Problem::new(Code::KeyRequired, "show an API key, as Authorization: Bearer KEY"))
}

/// The publisher who asks, if their key holds a scope.
///
/// # Errors
/// As [`publisher`], and `scope-missing`.
pub(super) async fn publisher_with(req: &HttpRequest, worker: &Worker, scope: Scope) -> Result<Publisher, Problem> {
    let publisher = publisher(req, worker).await?;
    if publisher.scopes().has(scope) {
        return Ok(publisher);
    }
    Err(Problem::new(Code::ScopeMissing, format!("this needs a key with the scope {}", scope.as_str())))
}

/// The sender of a request, as one who asks for a tally.
pub(super) struct RequestAsker<'a> {
    req: &'a HttpRequest,
    worker: &'a Worker,
    /// The voter whom the body names. Then neither header nor cookie says who asks.
    named: Option<VoterId>,
}

impl<'a> RequestAsker<'a> {
    pub(super) fn of(req: &'a HttpRequest, worker: &'a Worker) -> Self {
        Self { req, worker, named: None }
    }

    pub(super) fn naming(self, named: Option<VoterId>) -> Self {
        Self { named, ..self }
    }
}

impl Asker for RequestAsker<'_> {
    type Error = Problem;

    fn publisher(&self) -> impl Future<Output = Result<Option<Publisher>, Problem>> {
        publisher_if_any(self.req, self.worker)
    }

    fn voter(&self) -> Result<Option<VoterId>, Problem> {
        if self.named.is_some() {
            return Ok(self.named);
        }
        Ok(voter_if_any(self.req.headers(), &self.worker.shared)?.map(|(voter, _)| voter.id))
    }
}

/// The part after the scheme in the `Authorization` header; `None` if another scheme or no such header is there.
fn credentials<'a>(headers: &'a HeaderMap, scheme: &str) -> Option<&'a str> {
    let shown = ascii(headers.get(header::AUTHORIZATION)?)?;
    let (named, rest) = shown.split_at_checked(scheme.len())?;
    if named.eq_ignore_ascii_case(scheme) { rest.strip_prefix(' ').map(str::trim) } else { None }
}

/// Whether a publisher asks who may read what publishers alone are told about a site's results. Whoever is none, or
/// can't be looked up now, is answered as a reader.
pub(super) async fn may_read_results(req: &HttpRequest, worker: &Worker, site: &SiteId) -> bool {
    if credentials(req.headers(), "Bearer").is_none() {
        return false;
    }
    // Boxed, since few get there: keeps the common future small.
    let publisher = Box::pin(publisher_if_any(req, worker)).await;
    publisher.is_ok_and(|publisher| publisher.is_some_and(|publisher| publisher.may(Scope::ResultsRead, site)))
}

/// Whether a request shows a voter token in its `Authorization` header, valid or not.
pub(super) fn shows_voter_token(headers: &HeaderMap) -> bool {
    credentials(headers, "Voter").is_some()
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    fn headers(lines: &[(HeaderName, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name.clone(), HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn credentials_are_read_by_scheme() {
        let of = |value| headers(&[(header::AUTHORIZATION, value)]);
        assert_eq!(credentials(&of("Voter abc"), "Voter"), Some("abc"));
        assert_eq!(credentials(&of("voter  abc "), "Voter"), Some("abc"));
        assert_eq!(credentials(&of("Bearer abc"), "Voter"), None);
        assert_eq!(credentials(&of("Voter"), "Voter"), None);
        assert_eq!(credentials(&of("Voterabc"), "Voter"), None);
        assert_eq!(credentials(&HeaderMap::new(), "Voter"), None);
    }
}
