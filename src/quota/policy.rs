//! Which quotas there are, and how much each admits.

use std::{fmt, num::NonZeroU32, str::FromStr, time::Duration};

/// So many requests in so many seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Requests, 1 to 1,000,000.
    pub limit: NonZeroU32,
    /// Seconds, 1 to 86,400.
    pub window_secs: NonZeroU32,
}

impl Quota {
    /// How a quota is written.
    pub const RULE: &'static str =
        "must be REQUESTS/SECONDSs like 10/60s, with 1 to 1000000 requests in 1 to 86400 seconds, or off";

    /// How long one token takes to come back.
    pub fn period(self) -> Duration {
        Duration::from_secs(self.window_secs.get().into()) / self.limit.get()
    }

    /// So many times as much in the same window.
    pub(super) fn times(self, times: u32) -> Self {
        Self { limit: self.limit.saturating_mul(NonZeroU32::new(times).unwrap_or(NonZeroU32::MIN)), ..self }
    }

    /// What passes on a replica's own account, and takes from the store at a time: a tenth, and at least one.
    pub fn tenth(self) -> NonZeroU32 {
        NonZeroU32::new(self.limit.get() / 10).unwrap_or(NonZeroU32::MIN)
    }
}

impl FromStr for Quota {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let within = |text: &str, most: u32| -> Option<NonZeroU32> {
            let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|number: &NonZeroU32| is_plain && number.get() <= most)
        };
        let parse = || {
            let (limit, window) = text.split_once('/')?;
            Some(Self { limit: within(limit, 1_000_000)?, window_secs: within(window.strip_suffix('s')?, 86_400)? })
        };
        parse().ok_or(Self::RULE)
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}s", self.limit, self.window_secs)
    }
}

/// Which quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuotaName {
    /// Votes cast and withdrawn, per voter.
    Vote,
    /// Ballots counted, per client and poll.
    Ballot,
    /// Voters made, per client.
    Mint,
    /// Articles that nobody has announced and a ballot makes a poll for, per client.
    Article,
    /// Wrong keys in the newsroom, per client.
    SignIn,
    /// Everything that may change something, per client.
    Client,
    /// Everything else, per client.
    Read,
    /// Requests by publishers, per key.
    Admin,
}

impl QuotaName {
    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();

    /// All, by their index.
    pub const ALL: [Self; 8] =
        [Self::Vote, Self::Mint, Self::Client, Self::Read, Self::Admin, Self::Ballot, Self::Article, Self::SignIn];

    /// Its index among them.
    pub fn index(self) -> usize {
        match self {
            Self::Vote => 0,
            Self::Mint => 1,
            Self::Client => 2,
            Self::Read => 3,
            Self::Admin => 4,
            Self::Ballot => 5,
            Self::Article => 6,
            Self::SignIn => 7,
        }
    }

    /// The name in settings (`SAWT_QUOTA_…`), headers and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Vote => "vote",
            Self::Ballot => "ballot",
            Self::Mint => "mint",
            Self::Article => "article",
            Self::SignIn => "sign_in",
            Self::Client => "client",
            Self::Read => "read",
            Self::Admin => "admin",
        }
    }
}

/// The quotas in force; `None` is off.
#[derive(Debug, Clone, Copy, Default)]
pub struct Policies {
    /// Per voter.
    pub vote: Option<Quota>,
    /// Ballots per client and poll.
    pub ballot: Option<Quota>,
    /// Voters made per client.
    pub mint: Option<Quota>,
    /// New articles per client.
    pub article: Option<Quota>,
    /// Wrong keys per client.
    pub sign_in: Option<Quota>,
    /// All writes per client.
    pub client: Option<Quota>,
    /// Reads per client.
    pub read: Option<Quota>,
    /// Per key.
    pub admin: Option<Quota>,
    /// Only count what would be refused, and refuse nothing.
    pub shadow: bool,
}
