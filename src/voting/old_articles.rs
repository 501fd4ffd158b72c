//! What becomes of articles' polls that are old: they close, and who voted in them is forgotten.
//!
//! A poll closes at the moment that was fixed when it was made. If its template says fewer days by now, it is closed
//! before. Whoever makes an article's poll looks at the oldest ones, so this needs no task of its own: a site that makes
//! none has no more to forget.

use crate::{
    article::Template,
    poll::{PollId, State, Timestamp},
    store::{Replacement, Store, StoreError},
};

/// How many of a template's oldest polls are looked at when one more is made: more than come to be.
const AT_ONCE: usize = 2;
/// No poll closes sooner by its template.
const DAY_MILLIS: i64 = 24 * 60 * 60 * 1_000;

/// Closes the oldest polls of a template that are past its days, and forgets the voters of those that are closed. Their
/// counts stay. Returns those that it has closed.
///
/// # Errors
/// What the store failed with. Whoever comes next does what is left.
pub async fn end_old_polls(store: &dyn Store, template: &Template, now: Timestamp) -> Result<Vec<PollId>, StoreError> {
    let site = &template.pattern.site;
    let before = |millis: i64| Timestamp::from_millis(now.as_millis().saturating_sub(millis));
    let (a_day_ago, last) = (before(DAY_MILLIS), before(template.open_for_millis()));
    let mut closed = Vec::new();
    for id in store.oldest_article_polls(site, &template.id, a_day_ago, AT_ONCE).await? {
        let poll = store.poll(id).await?;
        if let Some(poll) = poll.filter(|poll| poll.state_at(now) != State::Closed) {
            if poll.created_at >= last {
                continue;
            }
            match store.replace_poll(&poll.closed(now), &[]).await? {
                Replacement::Done(_) => closed.push(id),
                // Others change it: whoever comes next looks again.
                Replacement::Mismatch(_)
                | Replacement::Closed
                | Replacement::NotClosed
                | Replacement::HasBallots
                | Replacement::Gone => continue,
            }
        }
        store.forget_voters(site, &template.id, id).await?;
    }
    Ok(closed)
}
