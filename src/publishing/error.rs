//! Why something was not published.

use std::sync::Arc;

use crate::{
    article::{AddressFault, ArticleAddress},
    poll::{EditError, OptionId, Poll, ResolveError, Revision, SiteId, State, Timestamp, Violation},
    site::{OtherSite, Scope, Site},
    store::StoreError,
};

/// Why a use case of [`Publishing`](super::Publishing) refused. Nothing was done, except where the store did not
/// answer.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// There is no such poll, or none of this publisher's.
    #[error("no poll has this id")]
    NoPoll,
    /// No ballot of the poll says this text.
    #[error("no ballot says a text with this id")]
    NoAnswer,
    /// There is no such site.
    #[error("no site has this id")]
    NoSite,
    /// There is no such key, or none of this publisher's.
    #[error("no key has this id")]
    NoKey,
    /// Nobody is signed in by such a session, or not any more, or not at this site.
    #[error("nobody is signed in by a session with this id")]
    NoSession,
    /// Whoever is signed in has business elsewhere too.
    #[error("who has business at other sites too is signed out by the operator alone")]
    SessionElsewhere,
    /// There is no such article, or not any more.
    #[error("no article is announced by this id")]
    NoArticle,
    /// What the address of an article must be, after the field's name.
    #[error("the address {0}")]
    Address(AddressFault),
    /// An article's address lies at none of the origins that its site lists.
    #[error("{} is none of the site's origins", .0.authority())]
    ForeignAddress(ArticleAddress),
    /// This site has polls, so it can't be deleted.
    #[error("delete its polls first, each by DELETE /v1/polls/{{poll}}; GET /v1/polls?site={0} lists them")]
    SiteHasPolls(SiteId),
    /// This site has templates, so it can't be deleted.
    #[error("delete its templates first, each by DELETE /v1/sites/{0}/templates/{{template}}")]
    SiteHasTemplates(SiteId),
    /// This site has places, so it can't be deleted.
    #[error("delete its places first, each by DELETE /v1/sites/{0}/places/{{place}}")]
    SiteHasPlaces(SiteId),
    /// The site has no such place.
    #[error("the site has no such place")]
    NoPlace,
    /// The site has as many places as it may.
    #[error("a site has at most {} places", crate::place::MOST_PLACES)]
    TooManyPlaces,
    /// The place as it would be is not valid.
    #[error("the place is not valid")]
    InvalidPlace(Vec<Violation>),
    /// This site has webhooks, so it can't be deleted.
    #[error("delete its webhooks first, each by DELETE /v1/sites/{0}/webhooks/{{webhook}}")]
    SiteHasWebhooks(SiteId),
    /// The site has no such webhook.
    #[error("the site has no such webhook")]
    NoWebhook,
    /// The webhook was never told of this event, or that is forgotten.
    #[error("the webhook has no delivery of this event")]
    NoDelivery,
    /// The site has as many webhooks as it may.
    #[error("a site has at most {} webhooks", crate::site::MOST_WEBHOOKS)]
    TooManyWebhooks,
    /// As many secrets of the webhook sign as may, the first of the former ones until this moment.
    #[error("two secrets before it still sign; a new one can be made from {0} on")]
    TooManySecrets(Timestamp),
    /// The site has no such template.
    #[error("the site has no such template")]
    NoTemplate,
    /// The site has as many templates as it may.
    #[error("a site has at most {} templates", crate::article::MOST_TEMPLATES)]
    TooManyTemplates,
    /// This site has keys, so it can't be deleted.
    #[error("revoke its keys first, each by DELETE /v1/keys/{{key}}; GET /v1/keys?site={0} lists them")]
    SiteHasKeys(SiteId),
    /// The site was changed since it was read, to this.
    #[error("the site was changed at {}", .0.updated_at)]
    SiteChanged(Box<Site>),
    /// The site that is always there can't be deleted.
    #[error("the site default is always there; PUT /v1/sites/default replaces what it has")]
    SiteIsDefault,
    /// The key acts for another site.
    #[error(transparent)]
    OtherSite(#[from] OtherSite),
    /// A key can't give a scope it lacks.
    #[error("a key can't give a scope it lacks: {}", .0.as_str())]
    ScopeNotGiven(Scope),
    /// The poll as it would be is not valid.
    #[error("the poll is not valid")]
    Invalid(Vec<Violation>),
    /// An idempotency key came with another request before.
    #[error("the idempotency key came with another request before")]
    IdempotencyKeyReused,
    /// No revision was named that is to be edited.
    #[error("no revision is named")]
    RevisionRequired,
    /// Another revision is in force, this one.
    #[error("revision {0} is in force")]
    RevisionMismatch(Revision),
    /// What was asked can't be done in the state that the poll is in.
    #[error("the poll is {}", .1.as_str())]
    NotOpen(Box<Poll>, State),
    /// Only a poll that is closed is resolved, and this one is in this state.
    #[error("the poll is {}", .0.as_str())]
    NotClosed(State),
    /// Only a poll of kind `single` that is no quiz is resolved.
    #[error("the poll is no prediction")]
    NotAPrediction,
    /// What the option or the reason of a resolution must be, after the field's name.
    #[error("{0} {1}")]
    InvalidResolution(&'static str, String),
    /// The poll is resolved, with this option.
    #[error("the poll is resolved with {0}")]
    Resolved(OptionId),
    /// This field was to change, and is fixed by the first ballot.
    #[error("the poll has ballots")]
    HasBallots(&'static str),
    /// Two clocks disagree about whether the poll is open.
    #[error("two clocks disagree")]
    Undecided,
    /// The poll was edited again and again.
    #[error("the poll kept changing")]
    KeptChanging,
    /// The store did not answer; it may have done what it was asked for.
    #[error(transparent)]
    Store(#[from] Arc<StoreError>),
    /// The store's answer does not fit the call.
    #[error("{0}")]
    Internal(&'static str),
}

impl PublishError {
    pub(super) fn of_edit(poll: &Poll, error: EditError) -> Self {
        match error {
            EditError::Closed => Self::NotOpen(Box::new(poll.clone()), State::Closed),
            EditError::Invalid(violations) => Self::Invalid(violations),
        }
    }

    pub(super) fn of_resolution(poll: &Poll, error: ResolveError) -> Self {
        match error {
            ResolveError::NotClosed(state) => Self::NotClosed(state),
            ResolveError::NotAPrediction => Self::NotAPrediction,
            ResolveError::NoSuchOption => {
                let rule = format!("must be the id of one of the options: {}", poll.option_ids());
                Self::InvalidResolution("option", rule)
            }
            ResolveError::Reason(rule) => Self::InvalidResolution("reason", rule),
            ResolveError::Resolved(option) => Self::Resolved(option),
        }
    }
}

impl From<StoreError> for PublishError {
    fn from(error: StoreError) -> Self {
        Self::Store(Arc::new(error))
    }
}
