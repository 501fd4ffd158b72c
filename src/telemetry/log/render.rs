//! One event as one line.

use std::{
    error::Error,
    fmt::{self, Write as _},
    mem,
};

use tracing::{
    Event,
    field::{Field, Visit},
};

use super::{AnsweredRequest, LogFormat};
use crate::poll::Timestamp;

/// A line being rendered, and what is reused for the next: the buffers, and the time without milliseconds.
#[derive(Default)]
pub(super) struct LogLine {
    text: String,
    /// A text value before it is known whether it needs quotes.
    value: String,
    /// `2026-11-23T18:00:00` of the last line.
    second: String,
    second_millis: Option<i64>,
}

impl LogLine {
    /// The line, with its line break.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// Renders an event in place of the line before.
    pub(super) fn render(&mut self, format: LogFormat, now: Timestamp, event: &Event<'_>) {
        self.begin(format, now, event.metadata().level().as_str(), event.metadata().target());
        match format {
            LogFormat::Text => event.record(&mut TextFields(self)),
            LogFormat::Json => event.record(&mut JsonFields(self)),
        }
        self.end(format);
    }

    /// Renders the line about a request.
    pub(super) fn render_request(
        &mut self,
        format: LogFormat,
        now: Timestamp,
        target: &str,
        request: &AnsweredRequest<'_>,
    ) {
        self.begin(format, now, "INFO", target);
        let AnsweredRequest { method, route, outcome, request_id, .. } = *request;
        let (mut status, mut duration_us) = (itoa::Buffer::new(), itoa::Buffer::new());
        let (status, duration_us) = (status.format(request.status), duration_us.format(request.duration_us));
        // The text before the message, between its words, and before each field.
        let [start, fields @ ..] = match format {
            LogFormat::Text => {
                [" ", " method=", " route=", " status=", " duration_us=", " outcome=", " request_id=", ""]
            }
            LogFormat::Json => [
                ",\"message\":\"",
                "\",\"method\":\"",
                "\",\"route\":\"",
                "\",\"status\":",
                ",\"duration_us\":",
                ",\"outcome\":\"",
                "\",\"request_id\":\"",
                "\"",
            ],
        };
        for piece in [start, method, " ", route, " ", status, " ", outcome] {
            self.text.push_str(piece);
        }
        for (before, value) in fields.into_iter().zip([method, route, status, duration_us, outcome, request_id, ""]) {
            self.text.push_str(before);
            self.text.push_str(value);
        }
        self.end(format);
    }

    /// Renders a line that is no event: the log's own.
    pub(super) fn render_note(&mut self, format: LogFormat, now: Timestamp, message: &str) {
        self.begin(format, now, "WARN", module_path!());
        match format {
            LogFormat::Text => {
                self.text.push(' ');
                push_escaped(&mut self.text, message, false);
            }
            LogFormat::Json => push_member(&mut self.text, "message", message),
        }
        self.end(format);
    }

    fn begin(&mut self, format: LogFormat, now: Timestamp, level: &str, target: &str) {
        self.text.clear();
        match format {
            LogFormat::Text => {
                self.push_time(now);
                self.text.push(' ');
                self.text.push_str(level);
            }
            LogFormat::Json => {
                self.text.push_str("{\"timestamp\":\"");
                self.push_time(now);
                self.text.push_str("\",\"level\":\"");
                self.text.push_str(level);
                self.text.push_str("\",\"target\":\"");
                push_escaped(&mut self.text, target, true);
                self.text.push('"');
            }
        }
    }

    fn end(&mut self, format: LogFormat) {
        self.text.push_str(match format {
            LogFormat::Text => "\n",
            LogFormat::Json => "}\n",
        });
    }

    /// RFC 3339 with milliseconds. Most lines have the same second as the one before, and only its text is expensive.
    fn push_time(&mut self, now: Timestamp) {
        let millis = now.as_millis().rem_euclid(1000);
        let second_millis = now.as_millis() - millis;
        if self.second_millis != Some(second_millis) {
            self.second_millis = Some(second_millis);
            self.second.clear();
            let _ = write!(self.second, "{now}");
            self.second.truncate("2026-11-23T18:00:00".len());
        }
        self.text.push_str(&self.second);
        self.text.push('.');
        // Three digits: the first of four is left out.
        self.text.push_str(itoa::Buffer::new().format(1000 + millis).get(1..).unwrap_or_default());
        self.text.push('Z');
    }
}

/// ` key=value` after the message. The event's module is left out: the message must be clear by itself.
struct TextFields<'a>(&'a mut LogLine);

impl TextFields<'_> {
    /// A value that needs no quotes.
    fn push_plain(&mut self, field: &Field, value: &str) {
        let text = &mut self.0.text;
        text.push(' ');
        text.push_str(field.name());
        text.push('=');
        text.push_str(value);
    }

    /// A value that may need them.
    fn push_text(&mut self, field: &Field, value: &str) {
        let text = &mut self.0.text;
        text.push(' ');
        if field.name() == "message" {
            push_escaped(text, value, false);
            return;
        }
        text.push_str(field.name());
        text.push('=');
        let is_plain = !value.is_empty()
            && (every_byte(value, |byte| matches!(byte, b'-'..=b'<' | b'A'..=b'Z' | b'_' | b'a'..=b'~'))
                || !value.chars().any(needs_quotes));
        if is_plain {
            text.push_str(value);
        } else {
            text.push('"');
            push_escaped(text, value, true);
            text.push('"');
        }
    }

    /// The same for a value that must be rendered to know whether it needs quotes.
    fn push_rendered(&mut self, field: &Field, render: impl FnOnce(&mut String)) {
        let mut value = mem::take(&mut self.0.value);
        value.clear();
        render(&mut value);
        self.push_text(field, &value);
        self.0.value = value;
    }
}

impl Visit for TextFields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.push_text(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.push_rendered(field, |text| {
            let _ = write!(text, "{value:?}");
        });
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.push_rendered(field, |text| push_error(text, value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push_plain(field, itoa::Buffer::new().format(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push_plain(field, itoa::Buffer::new().format(value));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.push_plain(field, itoa::Buffer::new().format(value));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.push_plain(field, itoa::Buffer::new().format(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push_plain(field, if value { "true" } else { "false" });
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.push_plain(field, &value.to_string());
    }
}

/// `,"key":value` after the members that every line has.
struct JsonFields<'a>(&'a mut LogLine);

impl JsonFields<'_> {
    /// A number, `true` or `false`.
    fn push_bare(&mut self, field: &Field, value: &str) {
        push_key(&mut self.0.text, field.name());
        self.0.text.push_str(value);
    }
}

impl Visit for JsonFields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        push_member(&mut self.0.text, field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        push_key(&mut self.0.text, field.name());
        self.0.text.push('"');
        let _ = write!(Escaping(&mut self.0.text), "{value:?}");
        self.0.text.push('"');
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        push_key(&mut self.0.text, field.name());
        self.0.text.push('"');
        push_error(&mut Escaping(&mut self.0.text), value);
        self.0.text.push('"');
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push_bare(field, itoa::Buffer::new().format(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push_bare(field, itoa::Buffer::new().format(value));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.push_bare(field, itoa::Buffer::new().format(value));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.push_bare(field, itoa::Buffer::new().format(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push_bare(field, if value { "true" } else { "false" });
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if value.is_finite() {
            self.push_bare(field, &value.to_string());
        } else {
            // JSON has no word for it.
            self.push_bare(field, "null");
        }
    }
}

/// The error and its sources, outermost first.
fn push_error(to: &mut impl fmt::Write, error: &(dyn Error + 'static)) {
    let _ = write!(to, "{error}");
    let mut source = error.source();
    while let Some(error) = source {
        let _ = write!(to, ": {error}");
        source = error.source();
    }
}

/// `,"key":`. A field with the name of a member that every line has gets another name: readers differ on which of two
/// equal names they take.
fn push_key(text: &mut String, key: &str) {
    text.push_str(if matches!(key, "timestamp" | "level" | "target") { ",\"field." } else { ",\"" });
    push_escaped(text, key, true);
    text.push_str("\":");
}

fn push_member(text: &mut String, key: &str, value: &str) {
    push_key(text, key);
    text.push('"');
    push_escaped(text, value, true);
    text.push('"');
}

/// Writes through JSON's escapes, so a value needs no buffer of its own.
struct Escaping<'a>(&'a mut String);

impl fmt::Write for Escaping<'_> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        push_escaped(self.0, piece, true);
        Ok(())
    }
}

/// The text with JSON's escapes (RFC 8259, section 7) for everything that could end the value or the line, control a
/// terminal, or reorder what a person reads. Within a bare message quotes and backslashes are harmless, and stay.
fn push_escaped(to: &mut String, text: &str, is_quoted: bool) {
    // Nearly every piece of a log line is plain, and costs only this check.
    if every_byte(text, |byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\') {
        to.push_str(text);
        return;
    }
    let mut plain_from = 0;
    for (at, letter) in text.char_indices() {
        let is_special = letter.is_control() || is_invisible(letter) || (is_quoted && matches!(letter, '"' | '\\'));
        if !is_special {
            continue;
        }
        to.push_str(text.get(plain_from..at).unwrap_or_default());
        plain_from = at + letter.len_utf8();
        match letter {
            '"' => to.push_str("\\\""),
            '\\' => to.push_str("\\\\"),
            '\n' => to.push_str("\\n"),
            '\r' => to.push_str("\\r"),
            '\t' => to.push_str("\\t"),
            // All of them lie in the first plane, so one \u is enough.
            _ => {
                let _ = write!(to, "\\u{:04x}", u32::from(letter));
            }
        }
    }
    to.push_str(text.get(plain_from..).unwrap_or_default());
}

/// Whether all bytes are so. Checking all, without stopping at the first that is not, lets the processor check many at
/// once: most values are plain throughout.
fn every_byte(text: &str, is_so: impl Fn(u8) -> bool) -> bool {
    text.bytes().fold(true, |all, byte| all & is_so(byte))
}

/// Whether a character would make the end of a bare value unclear.
fn needs_quotes(letter: char) -> bool {
    letter.is_whitespace() || letter.is_control() || is_invisible(letter) || matches!(letter, '"' | '=' | '\\')
}

/// Line and paragraph separators, and the bidi embeddings, overrides and isolates (UAX #9, section 2).
fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
