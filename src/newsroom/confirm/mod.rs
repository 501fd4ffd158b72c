//! A page that asks once more before something that can't be taken back.

use askama::Template;

use crate::{
    newsroom::{
        frame::Frame,
        texts::{ConfirmTexts, fill},
    },
    poll::{Poll, fold},
};

/// How many words of a question are typed to delete its poll.
const WORDS: usize = 3;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmation {
    /// To close the poll.
    Close,
    /// To delete it, by typing how its question begins.
    Delete {
        /// Whether something else was typed.
        is_wrong: bool,
    },
}

/// The page.
#[derive(Template)]
#[template(path = "confirm/page.html", config = "src/newsroom/askama.toml")]
pub struct ConfirmPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    pub poll: &'a Poll,
    /// What is asked.
    pub asked: Confirmation,
}

/// How a question begins: its first three words, or fewer if it has no more.
pub fn first_words(poll: &Poll) -> String {
    poll.question.as_str().split_whitespace().take(WORDS).collect::<Vec<_>>().join(" ")
}

/// Whether somebody typed how a question begins, in whatever way.
pub fn are_first_words(typed: &str, poll: &Poll) -> bool {
    let words = |text: &str| fold(text).split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    words(typed) == words(&first_words(poll))
}

impl ConfirmPage<'_> {
    fn texts(&self) -> &'static ConfirmTexts {
        &self.frame.texts().confirm
    }

    fn path(&self) -> String {
        format!("{}/polls/{}", self.frame.here(), self.poll.id)
    }

    fn is_delete(&self) -> bool {
        matches!(self.asked, Confirmation::Delete { .. })
    }

    fn is_wrong(&self) -> bool {
        self.asked == Confirmation::Delete { is_wrong: true }
    }

    fn title(&self) -> &'static str {
        if self.is_delete() { &self.texts().delete_title } else { &self.texts().close_title }
    }

    fn first_words(&self) -> String {
        first_words(self.poll)
    }

    fn type_words(&self) -> String {
        fill(&self.texts().type_words, &[("words", &self.first_words())])
    }
}
