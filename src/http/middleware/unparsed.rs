//! Refusals by the framework's parser: not an HTTP request, or one that could be read in two ways; too many headers; a
//! head that does not arrive.
//!
//! There is no request then, so no layer of the application sees it: the framework writes a bare status and closes the
//! connection. So the [connection](crate::net::connection) replaces that answer, where it is written, with the problem
//! that it means, which is logged and counted like any other.

use std::{rc::Rc, sync::Arc};

use actix_web::{HttpResponse, body::MessageBody as _};

use super::observe::{UnparsedResponder, X_REQUEST_ID};
use crate::{
    http::{
        ReplicaState,
        message::problem::{Code, Problem},
    },
    net::connection::AnswerOverride,
};

/// Replaces the parser's refusals by problems.
pub fn as_problems(shared: Arc<ReplicaState>) -> AnswerOverride {
    let responder = UnparsedResponder::new(shared);
    Rc::new(move |answer| {
        let (kept, problem) = refusal(answer)?;
        Some(write(kept, responder.respond(&problem)))
    })
}

/// What is kept of the parser's refusal, its status line and its date, and the problem that it means.
fn refusal(answer: &[u8]) -> Option<([&str; 2], Problem)> {
    // Most answers are successes.
    if answer.get(9) != Some(&b'4') {
        return None;
    }
    let text = str::from_utf8(answer).ok()?;
    let (status_line, headers) = text.strip_suffix("\r\n\r\n")?.split_once("\r\n")?;
    let (code, detail) = match status_line.strip_prefix("HTTP/1.")?.get(2..5)? {
        "400" => (Code::InvalidRequest, "this is no HTTP request, or one that can be read in two ways"),
        "408" => (Code::RequestTimeout, "the head of the request did not arrive within 10 seconds"),
        "431" => (Code::HeadersTooLarge, "the head of a request may have 96 headers and 128 KiB at most"),
        _ => return None,
    };
    // Every answer of the application has an id.
    let headers = headers.strip_prefix("content-length: 0\r\n").filter(|headers| !headers.contains(X_REQUEST_ID))?;
    // After earlier requests it says that the connection stays open. It does not.
    let date = headers.lines().find(|line| line.starts_with("date: "))?;
    Some(([status_line, date], Problem::new(code, detail)))
}

fn write([status_line, date]: [&str; 2], response: HttpResponse) -> Vec<u8> {
    let mut answer = format!("{status_line}\r\nconnection: close\r\n{date}\r\n").into_bytes();
    for (name, value) in response.headers() {
        answer.extend_from_slice(name.as_str().as_bytes());
        answer.extend_from_slice(b": ");
        answer.extend_from_slice(value.as_bytes());
        answer.extend_from_slice(b"\r\n");
    }
    // All problems have their whole body.
    let body = response.into_body().try_into_bytes().unwrap_or_default();
    answer.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
    answer.extend_from_slice(&body);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: &str = "content-length: 0\r\nconnection: close\r\ndate: Wed, 25 Nov 2026 22:18:32 GMT\r\n\r\n";

    fn code(answer: &str) -> Option<Code> {
        refusal(answer.as_bytes()).map(|(_, problem)| problem.code())
    }

    #[test]
    fn the_parsers_refusals_are_known_and_nothing_else_is_touched() {
        for (line, means) in [
            ("HTTP/1.1 400 Bad Request", Some(Code::InvalidRequest)),
            ("HTTP/1.0 400 Bad Request", Some(Code::InvalidRequest)),
            ("HTTP/1.1 408 Request Timeout", Some(Code::RequestTimeout)),
            ("HTTP/1.1 431 Request Header Fields Too Large", Some(Code::HeadersTooLarge)),
            ("HTTP/1.1 404 Not Found", None),
            ("HTTP/1.1 200 OK", None),
        ] {
            assert_eq!(code(&format!("{line}\r\n{REST}")), means, "{line}");
        }
        let line = "HTTP/1.1 400 Bad Request\r\n";
        assert_eq!(code(&format!("{line}content-length: 0\r\nx-request-id: 1\r\n\r\n")), None, "one of ours");
        assert_eq!(code(&format!("{line}content-length: 2\r\n\r\n{{}}")), None, "one with a body");
        for cut in ["", "HTTP/1.1 4", line, &format!("{line}content-length: 0\r\n")] {
            assert_eq!(code(cut), None, "{cut:?}");
        }
    }

    #[test]
    fn what_is_written_is_a_whole_answer() {
        // As it is after other requests on the connection.
        let answer = format!("HTTP/1.1 400 Bad Request\r\n{}", REST.replace("connection: close\r\n", ""));
        let (kept, problem) = refusal(answer.as_bytes()).unwrap();
        let written = String::from_utf8(write(kept, problem.respond("an-id"))).unwrap();
        let (head, body) = written.split_once("\r\n\r\n").unwrap();
        let lines: Vec<&str> = head.split("\r\n").collect();
        assert_eq!(lines.first(), Some(&"HTTP/1.1 400 Bad Request"));
        assert!(lines.contains(&"connection: close") && lines.contains(&"content-type: application/problem+json"));
        assert_eq!(head.matches("content-length").count(), 1);
        assert!(lines.contains(&format!("content-length: {}", body.len()).as_str()), "{head}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(body).unwrap()["request_id"], "an-id");
    }
}
