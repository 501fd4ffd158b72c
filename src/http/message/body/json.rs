//! JSON as this service reads it: which bytes are JSON, and what is wrong in them.
//!
//! A body is parsed once, straight into the type a handler wants. Only when that fails is it parsed again, to find the
//! path of the field that is wrong.
//!
//! serde's messages are for the author of the type. The sender of a body is told what the field must be, in the words
//! of all other problems: see [`rule_of`].
//!
//! Forms that derived types also read are refused: an array for an object, with its members in order, and an object for
//! a word. They are not in the contract, and nobody means them.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{self, IntoDeserializer as _, value::MapAccessDeserializer},
};
use serde_json::error::Category;

use crate::http::message::problem::{Code, FieldError, Problem};

/// The longest detail: messages quote what was sent, which may be long.
const MAX_DETAIL: usize = 400;

/// Some programs write it before any text. It may be ignored (RFC 8259, section 8.1).
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Parses a JSON body.
///
/// # Errors
/// `invalid-request`: what is wrong, at which line and column, and in which field.
pub(in crate::http) fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Problem> {
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    if body.trim_ascii_start().starts_with(b"[") {
        return Err(no_object());
    }
    serde_json::from_slice(body).map_err(|error| explain::<T>(body, &error))
}

/// Whether a body is empty: blank, or an object without members.
pub(super) fn is_nothing(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Nothing {}

    body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body).trim_ascii().is_empty() || parse::<Nothing>(body).is_ok()
}

/// A JSON object within a body.
#[cfg_attr(test, derive(Debug))]
pub(in crate::http) struct Object<T>(pub(in crate::http) T);

/// An example of such an object, for those who sent something else.
pub(in crate::http) trait LooksLike {
    /// As JSON, with `…` for values.
    const EXAMPLE: &str;
}

impl<'de, T: Deserialize<'de> + LooksLike> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de> + LooksLike> de::Visitor<'de> for Members<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(T::EXAMPLE)
            }

            fn visit_map<A: de::MapAccess<'de>>(self, members: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(members))
            }
        }

        deserializer.deserialize_map(Members(PhantomData)).map(Self)
    }
}

/// One of several words, as a JSON string.
#[cfg_attr(test, derive(Debug))]
pub(in crate::http) struct Word<T>(pub(in crate::http) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Words<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> de::Visitor<'de> for Words<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                // An unknown word makes the type list those it knows.
                let none: de::value::StrDeserializer<'_, de::value::Error> = "".into_deserializer();
                let message = T::deserialize(none).err().map(|error| error.to_string()).unwrap_or_default();
                f.write_str(message.rsplit_once(EXPECTED).map_or("a word", |(_, words)| words))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
                T::deserialize(text.into_deserializer())
            }
        }

        deserializer.deserialize_str(Words(PhantomData)).map(Self)
    }
}

/// Deserialises a field that may be absent but, if it is there, must be a `T`: with `Option` alone, `null` would mean
/// absence. Use with `#[serde(default, deserialize_with = "given")]`.
pub(in crate::http) fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Deserialises a whole number of a field that may be absent. JSON has one kind of number, JSON Schema calls `2.0` an
/// integer, and a client's library may write it so. Use as [`given`].
pub(in crate::http) fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    struct Whole;

    impl de::Visitor<'_> for Whole {
        type Value = u64;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a whole number")
        }

        fn visit_u64<E: de::Error>(self, number: u64) -> Result<u64, E> {
            Ok(number)
        }

        fn visit_f64<E: de::Error>(self, number: f64) -> Result<u64, E> {
            // A number without a fraction is the same integer, or too large for one.
            let text = format!("{number:.0}");
            let is_whole = number.fract() == 0.0;
            let refused = || E::invalid_type(de::Unexpected::Float(number), &self);
            text.parse().ok().filter(|_| is_whole).ok_or_else(refused)
        }
    }

    deserializer.deserialize_any(Whole).map(Some)
}

fn no_object() -> Problem {
    Problem::new(Code::InvalidRequest, "the body must be a JSON object")
}

fn explain<'a, T: Deserialize<'a>>(body: &'a [u8], error: &serde_json::Error) -> Problem {
    let problem = |detail: String| Problem::new(Code::InvalidRequest, shorten(detail));
    if body.trim_ascii().is_empty() {
        return Problem::new(Code::InvalidRequest, "the body is empty; it must be a JSON object");
    }
    if is_in_utf_16(body) {
        return Problem::new(Code::InvalidRequest, "the body must be in UTF-8, and this is UTF-16");
    }
    if let Err(fault) = str::from_utf8(body) {
        return problem(format!("the body must be in UTF-8, and its byte {} is not", fault.valid_up_to() + 1));
    }
    match error.classify() {
        Category::Syntax | Category::Eof | Category::Io => problem(format!("the body can't be read as JSON: {error}")),
        Category::Data => {
            let mut deserializer = serde_json::Deserializer::from_slice(body);
            match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
                Err(error) => {
                    let field = field_of(&error.path().to_string(), &error.inner().to_string());
                    if field.is_empty() && !body.trim_ascii_start().starts_with(b"{") {
                        return no_object();
                    }
                    let detail = shorten(rule_of(error.inner()));
                    let whole = format!("{field} {detail}").trim_start().to_owned();
                    let errors = (!field.is_empty()).then_some(FieldError { field, detail });
                    problem(whole).with_errors(errors)
                }
                // Both parse the same bytes into the same type.
                Ok(_) => problem(error.to_string()),
            }
        }
    }
}

/// Whether this is UTF-16, as some editors and shells write it: by its mark, or because JSON begins with two ASCII
/// characters, of which one byte is zero there.
fn is_in_utf_16(body: &[u8]) -> bool {
    matches!(body, [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] | [0, 1..=255, ..] | [1..=255, 0, ..])
}

/// The path of the wrong field; empty for the body itself. A field that is missing or repeated has no path of its own:
/// the path ends at its parent, and the name is in the message only.
fn field_of(path: &str, message: &str) -> String {
    let path = if path == "." { "" } else { path };
    let named = message.strip_prefix("missing field `").or_else(|| message.strip_prefix("duplicate field `"));
    match named.and_then(|rest| rest.split('`').next()) {
        Some(name) if path.is_empty() => name.to_owned(),
        Some(name) => format!("{path}.{name}"),
        None => path.chars().take(MAX_DETAIL).collect(),
    }
}

/// Stands before what serde expected. What was sent may contain it, but comes before it.
const EXPECTED: &str = ", expected ";

/// What a field must be and what it is, in words that follow its name, and its path.
fn rule_of(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let message = message.strip_suffix(&place).unwrap_or(&message);
    let (said, expected) = message.rsplit_once(EXPECTED).unwrap_or((message, ""));
    let expected = expected.replace('`', "");
    let is = |start: &str| said.strip_prefix(start);
    let rule = if is("unknown field ").is_some() {
        let fields = expected.strip_prefix("one of ").unwrap_or(&expected).replace(" or ", ", ");
        format!("is not a field here; there are {fields}")
    } else if is("missing field ").is_some() {
        "must be given".to_owned()
    } else if is("duplicate field ").is_some() {
        "must be given once".to_owned()
    } else if let Some(word) = is("unknown variant ") {
        format!("must be {expected}, is {:?}", word.trim_matches('`'))
    } else if let Some(sent) = is("invalid type: ").or_else(|| is("invalid value: ")) {
        format!("must be {}, is {}", as_json_has_it(&expected), as_json_has_it(sent))
    } else {
        message.to_owned()
    };
    rule + &place
}

/// A JSON word for what serde calls a value.
fn as_json_has_it(value: &str) -> &str {
    match value {
        "map" | "a map" => "an object",
        "sequence" | "a sequence" => "a list",
        "a boolean" => "true or false",
        _ => ["string ", "integer ", "floating point ", "boolean "]
            .iter()
            .find_map(|kind| value.strip_prefix(kind))
            .map_or(value, |value| value.trim_matches('`')),
    }
}

fn shorten(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(MAX_DETAIL) {
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only how it fails to parse is looked at")]
    struct Sample {
        choices: Vec<String>,
        #[serde(default, deserialize_with = "given")]
        limit: Option<u8>,
        #[serde(default)]
        options: Vec<Object<Inner>>,
        #[serde(default, deserialize_with = "given")]
        colour: Option<Word<Colour>>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Colour {
        Red,
        Green,
        White,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only how it fails to parse is looked at")]
    struct Inner {
        label: String,
    }

    impl LooksLike for Inner {
        const EXAMPLE: &str = "{\"label\": …}";
    }

    fn refusal(body: &str) -> serde_json::Value {
        let problem = parse::<Sample>(body.as_bytes()).unwrap_err();
        let body = actix_web::body::MessageBody::try_into_bytes(problem.respond("r").into_body()).unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    #[test]
    fn broken_json_is_refused_with_line_and_column() {
        let body = refusal("{\n  \"choices\": [\"yes\",]\n}");
        assert_eq!(body["code"], "invalid-request");
        assert!(body["detail"].as_str().unwrap().contains("line 2 column 21"), "{body}");
        assert!(refusal("{\"choices\":[").to_string().contains("line 1 column 12"));
        assert!(refusal("{\"choices\":[]} x").to_string().contains("line 1 column 16"));
        assert!(refusal(" ").to_string().contains("empty"));
    }

    #[test]
    fn a_field_is_named_once_with_what_it_may_be_and_what_it_is() {
        for (sent, field, rule) in [
            (
                "{\"choices\":[],\"choice\":1}",
                "choice",
                "is not a field here; there are choices, limit, options, colour",
            ),
            ("{}", "choices", "must be given"),
            ("{\"choices\":[],\"choices\":[]}", "choices", "must be given once"),
            ("{\"choices\":[],\"options\":[{}]}", "options[0].label", "must be given"),
            ("{\"choices\":[],\"options\":[{\"x\":1}]}", "options[0].x", "is not a field here; there are label"),
            ("{\"choices\":[],\"options\":[7]}", "options[0]", "must be {\"label\": …}, is 7"),
            ("{\"choices\":{},\"limit\":1}", "choices", "must be a list, is an object"),
            ("{\"choices\":[[]]}", "choices[0]", "must be a string, is a list"),
            ("{\"choices\":\"a, expected b\"}", "choices", "must be a list, is \"a, expected b\""),
            ("{\"choices\":[],\"colour\":\"blue\"}", "colour", "must be one of red, green, white, is \"blue\""),
            ("{\"choices\":[],\"colour\":null}", "colour", "must be one of red, green, white, is null"),
            ("{\"choices\":[],\"colour\":7.5}", "colour", "must be one of red, green, white, is 7.5"),
        ] {
            let body = refusal(sent);
            let detail = body["detail"].as_str().unwrap();
            assert!(detail.starts_with(&format!("{field} {rule} at line 1 column ")), "{body}");
            assert_eq!(body["errors"][0]["field"], field);
            assert!(body["errors"][0]["detail"].as_str().unwrap().starts_with(&format!("{rule} at line")), "{body}");
        }
    }

    #[test]
    fn a_wrong_field_is_named_by_its_path() {
        for (sent, field) in [
            ("{\"choices\":[\"yes\",7]}", "choices[1]"),
            ("{\"choices\":\"yes\"}", "choices"),
            ("{\"choices\":[],\"choice\":1}", "choice"),
            ("{}", "choices"),
            ("{\"choices\":[],\"limit\":null}", "limit"),
            ("{\"choices\":[],\"limit\":999}", "limit"),
            ("{\"choices\":[],\"options\":[{\"label\":\"a\"},{}]}", "options[1].label"),
            ("{\"choices\":[],\"options\":[{\"label\":\"a\",\"slot\":1}]}", "options[0].slot"),
        ] {
            let body = refusal(sent);
            assert_eq!(body["errors"][0]["field"], field, "{sent}: {body}");
            assert!(body["detail"].as_str().unwrap().contains("line 1 column"), "{body}");
        }
        for no_object in ["[]", "[[\"yes\"]]", "\"yes\"", "7", "null"] {
            let body = refusal(no_object);
            assert_eq!((body.get("errors"), &body["detail"]), (None, &"the body must be a JSON object".into()));
        }
    }

    #[test]
    fn a_whole_number_may_be_written_with_an_empty_fraction() {
        #[derive(Debug, Deserialize)]
        struct WithNumber {
            #[serde(default, deserialize_with = "whole")]
            number: Option<u64>,
        }
        let read = |number: &str| parse::<WithNumber>(format!("{{\"number\":{number}}}").as_bytes());
        for (sent, number) in [("2", 2), ("2.0", 2), ("0.0", 0), ("1e3", 1_000), ("18446744073709551615", u64::MAX)] {
            assert_eq!(read(sent).unwrap().number, Some(number), "{sent}");
        }
        for bad in ["1.5", "-1", "-1.0", "1e300", "null", "\"2\"", "true", "[2]"] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert_eq!(parse::<WithNumber>(b"{}").unwrap().number, None);
    }

    #[test]
    fn what_was_sent_is_quoted_shortened() {
        let body = refusal(&format!("{{\"{}\":1}}", "x".repeat(5_000)));
        assert!(body.to_string().len() < 2_000, "{body}");
    }

    #[test]
    fn a_byte_order_mark_is_passed_over_and_another_encoding_is_named() {
        assert!(parse::<Sample>("\u{FEFF}{\"choices\":[\"نعم\"]}".as_bytes()).is_ok());
        let told = |body: &[u8]| format!("{:?}", parse::<Sample>(body).unwrap_err());
        assert!(told("\u{FEFF}\u{FEFF}{}".as_bytes()).contains("read as JSON"));
        assert!(told("\u{FEFF} ".as_bytes()).contains("empty"));
        let text = "{\"choices\":[]}";
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for body in [&little[..], &big, &[b"\xFF\xFE", &little[..]].concat(), &[b"\xFE\xFF", &big[..]].concat()] {
            assert!(told(body).contains("UTF-16"), "{}", told(body));
        }
        assert!(told(b"{\"choices\":[\"\xC7\"]}").contains("its byte 14 is not"));
    }

    #[test]
    fn what_only_a_derived_type_would_read_is_refused() {
        #[derive(Deserialize)]
        struct Painted {
            #[serde(default, deserialize_with = "given")]
            colour: Option<Word<Colour>>,
            #[serde(default)]
            options: Vec<Object<Inner>>,
        }
        let read = |body: &str| parse::<Painted>(body.as_bytes());
        let good = read("{\"colour\":\"red\",\"options\":[{\"label\":\"a\"}]}").unwrap();
        assert!(matches!(good.colour, Some(Word(Colour::Red))) && good.options.len() == 1);
        for (sent, field) in [
            ("{\"colour\":{\"red\":null}}", "colour"),
            ("{\"colour\":[]}", "colour"),
            ("{\"colour\":null}", "colour"),
            ("{\"colour\":\"blue\"}", "colour"),
            ("{\"options\":[[\"a\"]]}", "options[0]"),
            ("{\"options\":[{\"label\":\"a\",\"label\":\"b\"}]}", "options[0].label"),
            ("{\"colour\":\"red\",\"colour\":\"red\"}", "colour"),
        ] {
            let told = format!("{:?}", read(sent).err().unwrap());
            assert!(told.contains(&format!("field: \"{field}\"")), "{sent}: {told}");
        }
    }

    #[test]
    fn nothing_may_be_said_by_an_empty_object() {
        for nothing in ["", " \r\n", "{}", " { } ", "\u{FEFF}", "\u{FEFF}{}"] {
            assert!(is_nothing(nothing.as_bytes()), "{nothing:?}");
        }
        for something in ["{\"a\":1}", "[]", "null", "\"\"", "{}{}", "{", "0"] {
            assert!(!is_nothing(something.as_bytes()), "{something:?}");
        }
    }
}
