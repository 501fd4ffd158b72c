//! What a replica sees when a vote comes in, reduced to one label. The evidence is forgotten then.
//!
//! Nothing here refuses a vote: whoever is refused learns what to change. What honest readers may send too (a page of another
//! origin in a sandbox, a voter known from another site, a program that a publisher has written) is said of the ballot, and
//! an editor decides.

use super::HostingRanges;
use crate::{client::Client, poll::Label};

/// A mark younger than this is no reader's: nobody reads a question and its options so fast.
const EARLY_MILLIS: i64 = 1_500;

/// What a replica sees of a vote.
#[derive(Debug, Clone, Copy)]
pub struct Evidence {
    /// How long ago the mark of this poll was made that the vote brings; `None` if it brings none. Below 0 if the clocks
    /// of two replicas disagree.
    pub mark_age_millis: Option<i64>,
    /// Whether the voter was first made for another site.
    pub is_foreign_token: bool,
    /// Whether it comes from a page without an origin.
    pub is_opaque_origin: bool,
    /// Whether it says that it comes from a page, and its headers are not what browsers send.
    pub is_unlike_a_browser: bool,
    /// Where it comes from.
    pub client: Client,
}

impl Evidence {
    /// The worst that there is to say. `hosting` are the networks of servers, as far as the operator lists them.
    pub fn label(&self, hosting: &HostingRanges) -> Label {
        let of_mark = match self.mark_age_millis {
            None => Label::NO_MARK,
            Some(0..EARLY_MILLIS) => Label::EARLY_MARK,
            Some(_) => Label::CLEAN,
        };
        [
            (self.is_foreign_token, Label::FOREIGN_TOKEN),
            (self.is_opaque_origin, Label::OPAQUE_ORIGIN),
            (self.is_unlike_a_browser, Label::NOT_A_BROWSER),
            (hosting.contain(self.client), Label::HOSTING_NETWORK),
        ]
        .into_iter()
        .filter_map(|(is_so, label)| is_so.then_some(label))
        .fold(of_mark, Label::worse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::ClientRule;

    #[test]
    fn a_vote_has_the_worst_label_that_the_evidence_gives() {
        let rule = ClientRule::default();
        let client = |address: &str| rule.peer(address.parse().unwrap()).unwrap();
        let hosting = HostingRanges::of("192.0.2.0/24");
        let honest = Evidence {
            mark_age_millis: Some(1_500),
            is_foreign_token: false,
            is_opaque_origin: false,
            is_unlike_a_browser: false,
            client: client("198.51.100.7"),
        };
        for (evidence, label) in [
            (honest, "clean"),
            (Evidence { mark_age_millis: Some(86_400_000), ..honest }, "clean"),
            (Evidence { mark_age_millis: Some(-900), ..honest }, "clean"),
            (Evidence { mark_age_millis: Some(1_499), ..honest }, "early-mark"),
            (Evidence { mark_age_millis: Some(0), ..honest }, "early-mark"),
            (Evidence { mark_age_millis: None, ..honest }, "no-mark"),
            (Evidence { mark_age_millis: None, is_foreign_token: true, ..honest }, "foreign-token"),
            (Evidence { is_foreign_token: true, is_opaque_origin: true, ..honest }, "opaque-origin"),
            (Evidence { is_opaque_origin: true, is_unlike_a_browser: true, ..honest }, "not-a-browser"),
            (Evidence { is_unlike_a_browser: true, client: client("192.0.2.9"), ..honest }, "hosting-network"),
        ] {
            assert_eq!(evidence.label(&hosting).name(), label, "{evidence:?}");
        }
        let from_a_host = Evidence { client: client("192.0.2.9"), ..honest };
        assert_eq!(from_a_host.label(&HostingRanges::default()), Label::CLEAN, "without a list there are none");
    }
}
