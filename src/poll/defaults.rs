//! What new polls of a site are like, unless they say otherwise.

use serde::{Deserialize, Serialize};

use super::{Language, PollFields, ResultsPolicy};

/// What a site wants of its new polls.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PollDefaults {
    /// Who sees their results.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub results: Option<ResultsPolicy>,
    /// The language they are in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
}

impl PollDefaults {
    /// Whether nothing is wanted.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl PollFields {
    /// Takes what a site wants of its new polls, where nothing is said.
    pub fn take_defaults(&mut self, of_site: &PollDefaults) {
        self.results = self.results.or(of_site.results);
        if self.language.is_none() {
            self.language = of_site.language.as_ref().map(ToString::to_string);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_poll_takes_what_its_site_wants_where_it_says_nothing() {
        let of_site = PollDefaults { results: Some(ResultsPolicy::AfterVote), language: "fr".parse().ok() };
        let mut silent = PollFields::default();
        silent.take_defaults(&of_site);
        assert_eq!((silent.results, silent.language.as_deref()), (Some(ResultsPolicy::AfterVote), Some("fr")));
        let mut own = PollFields {
            results: Some(ResultsPolicy::Never),
            language: Some("ar".to_owned()),
            ..PollFields::default()
        };
        own.take_defaults(&of_site);
        assert_eq!((own.results, own.language.as_deref()), (Some(ResultsPolicy::Never), Some("ar")));
        silent = PollFields::default();
        silent.take_defaults(&PollDefaults::default());
        assert_eq!(silent, PollFields::default());
    }
}
