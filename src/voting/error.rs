//! Why a vote was not counted, or a tally not shown.

use std::sync::Arc;

use super::ballot_batcher::CastError;
use crate::{
    article::AddressFault,
    live::NameRefusal,
    poll::{Choices, InvalidAnswer, InvalidChoice, Poll, State, WhyHidden},
    quota::QuotaState,
    site::AddressRefusal,
    store::StoreError,
};

/// Why a use case of [`Voting`](super::Voting) refused. Nothing was done, except where the store did not answer.
#[derive(Debug, thiserror::Error)]
pub enum VoteError {
    /// There is no such poll, or none that readers may know of.
    #[error("no poll has this id")]
    NoPoll,
    /// There is no such poll of an article.
    #[error(transparent)]
    NoArticle(#[from] NoArticle),
    /// The site has no such place.
    #[error("the site has no such place")]
    NoPlace,
    /// The choices don't fit the poll.
    #[error("choices {rule}")]
    InvalidChoice {
        /// What is wrong with them.
        rule: InvalidChoice,
        /// Which of them is wrong, unless it is their number.
        nth: Option<usize>,
    },
    /// What the ballot says in the voter's own words does not fit the poll, or is no text that may stand there.
    #[error("open_answer {0}")]
    InvalidAnswer(#[from] InvalidAnswer),
    /// The voter's ballot is on record with other choices, and the poll lets none change.
    #[error("another ballot of this voter's is on record")]
    AlreadyVoted(OnRecord),
    /// The poll lets no ballot change, so none can be taken back.
    #[error("the poll lets no ballot be taken back")]
    NotTakenBack(OnRecord),
    /// The poll takes no votes now.
    #[error("the poll is {}", .1.as_str())]
    NotOpen(Arc<Poll>, State),
    /// The client has cast as many ballots in this poll as it may.
    #[error("a quota is spent")]
    QuotaExceeded(QuotaState),
    /// The tally is hidden from this viewer.
    #[error("the results are hidden")]
    Hidden(WhyHidden),
    /// The reader has a later tally than this replica, and the store did not say in time which is the newest.
    #[error("the tally here is behind")]
    Behind,
    /// The poll has no order of preference, so no run-off.
    #[error("the poll is not ranked")]
    NoRunoff,
    /// The run-off is still being counted.
    #[error("the run-off is still being counted")]
    StillCounting,
    /// Two clocks disagree about whether the poll is open.
    #[error("two clocks disagree")]
    Undecided,
    /// The poll was edited again and again.
    #[error("the poll kept changing")]
    KeptChanging,
    /// Too many ballots wait already.
    #[error("too many ballots are waiting")]
    Overloaded,
    /// The store did not answer; it may have done what it was asked for.
    #[error(transparent)]
    Store(#[from] Arc<StoreError>),
    /// The store's answer does not fit the call.
    #[error("{0}")]
    Internal(&'static str),
}

/// A ballot that stays as it is.
#[derive(Debug)]
pub struct OnRecord {
    /// The poll, in the revision that decided on the ballot.
    pub poll: Arc<Poll>,
    /// What the ballot says.
    pub choices: Choices,
}

impl From<NameRefusal> for VoteError {
    fn from(refusal: NameRefusal) -> Self {
        match refusal {
            NameRefusal::Address(AddressRefusal::Invalid(fault)) => NoArticle::Address(fault).into(),
            NameRefusal::Address(AddressRefusal::Foreign(_)) => NoArticle::NotOfSite.into(),
            NameRefusal::Store(error) => Self::Store(error),
        }
    }
}

impl From<StoreError> for VoteError {
    fn from(error: StoreError) -> Self {
        Self::Store(Arc::new(error))
    }
}

impl From<CastError> for VoteError {
    fn from(error: CastError) -> Self {
        match error {
            CastError::Stale => Self::KeptChanging,
            CastError::Gone => Self::NoPoll,
            CastError::Overloaded => Self::Overloaded,
            CastError::Store(error) => Self::Store(error),
        }
    }
}

/// Why there is no such poll of an article.
#[derive(Debug, thiserror::Error)]
pub enum NoArticle {
    /// There is no such site.
    #[error("no site has this id")]
    NoSite,
    /// The site has no such template.
    #[error("the site has no such template")]
    NoTemplate,
    /// The template is for announced articles, and this one is not.
    #[error("the article is not announced")]
    NotAnnounced,
    /// This is not an article's address, after the field's name.
    #[error(transparent)]
    Address(#[from] AddressFault),
    /// The address is under none of the site's origins.
    #[error("the address is not the site's")]
    NotOfSite,
    /// The template has as many articles as it may.
    #[error("the template has as many articles as it may")]
    Full,
}
