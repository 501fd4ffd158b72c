//! Polls that a form offers to be chosen, by their questions.

/// How much of a question names a poll in a list.
const NAME_CHARS: usize = 90;

/// A poll that can be chosen.
pub struct OfferedPoll {
    pub id: String,
    pub question: String,
    /// What tells it from others that ask the same: its state in words, and the day it was made.
    pub about: String,
}

/// What a form offers.
#[derive(Default)]
pub struct OfferedPolls {
    /// The words that were looked for.
    pub words: String,
    /// What is to be said of what was found.
    pub said: Option<&'static str>,
    /// The polls: those that are chosen already among them.
    pub polls: Vec<OfferedPoll>,
}

impl OfferedPoll {
    /// What it is called in a list.
    pub fn name(&self) -> String {
        format!("{} · {}", shortened(&self.question), self.about)
    }
}

/// So much of a question as names it.
pub fn shortened(question: &str) -> String {
    match question.char_indices().nth(NAME_CHARS) {
        Some((end, _)) => format!("{}…", question.get(..end).unwrap_or_default().trim_end()),
        None => question.to_owned(),
    }
}
