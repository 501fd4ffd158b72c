//! Tables as CSV (RFC 4180), for spreadsheets and for programs.
//!
//! Cells are separated by commas unless the request says otherwise: where a decimal comma is usual, as in most Arabic
//! and European settings, Excel opens only files with semicolons as tables. A text that contains any of the separators
//! is quoted, so a program that guesses the separator reads it right.
//!
//! Labels and questions are written by others, and a spreadsheet takes a cell that begins with `=`, `+`, `-`, `@`, a
//! tab or a carriage return for a formula. Such a text gets a `'` in front, which makes it a text again
//! (<https://owasp.org/www-community/attacks/CSV_Injection>). Numbers are our own and stay as they are, negative ones
//! too.
//!
//! Times are written as spreadsheets read them, in a time zone that the column's name gives: a cell has no room for it.
//! Where clocks are set back, some times appear twice; the lines are in order all the same.
//!
//! Column names are fixed English words, whatever the poll's language: programs read them.
//!
//! Not written by the crate `csv`: it quotes for one separator, or every cell, and a row of eight cells cost it 3,300
//! instructions where this takes 1,600.

use std::fmt::{Display, Write as _};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use unicode_segmentation::UnicodeSegmentation as _;

use crate::poll::TimeZone;

/// What a table's content type says.
pub(super) const CONTENT_TYPE: &str = "text/csv; charset=utf-8; header=present";

/// Tells Excel that a file is UTF-8; without it, Excel shows Arabic as other characters.
pub(super) const BOM: &str = "\u{FEFF}";

/// The longest question in a file's name, in bytes: with the rest of the name it fits the 255 that file systems allow.
const MOST_NAME_BYTES: usize = 180;

/// What separates two cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Separator {
    /// As RFC 4180 has it.
    #[default]
    Comma,
    /// As Excel needs it where a comma is the decimal separator.
    Semicolon,
    /// As spreadsheets take it when pasted.
    Tab,
}

impl Separator {
    /// A separator by its name, or itself.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "comma" | "," => Ok(Self::Comma),
            "semicolon" | ";" => Ok(Self::Semicolon),
            "tab" | "\t" => Ok(Self::Tab),
            _ => Err("must be comma, semicolon or tab".to_owned()),
        }
    }

    /// Its name.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Comma => "comma",
            Self::Semicolon => "semicolon",
            Self::Tab => "tab",
        }
    }

    fn character(self) -> char {
        match self {
            Self::Comma => ',',
            Self::Semicolon => ';',
            Self::Tab => '\t',
        }
    }
}

/// One line, cell by cell.
pub(super) struct CsvRow<'a> {
    table: &'a mut String,
    separator: Separator,
    is_begun: bool,
}

impl<'a> CsvRow<'a> {
    /// Begins a line.
    pub(super) fn of(table: &'a mut String, separator: Separator) -> Self {
        Self { table, separator, is_begun: false }
    }

    /// The line of columns' names.
    pub(super) fn names(table: &'a mut String, separator: Separator, names: &[&str]) {
        names.iter().fold(Self::of(table, separator), Self::plain).end();
    }

    /// A cell with somebody else's words.
    pub(super) fn text(mut self, text: &str) -> Self {
        self.separate();
        let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
        let is_quoted =
            text.contains(['"', ',', '\r', '\n', ';', '\t']) || text.starts_with(' ') || text.ends_with(' ');
        if is_quoted {
            self.table.push('"');
        }
        if is_formula {
            self.table.push('\'');
        }
        if is_quoted {
            let mut parts = text.split('"');
            self.table.push_str(parts.next().unwrap_or_default());
            for part in parts {
                self.table.push_str("\"\"");
                self.table.push_str(part);
            }
            self.table.push('"');
        } else {
            self.table.push_str(text);
        }
        self
    }

    /// A cell of our own that needs no care: an id, a number, a time.
    pub(super) fn plain(mut self, value: impl Display) -> Self {
        self.separate();
        // Writing to a String can't fail.
        let _ = write!(self.table, "{value}");
        self
    }

    /// Ends the line.
    pub(super) fn end(self) {
        self.table.push_str("\r\n");
    }

    fn separate(&mut self) {
        if self.is_begun {
            self.table.push(self.separator.character());
        }
        self.is_begun = true;
    }
}

/// The name of a column of times.
pub(super) fn time_column(name: &str, timezone: &TimeZone) -> String {
    format!("{name} ({timezone})")
}

/// What RFC 8187 wants escaped in a name: all but letters, digits and these (attr-char).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// The header that makes a browser save an answer as a file, named after the poll (RFC 6266); programs that read no
/// other name see `what`, such as `results`. Not actix-web's `ContentDisposition`: it leaves `=` and `@` bare.
pub(super) fn disposition(question: &str, what: &str) -> String {
    let name = format!("{} ({what}).csv", file_name(question));
    format!("attachment; filename=\"{what}.csv\"; filename*=UTF-8''{}", utf8_percent_encode(&name, ESCAPED))
}

/// A question without the characters that file systems refuse, and without marks that change a name's direction.
fn file_name(question: &str) -> String {
    let mut name = String::new();
    for character in question.trim().trim_start_matches('.').graphemes(true) {
        if name.len() + character.len() > MOST_NAME_BYTES {
            break;
        }
        let is_refused = |c: char| {
            matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|')
                || matches!(c, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{2066}'..='\u{2069}')
        };
        name.extend(character.chars().filter(|c| !is_refused(*c)));
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(text: &str) -> String {
        let mut table = String::new();
        CsvRow::of(&mut table, Separator::Comma).text(text).end();
        table
    }

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        let mut table = String::new();
        CsvRow::of(&mut table, Separator::Comma)
            .text("نعم")
            .text("a,b")
            .text("say \"no\"")
            .plain(-3)
            .text("x\ny")
            .end();
        assert_eq!(table, "نعم,\"a,b\",\"say \"\"no\"\"\",-3,\"x\ny\"\r\n");
        assert_eq!(cell(" نعم"), "\" نعم\"\r\n");
        assert_eq!(cell(""), "\r\n");
    }

    #[test]
    fn whatever_separates_cells_is_within_none_without_quotes() {
        for (separator, between) in [(Separator::Comma, ','), (Separator::Semicolon, ';'), (Separator::Tab, '\t')] {
            let mut table = String::new();
            CsvRow::names(&mut table, separator, &["a", "b"]);
            CsvRow::of(&mut table, separator).text("x;y").text("x,y").text("=x\ty").text("say \"no\"").plain(0.5).end();
            let expected = ["\"x;y\"", "\"x,y\"", "\"'=x\ty\"", "\"say \"\"no\"\"\"", "0.5"];
            assert_eq!(table, format!("a{between}b\r\n{}\r\n", expected.join(&between.to_string())));
            for written in [separator.as_str(), &between.to_string()] {
                assert_eq!(Separator::parse(written), Ok(separator));
            }
        }
        for bad in ["", ";;", "Comma", "|", " "] {
            assert!(Separator::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn no_text_is_a_formula() {
        for (text, written) in [
            ("=1+1", "'=1+1\r\n"),
            ("+1", "'+1\r\n"),
            ("-1", "'-1\r\n"),
            ("@SUM(A1)", "'@SUM(A1)\r\n"),
            ("\tx", "\"'\tx\"\r\n"),
            ("\rx", "\"'\rx\"\r\n"),
            ("=HYPERLINK(\"http://x\",\"y\")", "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\"\r\n"),
            ("1=1", "1=1\r\n"),
        ] {
            assert_eq!(cell(text), written);
        }
    }

    #[test]
    fn a_file_is_named_after_its_question() {
        assert_eq!(
            disposition("أب؟", "results"),
            "attachment; filename=\"results.csv\"; filename*=UTF-8''%D8%A3%D8%A8%D8%9F%20%28results%29.csv"
        );
        assert!(disposition("2+2=@?", "results").ends_with("''2+2%3D%40%20%28results%29.csv"));
        assert_eq!(file_name("../a/b\\c: \"d\" <e>|*?\u{2067}"), "abc d e");
        assert_eq!(file_name(&"نعم".repeat(100)), "نعم".repeat(30));
        assert_eq!(file_name(&format!("a{}", "👩‍👩‍👧‍👦".repeat(20))), format!("a{}", "👩‍👩‍👧‍👦".repeat(7)));
    }
}
