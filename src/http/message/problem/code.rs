//! The table of problems: a name, a status, a code and a title each.

use actix_web::http::StatusCode;

/// Declares the codes from the table below.
macro_rules! codes {
    ($($name:ident $status:literal $code:literal $title:literal)*) => {
        /// What went wrong, as programs tell it. The code is the last part of the problem's `type`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = concat!("`", $code, "` (", $status, "): ", $title, ".")] $name,)*
        }

        impl Code {
            /// Every code, in the table's order.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            fn row(self) -> (u16, &'static str, &'static str) {
                match self {
                    $(Self::$name => ($status, $code, $title),)*
                }
            }
        }
    };
}

codes! {
    InvalidRequest       400 "invalid-request"        "The request is malformed"
    VoterRequired        401 "voter-required"         "A voter token is required"
    KeyRequired          401 "key-required"           "An API key is required"
    ScopeMissing         403 "scope-missing"          "The key may not do this"
    OriginRefused        403 "origin-refused"         "This page may not vote in this poll"
    ResultsHidden        403 "results-hidden"         "The results are not shown"
    NotFound             404 "not-found"              "There is no such thing"
    NoTemplate           404 "no-template"            "The site has no such template"
    ArticleNotAnnounced  404 "article-not-announced"  "The article is not announced"
    MethodNotAllowed     405 "method-not-allowed"     "The method does not apply here"
    RequestTimeout       408 "request-timeout"        "The request did not come in time"
    AlreadyVoted         409 "already-voted"          "This voter has voted, and the ballot can't change"
    PollNotOpen          409 "poll-not-open"          "The poll is not open"
    PollNotClosed        409 "poll-not-closed"        "The poll is not closed"
    AlreadyResolved      409 "already-resolved"       "The poll is resolved with another option"
    NotAPrediction       409 "not-a-prediction"       "The poll can't be resolved"
    SiteHasPolls         409 "site-has-polls"         "The site has polls"
    SiteHasKeys          409 "site-has-keys"          "The site has API keys"
    SiteHasTemplates     409 "site-has-templates"     "The site has templates"
    TooManyTemplates     409 "too-many-templates"     "The site has as many templates as it may"
    SiteHasPlaces        409 "site-has-places"        "The site has places"
    TooManyPlaces        409 "too-many-places"        "The site has as many places as it may"
    SiteHasWebhooks      409 "site-has-webhooks"      "The site has webhooks"
    TooManyWebhooks      409 "too-many-webhooks"      "The site has as many webhooks as it may"
    TooManySecrets       409 "too-many-secrets"       "As many secrets of the webhook sign as may"
    TooManySnapshots     409 "too-many-snapshots"     "The poll has as many snapshots as it may"
    TooManyIncidents     409 "too-many-incidents"     "As many incidents go on in the poll as may"
    ArticlesFull         409 "articles-full"          "The template has as many articles as it may"
    SiteIsDefault        409 "site-is-default"        "The site default stays"
    RevisionMismatch     412 "revision-mismatch"      "It has changed since it was read"
    SiteChanged          412 "site-changed"           "The site has changed since it was read"
    BodyTooLarge         413 "body-too-large"         "The body is too large"
    UnsupportedMediaType 415 "unsupported-media-type" "The body must be JSON"
    AddressTooLong       422 "address-too-long"       "The address is too long"
    InvalidPoll          422 "invalid-poll"           "The poll is not valid"
    InvalidPlace         422 "invalid-place"          "The place is not valid"
    OptionsNotTaken      422 "options-not-taken"      "The options of a rating follow from its scale"
    ScaleNotTaken        422 "scale-not-taken"        "Only a rating has a scale"
    InvalidDecision      422 "invalid-decision"       "The decision is not valid"
    InvalidChoice        422 "invalid-choice"         "The choices don't fit the poll"
    InvalidResolution    422 "invalid-resolution"     "The resolution is not valid"
    StepOutOfRange       422 "step-out-of-range"      "The scale has no such step"
    InvalidOpenAnswer    422 "invalid-open-answer"    "The reader's own words can't be taken"
    OpenAnswerNotTaken   422 "open-answer-not-taken"  "Own words are not taken here"
    NoSuchReaction       422 "no-such-reaction"       "The poll has no such reaction"
    NoSuchPreference     422 "no-such-preference"     "The poll has no such option to rank"
    RepeatedPreference   422 "repeated-preference"    "An option has one rank"
    EmptyOrder           422 "empty-order"            "Rank at least one option"
    RevisionRequired     428 "revision-required"      "Say which revision you edit"
    ForeignAddress       422 "foreign-address"        "The address is not the site's"
    QuotaExceeded        429 "quota-exceeded"         "Too many requests"
    HeadersTooLarge      431 "headers-too-large"      "The request has too many headers, or too long ones"
    Internal             500 "internal"               "Something failed on our side"
    FormatNotOffered     501 "format-not-offered"     "The answer is not offered in this format"
    StoreUnavailable     503 "store-unavailable"      "The store did not answer"
    Overloaded           503 "overloaded"             "Too much is waiting already"
}

impl Code {
    /// The code as written in the body: `already-voted`.
    pub fn as_str(self) -> &'static str {
        self.row().1
    }

    /// Its HTTP status.
    pub fn status(self) -> StatusCode {
        StatusCode::from_u16(self.row().0).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// What it means, the same for every occurrence.
    pub fn title(self) -> &'static str {
        self.row().2
    }
}
