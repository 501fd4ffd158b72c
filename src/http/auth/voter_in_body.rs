//! The voter that a request's body names. So a page needs no header for it, and no preflight.
//!
//! A page of another origin may send `text/plain` without a preflight (a CORS-safelisted type,
//! <https://fetch.spec.whatwg.org/#cors-safelisted-request-header>), and so may a form. Such a body must name its
//! voter; cookie and header are not read then. What a form sends is told by its end, and refused
//! ([`read_reader`](crate::http::message::body::read_reader)). [`origin`](super::origin) decides which pages may send it.

use std::{borrow::Cow, fmt};

use actix_web::HttpRequest;
use serde::{
    Deserialize, Deserializer,
    de::{self, value::MapAccessDeserializer},
};

use super::Carrier;
use crate::{
    http::{
        ReplicaState, auth,
        message::{
            body::BodyType,
            problem::{Code, FieldError, Problem},
        },
    },
    poll::{Timestamp, VoterId},
    voter::{FirstMade, Nonce, Voter},
};

/// The voter that a request is from.
#[derive(Debug, Clone, Copy)]
pub(in crate::http) struct RequestVoter {
    pub(in crate::http) voter: VoterId,
    /// Whether they come by a nonce, and have no token yet.
    pub(in crate::http) is_new: bool,
    /// Where their token was first made, if they show one.
    pub(in crate::http) first_made: Option<FirstMade>,
    pub(in crate::http) carrier: Carrier,
}

impl RequestVoter {
    /// One who shows a token.
    pub(in crate::http) fn known(voter: &Voter, carrier: Carrier) -> Self {
        Self { voter: voter.id, is_new: false, first_made: Some(voter.first_made), carrier }
    }

    /// Whether they have no token yet, or one that was first made on the day of this moment.
    pub(in crate::http) fn is_new_on_day(&self, now: Timestamp) -> bool {
        self.first_made.is_none_or(|first_made| first_made.is_of_day(now))
    }
}

/// A body's `voter`.
#[cfg_attr(test, derive(Debug))]
pub(in crate::http) enum NamedVoter<'a> {
    Token(Cow<'a, str>),
    Nonce(Nonce),
}

/// A body that may name its voter, and nothing else.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct VoterBody<'a> {
    #[serde(borrow, default, deserialize_with = "crate::http::message::body::given")]
    pub(in crate::http) voter: Option<NamedVoter<'a>>,
}

/// The voter that a request is from: named by its body, or, if that is JSON, by header or cookie. `shown` is the voter
/// of the header, if that was looked at already.
///
/// # Errors
/// `voter-required` if nobody is named, or a token is not valid; `invalid-request` if the body and a header name one.
pub(in crate::http) fn sender(
    req: &HttpRequest,
    shared: &ReplicaState,
    body_type: BodyType,
    named: Option<&NamedVoter<'_>>,
    shown: Option<Voter>,
) -> Result<RequestVoter, Problem> {
    let Some(named) = named else {
        if body_type == BodyType::Text {
            let detail = "a body of text/plain must name its voter: a token, or {\"nonce\": …} for a new one";
            return Err(Problem::new(Code::VoterRequired, detail));
        }
        let (voter, carrier) = match shown {
            Some(voter) => (voter, Carrier::Header),
            None => auth::voter(req.headers(), shared)?,
        };
        return Ok(RequestVoter::known(&voter, carrier));
    };
    if auth::shows_voter_token(req.headers()) {
        let detail = "must not be given beside a token in the Authorization header".to_owned();
        let error = FieldError { field: "voter".to_owned(), detail: detail.clone() };
        return Err(Problem::new(Code::InvalidRequest, format!("voter {detail}")).with_errors([error]));
    }
    // As with a header, a page can send JSON to another origin only if it was allowed to.
    let carrier = if body_type == BodyType::Text { Carrier::TextBody } else { Carrier::Header };
    Ok(match named {
        NamedVoter::Nonce(nonce) => RequestVoter { voter: nonce.voter(), is_new: true, first_made: None, carrier },
        NamedVoter::Token(token) => RequestVoter::known(&auth::voter_of(token, shared)?, carrier),
    })
}

impl<'de: 'a, 'a> Deserialize<'de> for NamedVoter<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct New<'a> {
            #[serde(borrow)]
            nonce: Cow<'a, str>,
        }

        struct TokenOrNonce;

        impl<'de> de::Visitor<'de> for TokenOrNonce {
            type Value = NamedVoter<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a voter token or {\"nonce\":…}")
            }

            fn visit_borrowed_str<E: de::Error>(self, token: &'de str) -> Result<Self::Value, E> {
                Ok(NamedVoter::Token(Cow::Borrowed(token)))
            }

            fn visit_str<E: de::Error>(self, token: &str) -> Result<Self::Value, E> {
                Ok(NamedVoter::Token(Cow::Owned(token.to_owned())))
            }

            fn visit_map<A: de::MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
                let New { nonce } = New::deserialize(MapAccessDeserializer::new(members))?;
                nonce.parse().map(NamedVoter::Nonce).map_err(|rule| de::Error::custom(format!("nonce {rule}")))
            }
        }

        deserializer.deserialize_any(TokenOrNonce)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::message::body::parse;

    #[test]
    fn a_voter_is_a_token_or_a_nonce_and_nothing_else() {
        let named = |text: &str| parse::<VoterBody<'_>>(text.as_bytes()).map(|body| body.voter.is_some());
        assert!(!named("{}").unwrap());
        assert!(named(r#"{"voter":"TOKEN"}"#).unwrap());
        assert!(named(r#"{"voter":{"nonce":"AAECAwQFBgcICQoLDA0ODw"}}"#).unwrap());
        for bad in [
            r#"{"voter":null}"#,
            r#"{"voter":7}"#,
            r#"{"voter":["TOKEN"]}"#,
            r#"{"voter":{}}"#,
            r#"{"voter":{"nonce":"short"}}"#,
            r#"{"voter":{"nonce":"AAECAwQFBgcICQoLDA0ODw","nonce":"AAECAwQFBgcICQoLDA0ODw"}}"#,
            r#"{"voter":{"nonce":"AAECAwQFBgcICQoLDA0ODw","token":"x"}}"#,
            r#"{"voter":"TOKEN","voter":"TOKEN"}"#,
            r#"{"voter":"TOKEN","choice":"="}"#,
        ] {
            assert_eq!(named(bad).err().map(|problem| problem.code()), Some(Code::InvalidRequest), "{bad}");
        }
    }
}
