//! What caches are told: who may keep an answer, for how long, and by which names it can be purged.
//!
//! - **What everyone sees alike** is kept for two seconds by browsers and for five by shared caches: so old may a tally
//!   on a page be. A shared cache may show it for half a minute more while it fetches the next one, so that readers
//!   don't wait and only one of them costs a request, and for five minutes while this service can't be reached.
//! - **Closed is final**: only its deletion, and the resolution of a prediction, changes a closed poll, so it is kept
//!   for a minute by browsers and for five by shared caches. Those can be told of either by the names below; browsers
//!   can't, hence the minute.
//! - **Nothing is kept across a known change.** An answer that is sent before a poll opens or closes expires when it
//!   does, to the second, and is shown for at most two seconds more while the next one is fetched. It is kept for at
//!   least a second: if it could not be kept or shown at all, every reader of a poll that closes would be sent here at
//!   that moment.
//! - **What the store has not confirmed lately** is served while it is away, and kept for a second, so that changes
//!   made meanwhile are seen soon after. A poll that is closed for good does not change.
//! - **What depends on who asks** is for them alone, and no cache keeps it.
//!
//! Every answer that caches may share names its poll and site, in the two headers that caches know: `Surrogate-Key`
//! (Fastly, Varnish) and `Cache-Tag` (Cloudflare, Akamai, Bunny). This service purges nothing; the cache's operator
//! can.

use actix_web::{
    HttpResponseBuilder,
    http::header::{HeaderName, HeaderValue},
};

use crate::{
    live::KnownTally,
    poll::{Phase, Poll, Schedule, SiteId, State, Timestamp},
};

/// Of what never changes.
pub(in crate::http) const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// For an answer that depends on who asks.
pub(in crate::http) const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-store");

const OPEN: HeaderValue =
    HeaderValue::from_static("public, max-age=2, s-maxage=5, stale-while-revalidate=30, stale-if-error=300");
const FINAL: HeaderValue =
    HeaderValue::from_static("public, max-age=60, s-maxage=300, stale-while-revalidate=60, stale-if-error=86400");

const BROWSER_SECS: u64 = 2;
const SHARED_SECS: u64 = 5;
const MEANWHILE_SECS: u64 = 30;
/// Enough time for one request to this service, also when it is busy.
const LEAST_MEANWHILE_SECS: u64 = 2;

/// How long after its closing time, by the clock, a poll counts as final: the store decides that, by its own clock.
const SETTLED_MILLIS: i64 = 60_000;

const SURROGATE_KEY: HeaderName = HeaderName::from_static("surrogate-key");
const CACHE_TAG: HeaderName = HeaderName::from_static("cache-tag");

/// Who may keep an answer, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Caching {
    /// Nobody.
    Private,
    /// Everyone, for a while, but at most for so many seconds.
    Shared { secs_left: u64 },
    /// Everyone, for longer.
    Final,
}

impl Caching {
    /// For what may change at any moment.
    pub(in crate::http) const BRIEF: Self = Self::Shared { secs_left: 0 };

    /// For what may change at any moment, as a tally does, with no known change ahead.
    pub(in crate::http) const LIVE: Self = Self::Shared { secs_left: u64::MAX };

    /// For a tally that everyone sees.
    pub(in crate::http) fn of_tally(snapshot: &KnownTally, now: Timestamp) -> Self {
        match snapshot.tally.state {
            State::Closed => Self::Final,
            State::Draft | State::Scheduled | State::Open => Self::until_it_moves(&snapshot.poll.schedule, now),
        }
    }

    /// For a poll that everyone sees.
    pub(in crate::http) fn of_poll(poll: &Poll, now: Timestamp) -> Self {
        let settled = Timestamp::from_millis(now.as_millis() - SETTLED_MILLIS);
        match poll.schedule.phase {
            Phase::Closed => Self::Final,
            Phase::Live if poll.state_at(settled) == State::Closed => Self::Final,
            Phase::Draft | Phase::Live => Self::until_it_moves(&poll.schedule, now),
        }
    }

    /// For an answer that holds both.
    pub(in crate::http) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Private, _) | (_, Self::Private) => Self::Private,
            (Self::Final, kept) | (kept, Self::Final) => kept,
            (Self::Shared { secs_left: one }, Self::Shared { secs_left: two }) => {
                Self::Shared { secs_left: one.min(two) }
            }
        }
    }

    /// Whether shared caches may keep it.
    pub(in crate::http) fn is_public(self) -> bool {
        self != Self::Private
    }

    /// The `Cache-Control` header (RFC 9111, RFC 5861).
    pub(in crate::http) fn header(self) -> HeaderValue {
        match self {
            Self::Private => PRIVATE,
            Self::Final => FINAL,
            Self::Shared { secs_left } if secs_left >= SHARED_SECS + MEANWHILE_SECS => OPEN,
            Self::Shared { secs_left } => {
                let shared = secs_left.clamp(1, SHARED_SECS);
                let browser = shared.min(BROWSER_SECS);
                let meanwhile = secs_left.saturating_sub(shared).max(LEAST_MEANWHILE_SECS);
                let text = format!(
                    "public, max-age={browser}, s-maxage={shared}, stale-while-revalidate={meanwhile}, \
                     stale-if-error=300"
                );
                // Such a text is always valid in a header.
                HeaderValue::try_from(text).unwrap_or(PRIVATE)
            }
        }
    }

    /// For what changes at a known moment, if at any.
    pub(in crate::http) fn until(moment: Option<Timestamp>, now: Timestamp) -> Self {
        let millis_left = moment.map_or(i64::MAX, |moment| moment.as_millis() - now.as_millis());
        Self::Shared { secs_left: u64::try_from(millis_left / 1_000).unwrap_or(0) }
    }

    /// The poll's next opening or closing by the clock limits what is sent before it. If that time has passed and the
    /// poll does not show it yet, it will show it soon.
    pub(in crate::http) fn until_it_moves(schedule: &Schedule, now: Timestamp) -> Self {
        let opens_at = schedule.opens_at.filter(|opens_at| *opens_at > now);
        Self::until(opens_at.or(schedule.closes_at), now)
    }
}

/// Names the polls an answer is about, and their sites.
pub(in crate::http) fn name<'a>(response: &mut HttpResponseBuilder, polls: impl IntoIterator<Item = &'a Poll>) {
    insert_names(response, Vec::new(), polls);
}

/// The same for an answer about a site that mentions some of its polls.
pub(in crate::http) fn name_site<'a>(
    response: &mut HttpResponseBuilder,
    site: &SiteId,
    polls: impl IntoIterator<Item = &'a Poll>,
) {
    insert_names(response, vec![format!("site-{site}")], polls);
}

fn insert_names<'a>(
    response: &mut HttpResponseBuilder,
    mut names: Vec<String>,
    polls: impl IntoIterator<Item = &'a Poll>,
) {
    for poll in polls {
        names.push(format!("poll-{}", poll.id));
        let site = format!("site-{}", poll.site);
        if !names.contains(&site) {
            names.push(site);
        }
    }
    response.insert_header((SURROGATE_KEY, names.join(" "))).insert_header((CACHE_TAG, names.join(",")));
}

/// The same for one tally, whose names are written once.
pub(in crate::http) fn name_tally(response: &mut HttpResponseBuilder, snapshot: &KnownTally) {
    let [key, tag] = snapshot.names();
    response.insert_header((SURROGATE_KEY, key.clone())).insert_header((CACHE_TAG, tag.clone()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poll::{DigestKey, NewOption, NewPoll, Partitions, PollFields, PollId, SiteId};

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_millis(secs * 1_000)
    }

    fn poll(opens_at: Option<i64>, closes_at: Option<i64>) -> Poll {
        let option = |label: &str| NewOption { id: None, label: label.to_owned(), ..NewOption::default() };
        let (opens_at, closes_at) = (opens_at.map(at), closes_at.map(at));
        let new = PollFields {
            question: Some("؟".to_owned()),
            options: Some(vec![option("نعم"), option("لا")]),
            opens_at: Some(opens_at),
            closes_at: Some(closes_at),
            ..PollFields::default()
        };
        NewPoll::from(new)
            .build(
                PollId::generate(),
                SiteId::default(),
                Partitions::unplaced(1),
                DigestKey::from_bytes([0; 32]),
                at(0),
            )
            .unwrap()
    }

    fn said(caching: Caching) -> String {
        caching.header().to_str().unwrap().to_owned()
    }

    #[test]
    fn nothing_is_kept_across_the_moment_a_poll_opens_or_closes() {
        let usual = "public, max-age=2, s-maxage=5, stale-while-revalidate=30, stale-if-error=300";
        for (left, expected) in [
            (1_000, usual),
            (35, usual),
            (34, "public, max-age=2, s-maxage=5, stale-while-revalidate=29, stale-if-error=300"),
            (5, "public, max-age=2, s-maxage=5, stale-while-revalidate=2, stale-if-error=300"),
            (3, "public, max-age=2, s-maxage=3, stale-while-revalidate=2, stale-if-error=300"),
            (1, "public, max-age=1, s-maxage=1, stale-while-revalidate=2, stale-if-error=300"),
            (0, "public, max-age=1, s-maxage=1, stale-while-revalidate=2, stale-if-error=300"),
            // The store's clock is behind ours.
            (-2, "public, max-age=1, s-maxage=1, stale-while-revalidate=2, stale-if-error=300"),
        ] {
            let closing = poll(None, Some(2_000));
            assert_eq!(said(Caching::of_poll(&closing, at(2_000 - left))), expected, "closes in {left} s");
            let opening = poll(Some(2_000), Some(9_000));
            let expected = if left <= 0 { usual } else { expected };
            assert_eq!(said(Caching::of_poll(&opening, at(2_000 - left))), expected, "opens in {left} s");
        }
        assert_eq!(said(Caching::of_poll(&poll(None, None), at(10))), usual);
    }

    #[test]
    fn a_closed_poll_is_kept_longer_once_that_is_certain() {
        let closed_by_the_clock = poll(None, Some(100));
        assert_eq!(Caching::of_poll(&closed_by_the_clock, at(159)), Caching::Shared { secs_left: 0 });
        assert_eq!(Caching::of_poll(&closed_by_the_clock, at(160)), Caching::Final);
        let closed_by_hand = poll(None, None).closed(at(50)).poll;
        assert_eq!(Caching::of_poll(&closed_by_hand, at(50)), Caching::Final);
    }

    #[test]
    fn an_answer_about_several_is_kept_no_longer_than_any_of_them() {
        let shared = |secs_left| Caching::Shared { secs_left };
        for (one, other, both) in [
            (Caching::Final, Caching::Final, Caching::Final),
            (Caching::Final, shared(9), shared(9)),
            (shared(9), shared(3), shared(3)),
            (shared(3), Caching::Private, Caching::Private),
            (Caching::Private, Caching::Final, Caching::Private),
        ] {
            assert_eq!((one.and(other), other.and(one)), (both, both));
        }
        assert!(!Caching::Private.is_public() && Caching::Final.is_public());
    }
}
