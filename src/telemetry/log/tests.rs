use std::{
    io::Write,
    sync::{
        Mutex,
        mpsc::{Receiver, Sender, channel},
    },
};

use super::*;
use crate::poll::Timestamp;

/// A reader of the log that says what it was handed, and takes nothing until it is let.
struct Wire {
    taken: Sender<Vec<u8>>,
    leave: Receiver<()>,
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.taken.send(bytes.to_vec());
        // An error means that the test lets everything pass.
        let _ = self.leave.recv();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn wire() -> (Wire, Receiver<Vec<u8>>, Sender<()>) {
    let ((taken, lines), (let_pass, leave)) = (channel(), channel());
    (Wire { taken, leave }, lines, let_pass)
}

fn clock() -> Clock {
    Clock::stopped_at("2026-11-23T18:00:00.007Z".parse::<Timestamp>().unwrap())
}

/// What a log writes while something happens under it.
fn logged(format: LogFormat, what: impl FnOnce()) -> String {
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let shared = Written::default();
    let sink = Sink::start(shared.clone(), format, clock());
    let lines = Lines { sink: sink.clone(), format, clock: clock() };
    tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), what);
    sink.end();
    String::from_utf8(shared.0.lock().unwrap().clone()).unwrap()
}

#[test]
fn a_text_line_can_be_read_alone() {
    let line = logged(LogFormat::Text, || {
        tracing::info!(target: "sawt::http", status = 201_u16, route = "/v1/polls/{poll}", empty = "", "vote counted");
    });
    assert_eq!(line, "2026-11-23T18:00:00.007Z INFO vote counted status=201 route=/v1/polls/{poll} empty=\"\"\n");
}

#[test]
fn a_json_line_is_one_flat_object() {
    let line = logged(LogFormat::Json, || {
        let error: &(dyn std::error::Error + 'static) = &io::Error::other("no\nroute");
        tracing::warn!(
            target: "sawt::store",
            error,
            share = 0.5,
            odd = f64::NAN,
            is_final = true,
            target = "mine",
            question = "هل \"تتوقع\"؟",
            shown = %"a\tb",
            "store \\ away"
        );
    });
    let value: serde_json::Value = serde_json::from_str(&line).unwrap();
    let expected = serde_json::json!({
        "timestamp": "2026-11-23T18:00:00.007Z", "level": "WARN", "target": "sawt::store", "message": "store \\ away",
        "error": "no\nroute", "share": 0.5, "odd": null, "is_final": true, "field.target": "mine",
        "question": "هل \"تتوقع\"؟", "shown": "a\tb",
    });
    assert_eq!(value, expected);
    assert_eq!(line.matches('\n').count(), 1);
    assert!(line.starts_with(
        "{\"timestamp\":\"2026-11-23T18:00:00.007Z\",\"level\":\"WARN\",\"target\":\"sawt::store\",\"message\":"
    ));
}

#[test]
fn the_line_about_a_request_is_that_of_an_event_with_its_fields() {
    let (method, route, status, outcome) = ("POST", "/v1/polls/{poll}/votes", 201_u16, "counted");
    let (duration_us, request_id) = (1_234_u64, "0193583c-8f7e-7c4b-9a54-0c4f6f6f2a10");
    for format in [LogFormat::Text, LogFormat::Json] {
        let event = logged(format, || {
            tracing::info!(
                target: REQUESTS,
                method, route, status, duration_us, outcome, request_id,
                "{method} {route} {status} {outcome}"
            );
        });
        let request = AnsweredRequest { method, route, status, duration_us, outcome, request_id };
        assert_eq!(logged(format, || log_request(&request)), event);
    }
}

#[test]
fn that_a_connection_comes_too_late_is_no_error() {
    let no_worker = || tracing::error!(target: "actix_server::accept", "No workers");
    let text = logged(LogFormat::Text, || {
        no_worker();
        note_stop();
        no_worker();
        tracing::error!(target: "sawt::store", "the store is gone");
    });
    let said: Vec<_> = text.lines().filter_map(|line| line.split_once("ERROR ")).map(|(_, said)| said).collect();
    assert_eq!(said, ["No workers", "the store is gone"]);
}

#[test]
fn no_value_can_forge_a_line_or_drive_a_terminal() {
    let forged = "x\n2026-11-23T18:00:00.000Z INFO all is well \u{1b}[2J \u{202e}\u{2028}\u{85} a=b";
    for format in [LogFormat::Text, LogFormat::Json] {
        let text = logged(format, || {
            tracing::info!(value = forged, debugged = ?forged, "{forged}");
        });
        assert_eq!(text.lines().count(), 1, "{text}");
        let is_harmless =
            |letter: char| letter == '\n' || !(letter.is_control() || "\u{202e}\u{2028}".contains(letter));
        assert!(text.chars().all(is_harmless), "{text:?}");
    }
}

#[test]
fn lines_gather_and_a_warning_goes_at_once() {
    let (wire, lines, let_pass) = wire();
    let sink = Sink::start(wire, LogFormat::Text, clock());
    sink.push(b"one\n", true);
    assert_eq!(lines.recv().unwrap(), b"one\n");
    // While the first is being written the others gather.
    sink.push(b"two\n", false);
    sink.push(b"three\n", true);
    drop(let_pass);
    assert_eq!(lines.recv().unwrap(), b"two\nthree\n");
    sink.push(b"four\n", false);
    assert_eq!(lines.recv().unwrap(), b"four\n", "a line that nobody hurries is written as well");
}

#[test]
fn a_stuck_reader_costs_lines_and_never_memory_and_hears_how_many() {
    let (wire, lines, let_pass) = wire();
    let sink = Sink::start(wire, LogFormat::Text, clock());
    sink.push(b"one\n", true);
    assert_eq!(lines.recv().unwrap(), b"one\n");
    let long = [b'x'; 1024];
    for _ in 0..sink::MAX_WAITING_BYTES / long.len() + 5 {
        sink.push(&long, false);
    }
    drop(let_pass);
    let batch = lines.recv().unwrap();
    let text = String::from_utf8_lossy(&batch);
    assert!(batch.len() < sink::MAX_WAITING_BYTES + 1024);
    assert!(text.ends_with("WARN 5 log lines were dropped: standard error was not read fast enough\n"), "{text:.200}");
}

#[test]
fn the_end_writes_what_waits() {
    let text = logged(LogFormat::Text, || {
        for number in 0..1000 {
            tracing::info!(number, "line");
        }
    });
    assert_eq!(text.lines().count(), 1000);
    assert!(text.ends_with("line number=999\n"));
}
