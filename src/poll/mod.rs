//! The domain, pure: what a poll is, what may be chosen in it, when it is open, and how votes are summed.
//!
//! Nothing here knows HTTP, a store or an executor, and nothing reads a clock: time always comes in as an argument.
//! Values are parsed at the edge into types that cannot be wrong, so a [`Poll`] in hand is a valid poll.

mod addendum;
mod after_vote;
mod appearance;
mod ballot;
mod calendar;
mod check;
mod choices;
mod counters;
mod defaults;
mod definition;
mod disclosure;
mod edit;
mod emoji;
mod grade;
mod ids;
mod image;
mod incident;
mod kind;
mod label;
mod moves;
mod open_answer;
mod partitions;
mod proof_of_work;
mod quiz;
mod reader_tally;
mod rewording;
mod runoff;
mod sampling;
mod scale;
mod schedule;
mod search;
mod tally;
mod text;
mod time_zone;
mod timeline;
mod timestamp;
mod trace;
mod viewer;
mod web_address;

pub use addendum::Addendum;
pub use after_vote::{AfterVote, AfterVoteLink, NewAfterVote};
pub use ballot::{Action, Applied, Ballot, DigestKey, Outcome, VoterDigest};
pub use check::{Mistake, Violation};
pub use choices::{Choices, InvalidChoice};
pub use counters::{Codec, Counters, Indexes, MAX_COUNTERS, MOST_INDEXES};
pub use defaults::PollDefaults;
pub use definition::{
    ListCursor, MOST_MINIMUM, NewOption, NewPoll, PageStart, Poll, PollArticle, PollFields, PollOption,
};
pub use disclosure::{Disclosure, NewDisclosure};
pub use edit::{Edit, EditError, Effect};
pub use emoji::Emoji;
pub use grade::Grade;
pub(crate) use ids::word_id;
pub use ids::{InvalidId, Language, OptionId, PollId, Revision, SiteId, VoterId};
pub use image::{NewImage, OptionImage};
pub use incident::{
    Ending, Figures, Finding, Incident, IncidentCause, IncidentEnd, IncidentPolicy, MOST_INCIDENTS, SURE, Suspects,
};
pub use kind::{ArticleElement, Kind};
pub use label::{Decisions, LABELS, Label, LabelDecision, LabelSet, LabelTally, PartitionLabels, RecordedBallot};
pub use open_answer::{
    AnswerId, AnswerState, CountedAnswer, InvalidAnswer, MOST_ANSWERS, OTHER, OpenAnswer, RecordedAnswer,
};
pub use partitions::Partitions;
pub use proof_of_work::WorkPolicy;
pub use quiz::{Quiz, Resolution, ResolveError};
pub use reader_tally::DelayedTally;
pub use rewording::{FormerOption, FormerWording, MOST_REWORDINGS, Rewording};
pub use runoff::{Eliminated, Orders, Round, Runoff, TieBreak};
pub use sampling::{SampleWindow, Sampling, VERSION_STEP};
pub use scale::{NewScale, Rating, Scale, Steps};
pub use schedule::{CLOCKS_APART_MILLIS, Phase, Schedule, State, StateByClocks, Times};
pub use search::{MOST_SEARCHED, SearchWords, fold};
pub use tally::{MAX_OPTIONS, PartitionTally, Position, Tally, Votes};
pub use text::{
    DISCLOSURE_NOTE, EXPLANATION, LABEL, OPEN_ANSWER, PARTY, QUESTION, REASON, Text, TextLimit, is_invisible,
    is_refused,
};
pub use time_zone::TimeZone;
pub use timeline::{Bucket, Change, Interval, Minute, Moves, Step, Timeline};
pub use timestamp::Timestamp;
pub use trace::{NetworkDigest, VoteTrace};
pub use viewer::{ResultsPolicy, TallyDisplay, Viewer, WhyHidden};
pub use web_address::WebAddress;
