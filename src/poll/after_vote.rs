//! What a reader is shown once they have voted: thanks, a link, another poll.

use serde::{Deserialize, Serialize};

use super::{
    PollId, Text, WebAddress,
    check::Check,
    text::{AFTER_VOTE, LINK_LABEL},
};

/// What a reader is shown once they have voted. It has at least one of these.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AfterVote {
    /// What is said to them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thanks: Option<Text>,
    /// Where they may go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<AfterVoteLink>,
    /// The poll that they may answer next, in the same place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<PollId>,
}

/// Where a reader may go after their vote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AfterVoteLink {
    /// The address.
    pub url: WebAddress,
    /// What the link says.
    pub label: Text,
}

/// The same as a publisher asks for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewAfterVote {
    /// At most 300 characters.
    pub thanks: Option<String>,
    /// An address of the web, and at most 100 characters for it.
    pub link: Option<(String, String)>,
    /// The id of another poll.
    pub next: Option<String>,
}

impl Check {
    /// What is shown after a vote in the poll of this id; `None` if that is nothing.
    pub(super) fn after_vote(&mut self, poll: PollId, asked: &NewAfterVote) -> Option<AfterVote> {
        let thanks = asked.thanks.as_deref().and_then(|text| self.text("after_vote.thanks", text, AFTER_VOTE));
        let link = asked.link.as_ref().and_then(|(url, label)| {
            let (url, label) =
                (self.address("after_vote.link.url", Some(url)), self.text("after_vote.link.label", label, LINK_LABEL));
            Some(AfterVoteLink { url: url?, label: label? })
        });
        let next = asked.next.as_deref().and_then(|id| match id.parse::<PollId>() {
            Ok(id) if id == poll => {
                self.refuse("after_vote.next", "must be another poll than this one");
                None
            }
            Ok(id) => Some(id),
            Err(rule) => {
                self.refuse("after_vote.next", rule.to_string());
                None
            }
        });
        let after = AfterVote { thanks, link, next };
        (after != AfterVote::default()).then_some(after)
    }
}
