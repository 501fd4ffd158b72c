//! When new voters are asked to prove work: a bounded calculation on their device, which costs one reader a second and
//! a crowd of machines as many as they have voters. Who does not is not refused: the ballot has a label.

use serde::{Deserialize, Serialize};

use super::{Label, Poll};

/// When a site's polls ask new voters to prove work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WorkPolicy {
    /// While an incident goes on.
    #[default]
    Incidents,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl WorkPolicy {
    /// All there are, by their names.
    pub const NAMES: [(&'static str, Self); 3] =
        [("incidents", Self::Incidents), ("always", Self::Always), ("never", Self::Never)];

    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Incidents => "incidents",
            Self::Always => "always",
            Self::Never => "never",
        }
    }
}

impl Poll {
    /// Whether it asks new voters to prove work now, by the policy of its site.
    pub fn asks_for_work(&self, policy: WorkPolicy) -> bool {
        match policy {
            WorkPolicy::Incidents => self.open_incidents().next().is_some(),
            WorkPolicy::Always => true,
            WorkPolicy::Never => false,
        }
    }

    /// What there is to say against a ballot without the work that is asked for, beside what a replica has seen. What
    /// is not counted already stays so: nobody gets out of it by leaving the work undone.
    pub fn label_without_work(&self, seen: Label) -> Label {
        if self.decisions.count(seen) { seen.worse(Label::NO_WORK) } else { seen }
    }
}
