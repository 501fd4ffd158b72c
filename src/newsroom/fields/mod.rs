//! The fields of a long form, as they are shown: label, control, what is wrong with what was typed, and what somebody else
//! has changed it to meanwhile. `fields/page.html` shows one of them wherever it is included.

/// A part of a form.
pub struct FieldGroup {
    /// What it is about.
    pub title: &'static str,
    /// In a sentence, if that needs one.
    pub about: &'static str,
    /// Whether it is there to see from the start, and not only when it is opened.
    pub is_main: bool,
    /// Its fields.
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
    /// A colour.
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
