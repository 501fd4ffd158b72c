//! Refusals by the framework's parser: not an HTTP request, or one that could be read in two ways; too many headers; a
//! head that does not arrive.
//!
//! There is no request then, so no layer of the application sees it: the framework writes a bare status and closes the
//! connection. So the [connection](crate::net::connection) replaces that answer, where it is written, with the problem
//! that it means, which is logged and counted like any other.

use std::{rc::Rc, sync::Arc};

use actix_web::{HttpResponse, body::MessageBody as _};

use super::observe::UnparsedResponder;
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
        let ParserRefusal { earlier, kept, problem } = refusal(answer)?;
        Some([earlier, &*write(kept, responder.respond(&problem))].concat())
    })
}

/// The parser's refusal among what is written.
struct ParserRefusal<'a> {
    /// The answers to earlier requests before it.
    earlier: &'a [u8],
    /// What is kept of it: its status line and its date.
    kept: [&'a str; 2],
    /// The problem that it means.
    problem: Problem,
}

/// Finds the parser's refusal: a head alone, at the end, of nothing but a length, perhaps what becomes of the
/// connection, and the date. Every answer of the application has more headers.
fn refusal(written: &[u8]) -> Option<ParserRefusal<'_>> {
    // Most answers end with their bodies.
    let lines = written.strip_suffix(b"\r\n")?;
    let (lines, date) = last_line(lines).filter(|(_, line)| line.starts_with(b"date: "))?;
    let (before, line) = last_line(lines)?;
    // After earlier requests it says that the connection stays open. It does not.
    let (lines, length) = if line.starts_with(b"connection: ") { last_line(before)? } else { (before, line) };
    let (before, line) = last_line(lines).filter(|_| length == b"content-length: 0")?;
    // It may stand behind the body of an earlier answer.
    let at = line.windows(VERSION.len()).rposition(|part| part == VERSION)?;
    let status_line = str::from_utf8(line.get(at..)?).ok()?;
    let (code, detail) = match status_line.get(9..12)? {
        "400" => (Code::InvalidRequest, "this is no HTTP request, or one that can be read in two ways"),
        "408" => (Code::RequestTimeout, "the head of the request did not arrive within 10 seconds"),
        "431" => (Code::HeadersTooLarge, "the head of a request may have 96 headers and 128 KiB at most"),
        _ => return None,
    };
    let earlier = written.get(..before.len() + at)?;
    Some(ParserRefusal {
        earlier,
        kept: [status_line, str::from_utf8(date).ok()?],
        problem: Problem::new(code, detail),
    })
}

/// What a status line begins with, but for the number behind the dot.
const VERSION: &[u8] = b"HTTP/1.";

/// The last line, without its end, of lines that all have one; and those before it.
fn last_line(lines: &[u8]) -> Option<(&[u8], &[u8])> {
    let lines = lines.strip_suffix(b"\r\n")?;
    let begin = lines.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    lines.split_at_checked(begin)
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
        refusal(answer.as_bytes()).map(|refusal| refusal.problem.code())
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
        // Behind answers to earlier requests, with a body and without.
        for earlier in ["HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n{\n\u{fe} }", "HTTP/1.1 304 Not Modified\r\n\r\n"]
        {
            let written = format!("{earlier}{line}{REST}");
            let refusal = refusal(written.as_bytes()).unwrap();
            assert_eq!((refusal.earlier, refusal.problem.code()), (earlier.as_bytes(), Code::InvalidRequest));
            assert_eq!(refusal.kept, [line.trim(), "date: Wed, 25 Nov 2026 22:18:32 GMT"]);
        }
    }

    #[test]
    fn what_is_written_is_a_whole_answer() {
        // As it is after other requests on the connection.
        let answer = format!("HTTP/1.1 400 Bad Request\r\n{}", REST.replace("connection: close\r\n", ""));
        let ParserRefusal { kept, problem, .. } = refusal(answer.as_bytes()).unwrap();
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
