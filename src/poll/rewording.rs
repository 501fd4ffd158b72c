//! Changes of a poll's wording once readers have voted in it.
//!
//! Who voted before has answered other words. So such a change has a reason, and readers are shown both, unless the
//! publisher says that only the spelling was corrected: for that they answer, and it is kept all the same.

use serde::{Deserialize, Serialize};

use super::{Emoji, OptionId, Poll, PollOption, Text, Timestamp};

/// The most that are kept: the latest.
pub const MOST_REWORDINGS: usize = 20;
/// Of the latest, so many bytes of former words are kept. Every reader of the poll is sent them.
const MOST_BYTES_BEFORE: usize = 16_384;

/// One change of the wording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rewording {
    /// When it was made, by the store's clock.
    pub at: Timestamp,
    /// Why.
    pub reason: Text,
    /// Whether only the spelling was corrected.
    pub correction: bool,
    /// What it was before; nothing if that was dropped, as too long ago.
    #[serde(default)]
    pub before: FormerWording,
}

/// The former words, as far as they have changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormerWording {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<Text>,
    /// Options with other labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<FormerOption>,
    /// What the lowest step of a rating meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low_label: Option<Text>,
    /// What the highest step meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high_label: Option<Text>,
}

/// An option as it was worded before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormerOption {
    /// Which.
    pub id: OptionId,
    /// What readers saw of a reaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emoji: Option<Emoji>,
    /// What it said.
    pub label: Text,
}

impl FormerWording {
    /// How many bytes of text there are.
    fn bytes(&self) -> usize {
        let texts = [&self.question, &self.low_label, &self.high_label].into_iter().flatten();
        texts.chain(self.options.iter().map(|option| &option.label)).map(|text| text.as_str().len()).sum()
    }
}

impl Poll {
    /// Whether readers see the same words as in another revision of this poll, in any order.
    pub fn is_worded_like(&self, other: &Self) -> bool {
        let ends = |poll: &Self| poll.scale.as_ref().map(|scale| (scale.low_label.clone(), scale.high_label.clone()));
        self.question == other.question
            && ends(self) == ends(other)
            && self.options.iter().all(|option| other.options.iter().all(|old| is_worded_like(option, old)))
    }

    /// The words of this poll that another revision of it says otherwise.
    fn former(&self, now: &Self) -> FormerWording {
        let has_changed = |option: &&PollOption| now.options.iter().any(|new| !is_worded_like(option, new));
        let former = |option: &PollOption| FormerOption {
            id: option.id.clone(),
            emoji: option.emoji.clone(),
            label: option.label.clone(),
        };
        let end = |end: fn(&super::Scale) -> &Option<Text>| {
            let of = |poll: &Self| poll.scale.as_ref().and_then(|scale| end(scale).clone());
            of(self).filter(|before| of(now).as_ref() != Some(before))
        };
        FormerWording {
            question: (self.question != now.question).then(|| self.question.clone()),
            options: self.options.iter().filter(has_changed).map(former).collect(),
            low_label: end(|scale| &scale.low_label),
            high_label: end(|scale| &scale.high_label),
        }
    }

    /// Keeps why this revision says something otherwise than the one before.
    pub(super) fn note_rewording(&mut self, before: &Self, at: Timestamp, reason: Text, correction: bool) {
        let before = before.former(self);
        self.rewordings.push(Rewording { at, reason, correction, before });
        let surplus = self.rewordings.len().saturating_sub(MOST_REWORDINGS);
        self.rewordings.drain(..surplus);
        let mut bytes = 0;
        for rewording in self.rewordings.iter_mut().rev() {
            bytes += rewording.before.bytes();
            // The latest is told whatever its length.
            if bytes > MOST_BYTES_BEFORE && rewording.at != at {
                rewording.before = FormerWording::default();
            }
        }
    }

    /// The latest change of the wording that readers are shown: one that is no mere correction.
    pub fn shown_rewording(&self) -> Option<&Rewording> {
        self.rewordings.iter().rev().find(|rewording| !rewording.correction)
    }
}

/// Whether an option is another one, or says the same.
fn is_worded_like(one: &PollOption, other: &PollOption) -> bool {
    one.id != other.id || (&one.label, &one.emoji) == (&other.label, &other.emoji)
}
