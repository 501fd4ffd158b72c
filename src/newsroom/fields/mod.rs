//! The fields of a long form, as they are shown: label, control, what is wrong with what was typed, and what somebody
//! else has changed it to meanwhile. `fields/page.html` shows one of them wherever it is included.

use std::str::FromStr;

/// A number as it was typed, in Western, Arabic or Persian digits; `None` if it is none.
pub fn number<T: FromStr>(typed: &str) -> Option<T> {
    let western = |digit: char| match digit {
        '٠'..='٩' => char::from_digit(u32::from(digit) - u32::from('٠'), 10).unwrap_or(digit),
        '۰'..='۹' => char::from_digit(u32::from(digit) - u32::from('۰'), 10).unwrap_or(digit),
        digit => digit,
    };
    typed.trim().chars().map(western).collect::<String>().parse().ok()
}

/// A part of a form.
pub struct FieldGroup {
    /// What it is about.
    pub title: &'static str,
    /// In a sentence, if that needs one.
    pub about: &'static str,
    /// Whether it is there to see from the start, and not only when it is opened.
    pub is_main: bool,
    pub fields: Vec<FieldView>,
}

impl FieldGroup {
    /// Whether somebody must look at it now.
    pub fn is_urgent(&self) -> bool {
        self.fields.iter().any(|field| !field.faults.is_empty() || field.changed.is_some())
    }
}

/// One field.
pub struct FieldView {
    /// The name by which the form sends it.
    pub name: String,
    /// What it is called.
    pub label: String,
    /// What may be typed there; empty where the label says it.
    pub about: &'static str,
    /// What stands there.
    pub value: String,
    /// What is wrong with that.
    pub faults: Vec<String>,
    /// What became of it meanwhile.
    pub changed: Option<String>,
    /// How it is typed.
    pub control: FieldControl,
}

/// How a field is typed.
pub enum FieldControl {
    /// On one line, in the direction of what is typed.
    Line,
    /// On one line, from left to right: an address, a name of a program.
    Code,
    Colour,
    /// A whole number.
    Number,
    /// One of these names, or another.
    OneOf(Vec<String>),
    /// On several lines, in the direction of what is typed.
    Lines,
    /// On several lines, from left to right.
    CodeLines,
    /// One of these: what is sent, and what is read.
    Choice(Vec<(String, String)>),
}

impl FieldView {
    /// What describes it, for `aria-describedby`; empty if nothing does.
    pub fn described_by(&self) -> String {
        let parts = [
            (!self.faults.is_empty(), "fault"),
            (self.changed.is_some(), "changed"),
            (!self.about.is_empty(), "about"),
        ];
        let ids = parts.iter().filter(|(is_there, _)| *is_there).map(|(_, part)| format!("{}-{part}", self.name));
        ids.collect::<Vec<_>>().join(" ")
    }

    /// As many lines as there are, and room for more.
    pub fn rows(&self) -> usize {
        self.value.lines().count().saturating_add(1).clamp(3, 12)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_the_digits_of_each_language() {
        for typed in ["120", "١٢٠", "۱۲۰", " ١٢٠ "] {
            assert_eq!(number(typed), Some(120_u32), "{typed}");
        }
        for typed in ["", "١٢،٠", "-١", "مئة"] {
            assert_eq!(number::<u32>(typed), None, "{typed}");
        }
    }
}
