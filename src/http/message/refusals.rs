//! What the use cases refuse, translated to problems.

use super::problem::{Code, FieldError, Problem};
use crate::{
    article::AddressFault,
    events::FeedError,
    integrity::IntegrityError,
    poll::{InvalidAnswer, InvalidChoice, Poll, ResultsPolicy, State, Timestamp, WhyHidden},
    proof::ProofError,
    publishing::PublishError,
    site::OtherSite,
    views::ViewError,
    voting::{NoArticle, OnRecord, VoteError},
    wire::VerdictJson,
};

impl From<VoteError> for Problem {
    fn from(error: VoteError) -> Self {
        match error {
            VoteError::NoPoll => Self::no_poll(),
            VoteError::NoArticle(refusal) => refusal.into(),
            VoteError::NoPlace => no_place(),
            VoteError::InvalidChoice { rule, nth } => {
                let field = nth.map_or_else(|| "choices".to_owned(), |nth| format!("choices[{nth}]"));
                let detail = rule.to_string();
                let code = match rule {
                    InvalidChoice::OutOfRange { .. } => Code::StepOutOfRange,
                    InvalidChoice::NoReaction(..) => Code::NoSuchReaction,
                    InvalidChoice::NoSuchPreference(..) => Code::NoSuchPreference,
                    InvalidChoice::RepeatedPreference(_) | InvalidChoice::SameRank(_) => Code::RepeatedPreference,
                    InvalidChoice::EmptyOrder(_) => Code::EmptyOrder,
                    InvalidChoice::Unknown(..)
                    | InvalidChoice::Repeated(_)
                    | InvalidChoice::TooFew { .. }
                    | InvalidChoice::TooMany { .. } => Code::InvalidChoice,
                };
                Self::new(code, format!("choices {detail}")).with_errors([FieldError { field, detail }])
            }
            VoteError::InvalidAnswer(rule) => {
                let code = match rule {
                    InvalidAnswer::NotTaken | InvalidAnswer::WithoutOther => Code::OpenAnswerNotTaken,
                    InvalidAnswer::Text(_) => Code::InvalidOpenAnswer,
                };
                Self::of_field(code, "open_answer", rule.to_string())
            }
            VoteError::AlreadyVoted(ballot) => on_record(
                &ballot,
                "this voter's ballot is on record, and says something else, and the poll lets none change",
            ),
            VoteError::NotTakenBack(ballot) => on_record(
                &ballot,
                "the poll lets no ballot change, so none can be taken back; this voter's stays on record",
            ),
            VoteError::NotOpen(poll, state) => not_open(&poll, state),
            VoteError::QuotaExceeded(quota_state) => Self::quota_exceeded(&quota_state),
            VoteError::Hidden(why) => Self::new(Code::ResultsHidden, hidden_because(why)),
            VoteError::Behind => Self::new(
                Code::StoreUnavailable,
                "you have a later tally than this replica, and the store did not say in time which is the newest",
            ),
            VoteError::NoRunoff => Self::new(Code::NotFound, "only a poll of kind ranked has a run-off"),
            VoteError::StillCounting => {
                Self::new(Code::Overloaded, "the run-off is still being counted; ask again in a while")
            }
            VoteError::Undecided => Self::undecided(),
            VoteError::KeptChanging => Self::new(Code::StoreUnavailable, "the poll kept changing; nothing was counted"),
            VoteError::Overloaded => {
                Self::new(Code::Overloaded, "too many ballots are waiting to be counted; this one was not")
            }
            VoteError::Store(error) => error.into(),
            VoteError::Internal(what) => Self::internal(what),
        }
    }
}

impl From<ProofError> for Problem {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::NotThere => Self::new(Code::NotFound, "the site has no such log, or it has no such part"),
            ProofError::NoSnapshot => Self::new(Code::NotFound, "no snapshot of the poll has this id"),
            ProofError::TooMany => Self::new(Code::TooManySnapshots, error.to_string()),
            ProofError::Busy => Self::new(Code::Overloaded, "others write to the site's log; ask again in a while"),
            ProofError::NotYet => Self::new(
                Code::StoreUnavailable,
                "it is done, and is shown once the store's replicas know it; look again in a while",
            ),
            ProofError::Store(error) => error.into(),
            ProofError::Internal(what) => Self::internal(what),
        }
    }
}

impl From<PublishError> for Problem {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::NoPoll => Self::no_poll(),
            PublishError::NoAnswer => no_answer(),
            PublishError::NoSite => no_site(),
            PublishError::NoKey => no_key(),
            PublishError::NoSession => no_session(),
            PublishError::NoArticle => no_article(),
            PublishError::Address(fault) => Self::of_field(Code::InvalidRequest, "url", fault.to_string()),
            PublishError::ForeignAddress(address) => Self::of_field(
                Code::ForeignAddress,
                "url",
                format!("must lie at one of the origins that the site lists, is at {}", address.authority()),
            ),
            PublishError::OtherSite(other) => other.into(),
            error @ PublishError::SiteHasPolls(_) => Self::new(Code::SiteHasPolls, error.to_string()),
            error @ PublishError::SiteHasTemplates(_) => Self::new(Code::SiteHasTemplates, error.to_string()),
            error @ PublishError::TooManyTemplates => Self::new(Code::TooManyTemplates, error.to_string()),
            error @ PublishError::SiteHasPlaces(_) => Self::new(Code::SiteHasPlaces, error.to_string()),
            error @ PublishError::TooManyPlaces => Self::new(Code::TooManyPlaces, error.to_string()),
            error @ PublishError::SiteHasWebhooks(_) => Self::new(Code::SiteHasWebhooks, error.to_string()),
            error @ PublishError::TooManyWebhooks => Self::new(Code::TooManyWebhooks, error.to_string()),
            error @ PublishError::TooManySecrets(_) => Self::new(Code::TooManySecrets, error.to_string()),
            PublishError::NoWebhook => no_webhook(),
            PublishError::NoDelivery => no_delivery(),
            PublishError::NoPlace => no_place(),
            PublishError::InvalidPlace(violations) => Self::of_place(violations),
            PublishError::NoTemplate => no_template(),
            error @ PublishError::SiteHasKeys(_) => Self::new(Code::SiteHasKeys, error.to_string()),
            PublishError::SiteChanged(site) => {
                let detail = format!("the site was changed at {}; read it and change that", site.updated_at);
                Self::new(Code::SiteChanged, detail).with_member("updated_at", site.updated_at.to_string())
            }
            error @ PublishError::SiteIsDefault => Self::new(Code::SiteIsDefault, error.to_string()),
            error @ (PublishError::ScopeNotGiven(_) | PublishError::SessionElsewhere) => {
                Self::new(Code::ScopeMissing, error.to_string())
            }
            PublishError::Invalid(violations) => Self::of_violations(violations),
            PublishError::IdempotencyKeyReused => {
                let rule = "came with another request before; use a new key for a new poll";
                Self::of_field(Code::InvalidPoll, "Idempotency-Key", rule)
            }
            PublishError::RevisionRequired => Self::new(
                Code::RevisionRequired,
                "say which revision you edit, by If-Match with its ETag or by revision in the body",
            ),
            PublishError::RevisionMismatch(in_force) => {
                let detail = format!("revision {in_force} is in force; read that and edit it");
                Self::new(Code::RevisionMismatch, detail).with_member("revision", in_force.0)
            }
            PublishError::NotOpen(poll, state) => not_open(&poll, state),
            PublishError::HasBallots(field) => {
                let rule = "can't change: the set of options, how many may be chosen and which is right are fixed by the first \
                            ballot";
                Self::of_field(Code::InvalidPoll, field, rule)
            }
            PublishError::NotClosed(state) => Self::new(
                Code::PollNotClosed,
                format!("the poll is {}; it is resolved once it is closed", state.as_str()),
            )
            .with_member("state", state.as_str()),
            PublishError::NotAPrediction => Self::new(
                Code::NotAPrediction,
                "only a poll of kind single without correct can be resolved: one of its options came true",
            ),
            PublishError::InvalidResolution(field, rule) => Self::of_field(Code::InvalidResolution, field, rule),
            PublishError::Resolved(option) => {
                let detail = format!("the poll is resolved with {option}; give a reason to say otherwise");
                Self::new(Code::AlreadyResolved, detail).with_member("option", option.as_str())
            }
            PublishError::Undecided => Self::undecided(),
            PublishError::KeptChanging => Self::new(Code::StoreUnavailable, "the poll kept changing; it was not moved"),
            PublishError::Store(error) => error.into(),
            PublishError::Internal(what) => Self::internal(what),
        }
    }
}

impl From<IntegrityError> for Problem {
    fn from(error: IntegrityError) -> Self {
        match error {
            IntegrityError::NoPoll => Self::no_poll(),
            IntegrityError::NotOpen(poll, state) => not_open(&poll, state),
            IntegrityError::NoIncident => Self::new(Code::NotFound, "no incident of this poll has this label"),
            error @ IntegrityError::TooMany => Self::new(Code::TooManyIncidents, error.to_string()),
            IntegrityError::Reason(rule) => Self::of_field(Code::InvalidDecision, "reason", rule),
            IntegrityError::Undecided => Self::undecided(),
            IntegrityError::KeptChanging => {
                Self::new(Code::StoreUnavailable, "the poll kept changing; nothing was decided")
            }
            IntegrityError::Store(error) => error.into(),
            IntegrityError::Internal(what) => Self::internal(what),
        }
    }
}

impl From<FeedError> for Problem {
    fn from(error: FeedError) -> Self {
        match error {
            FeedError::OtherSite(refusal) => refusal.into(),
            FeedError::NoSite => no_site(),
            FeedError::Store(error) => error.into(),
        }
    }
}

impl From<ViewError> for Problem {
    fn from(error: ViewError) -> Self {
        match error {
            ViewError::NoPoll => Self::no_poll(),
            ViewError::NoSite => no_site(),
            ViewError::Address(fault) => no_address(fault),
            ViewError::NotOfSite => foreign_address(),
            ViewError::Store(error) => error.into(),
        }
    }
}

impl From<OtherSite> for Problem {
    fn from(other: OtherSite) -> Self {
        Self::new(Code::ScopeMissing, other.to_string())
    }
}

impl From<NoArticle> for Problem {
    fn from(refusal: NoArticle) -> Self {
        match refusal {
            NoArticle::NoSite => no_site(),
            NoArticle::NoTemplate => no_template(),
            NoArticle::NotAnnounced => not_announced(),
            NoArticle::Address(fault) => no_address(fault),
            NoArticle::NotOfSite => foreign_address(),
            NoArticle::Full => Self::new(
                Code::ArticlesFull,
                "the template has as many articles as it may; most_articles says how many",
            ),
        }
    }
}

fn no_address(fault: AddressFault) -> Problem {
    let code = match fault {
        AddressFault::NoAddress => Code::InvalidRequest,
        AddressFault::TooLong(_) => Code::AddressTooLong,
    };
    Problem::of_field(code, "url", fault.to_string())
}

fn foreign_address() -> Problem {
    Problem::of_field(Code::ForeignAddress, "url", "must be under one of the origins that the site lists")
}

/// No ballot says this text, or not any more.
pub(in crate::http) fn no_answer() -> Problem {
    Problem::new(Code::NotFound, "no ballot of this poll says a text with this id")
}

/// The site has no such template.
pub(in crate::http) fn no_template() -> Problem {
    let rule = "must be the id of one of the site's templates; PUT /v1/sites/{site}/templates/{template} makes one";
    Problem::of_field(Code::NoTemplate, "template", rule)
}

/// The article is not announced, and must be.
pub(in crate::http) fn not_announced() -> Problem {
    let rule = "must be announced first; PUT /v1/sites/{site}/articles/{article} does it";
    Problem::of_field(Code::ArticleNotAnnounced, "article", rule)
}

/// There is no such site.
pub(in crate::http) fn no_site() -> Problem {
    Problem::new(Code::NotFound, "no site has this id; PUT /v1/sites/{site} makes one")
}

/// The site has no such place.
pub(in crate::http) fn no_place() -> Problem {
    Problem::new(Code::NotFound, "the site has no such place; PUT /v1/sites/{site}/places/{place} makes one")
}

/// The site has no such webhook.
pub(in crate::http) fn no_webhook() -> Problem {
    Problem::new(Code::NotFound, "the site has no such webhook; POST /v1/sites/{site}/webhooks makes one")
}

/// The webhook has no delivery of this event.
pub(in crate::http) fn no_delivery() -> Problem {
    Problem::new(Code::NotFound, "the webhook has no delivery of this event")
}

/// There is no such article.
pub(in crate::http) fn no_article() -> Problem {
    Problem::new(Code::NotFound, "no article is announced by this id")
}

/// Nobody is signed in by such a session.
pub(in crate::http) fn no_session() -> Problem {
    Problem::new(Code::NotFound, "nobody is signed in by a session with this id, at this site")
}

/// There is no such key, or none that this one may know of.
pub(in crate::http) fn no_key() -> Problem {
    Problem::new(Code::NotFound, "no key has this id")
}

/// The poll's state does not allow what was asked; its schedule says what to wait for, if anything.
fn not_open(poll: &Poll, state: State) -> Problem {
    let when = |moment: Option<Timestamp>| moment.map(|moment| moment.to_string());
    Problem::new(Code::PollNotOpen, format!("the poll is {}", state.as_str()))
        .with_member("state", state.as_str())
        .with_member("opens_at", when(poll.schedule.opens_at))
        .with_member("closes_at", when(poll.schedule.closes_at))
}

fn on_record(OnRecord { poll, choices }: &OnRecord, detail: &'static str) -> Problem {
    let on_record: Vec<String> = choices.ids(poll).into_iter().map(String::from).collect();
    let problem = Problem::new(Code::AlreadyVoted, detail).with_member("choices", on_record);
    match VerdictJson::of(poll, *choices).and_then(|verdict| serde_json::to_value(verdict).ok()) {
        Some(verdict) => problem.with_member("quiz", verdict),
        None => problem,
    }
}

fn hidden_because(why: WhyHidden) -> String {
    let by_policy = match why {
        WhyHidden::TooFew(least) => return format!("the results are shown once the poll has {least} ballots"),
        WhyHidden::Display(_) => "this is shown once the poll is closed",
        WhyHidden::Policy(ResultsPolicy::AfterVote) => {
            "the results are shown to voters with a ballot, and to everyone once the poll is closed"
        }
        WhyHidden::Policy(ResultsPolicy::AfterClose) => "the results are shown once the poll is closed",
        WhyHidden::Policy(ResultsPolicy::Always | ResultsPolicy::Never) => "the results are not shown",
    };
    by_policy.to_owned()
}
