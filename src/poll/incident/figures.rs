//! What a detector has counted, apart from the words it is told in.

use serde::{Deserialize, Serialize};

use crate::poll::{REASON, Text};

/// What a detector has counted: why it takes something for an incident. It is said in English to programs, and in the
/// newsroom in an editor's own language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "kebab-case")]
pub enum Figures {
    /// The busiest of the networks that vote more than is to be expected.
    Network {
        /// How many networks there are.
        networks: u32,
        /// Within how many minutes it cast the ballots.
        minutes: u32,
        ballots: u32,
        /// How many were to be expected of it.
        expected: u32,
        /// How many came from everywhere else meanwhile.
        others: u32,
        /// Whether they come at even gaps.
        #[serde(default)]
        even_gaps: bool,
        /// Whether nearly all name one option, which others name less.
        #[serde(default)]
        one_option: bool,
    },
    /// Ballots for one option that keep the beat of a clock.
    Beat {
        ballots: u32,
        /// Among how many for that option.
        among: u32,
        /// From one to the next, in milliseconds.
        gap: u32,
    },
    /// How much the gaps between ballots for one option vary.
    Gaps {
        /// In percent of what those of readers do who don't know of each other.
        variation: u32,
    },
    /// An option that is suddenly named by many more.
    Share {
        /// What share of the ballots named it before, in percent.
        before: u32,
    },
    /// Votes, and views of the poll.
    Views { minutes: u32, ballots: u32, views: u32 },
    /// More voters than before come for the first time.
    NewVoters {
        /// What share of the ballots was theirs before, in percent.
        before: u32,
    },
}

impl Figures {
    /// In English, as the reason of an incident.
    pub fn reason(&self) -> Option<Text> {
        let said = match *self {
            Self::Network { networks, minutes, ballots, expected, others, even_gaps, one_option } => {
                let which =
                    if networks == 1 { "one network".to_owned() } else { format!("one of {networks} networks") };
                let within = if minutes == 1 { "a minute".to_owned() } else { format!("{minutes} minutes") };
                let gaps = if even_gaps { "; they come at even gaps" } else { "" };
                let option = if one_option { "; nearly all name one option, which others name less" } else { "" };
                format!(
                    "{which} cast {ballots} ballots within {within}, and all others {others}; \
                     {expected} were to be expected of it{gaps}{option}"
                )
            }
            Self::Beat { ballots, among, gap } => {
                let tenths = gap / 100;
                format!(
                    "among {among} ballots for one option about {ballots} keep the beat of a clock, one in {}.{} seconds",
                    tenths / 10,
                    tenths % 10
                )
            }
            Self::Gaps { variation } => format!(
                "ballots for one option come at gaps too even for readers: they vary by {variation}% of what those of many do \
                 who don't know of each other"
            ),
            Self::Share { before } => {
                format!("an option that about {before}% of ballots named is suddenly named by many more")
            }
            Self::Views { minutes, ballots, views } => {
                format!("{ballots} votes came within {minutes} minutes, and the poll was seen {views} times")
            }
            Self::NewVoters { before } => {
                format!("many more ballots are by voters who come for the first time than the {before}% of before")
            }
        };
        Text::parse(&said, REASON).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_says_each_figure_also_where_they_are_as_high_as_can_be() {
        const MOST: u32 = u32::MAX;
        let network = |networks, minutes, even_gaps, one_option| Figures::Network {
            networks,
            minutes,
            ballots: 120,
            expected: 4,
            others: 30,
            even_gaps,
            one_option,
        };
        for (figures, said) in [
            (
                network(1, 1, false, false),
                "one network cast 120 ballots within a minute, and all others 30; 4 were to be expected of it",
            ),
            (
                network(3, 5, true, true),
                "one of 3 networks cast 120 ballots within 5 minutes, and all others 30; 4 were to be expected of it; they come \
                 at even gaps; nearly all name one option, which others name less",
            ),
            (
                Figures::Beat { ballots: 90, among: 128, gap: 6_049 },
                "among 128 ballots for one option about 90 keep the beat of a clock, one in 6.0 seconds",
            ),
            (
                Figures::Gaps { variation: 8 },
                "ballots for one option come at gaps too even for readers: they vary by 8% of what those of many do who don't \
                 know of each other",
            ),
            (Figures::Share { before: 12 }, "an option that about 12% of ballots named is suddenly named by many more"),
            (
                Figures::Views { minutes: 10, ballots: 200, views: 9 },
                "200 votes came within 10 minutes, and the poll was seen 9 times",
            ),
            (
                Figures::NewVoters { before: 40 },
                "many more ballots are by voters who come for the first time than the 40% of before",
            ),
        ] {
            assert_eq!(figures.reason().unwrap().as_str(), said);
            let stored = serde_json::to_string(&figures).unwrap();
            assert_eq!(serde_json::from_str::<Figures>(&stored).unwrap(), figures, "{stored}");
        }
        let [networks, minutes, ballots, expected, others] = [MOST; 5];
        let most = Figures::Network { networks, minutes, ballots, expected, others, even_gaps: true, one_option: true };
        assert!(most.reason().is_some());
    }
}
