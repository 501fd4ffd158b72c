//! Who may see a tally.

use serde::{Deserialize, Serialize};

use super::State;

/// To whom a poll shows its tally. Its publisher always sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResultsPolicy {
    /// Everyone, at any time.
    Always,
    /// A voter with a ballot; everyone once the poll is closed.
    AfterVote,
    /// Everyone, once the poll is closed.
    AfterClose,
    /// Nobody.
    Never,
}

/// How exact readers see the tally of a poll that takes votes. Once it is closed, and for its publisher, it is exact.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TallyDisplay {
    /// As it is.
    #[default]
    Exact,
    /// Shares in whole percent, and ballots rounded down to two digits.
    Percent,
    /// As it was some minutes ago.
    Delayed,
}

impl TallyDisplay {
    /// Whether it is the usual one.
    pub fn is_exact(&self) -> bool {
        *self == Self::Exact
    }
}

/// Why a tally is not shown to somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhyHidden {
    /// By the poll's policy.
    Policy(ResultsPolicy),
    /// The poll has fewer ballots than this.
    TooFew(u16),
    /// What is asked for tells more than readers see of an open poll.
    Display(TallyDisplay),
}

/// Who looks at a tally. Each sees all that those before it see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Viewer {
    /// Anybody.
    Everyone,
    /// A voter with a ballot in the poll.
    Voter,
    /// The poll's publisher: by a key of its site with the scope `results:read`.
    Publisher,
}

impl ResultsPolicy {
    /// The least that somebody must be to see the tally of a poll in this state. This is the one rule of who may see
    /// it: all others ask here.
    pub fn least_viewer(self, state: State) -> Viewer {
        match self {
            Self::Always => Viewer::Everyone,
            Self::AfterVote | Self::AfterClose if state == State::Closed => Viewer::Everyone,
            Self::AfterVote => Viewer::Voter,
            Self::AfterClose | Self::Never => Viewer::Publisher,
        }
    }

    /// All there are, by their names.
    pub const NAMES: [(&'static str, Self); 4] = [
        ("always", Self::Always),
        ("after_vote", Self::AfterVote),
        ("after_close", Self::AfterClose),
        ("never", Self::Never),
    ];

    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::AfterVote => "after_vote",
            Self::AfterClose => "after_close",
            Self::Never => "never",
        }
    }

    /// Whether a viewer sees the tally of a poll in this state.
    pub fn shows(self, viewer: Viewer, state: State) -> bool {
        viewer >= self.least_viewer(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_policy_shows_the_tally_to_whom_it_says() {
        use ResultsPolicy::{AfterClose, AfterVote, Always, Never};
        for (policy, state, voter, everyone) in [
            (Always, State::Open, true, true),
            (AfterVote, State::Open, true, false),
            (AfterVote, State::Closed, true, true),
            (AfterClose, State::Open, false, false),
            (AfterClose, State::Closed, true, true),
            (Never, State::Open, false, false),
            (Never, State::Closed, false, false),
        ] {
            assert!(policy.shows(Viewer::Publisher, state), "{policy:?} {state:?}");
            assert_eq!(policy.shows(Viewer::Voter, state), voter, "{policy:?} {state:?}");
            assert_eq!(policy.shows(Viewer::Everyone, state), everyone, "{policy:?} {state:?}");
        }
    }
}
