//! The polls that a form offers to be chosen.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;

use super::desk::SiteDesk;
use crate::{
    http::{Worker, message::problem::Problem},
    newsroom::{
        frame::Section,
        offered::{OfferedPoll, OfferedPolls},
        texts::texts_of,
    },
    poll::{Poll, PollId, SearchWords, State},
    publishing::{PollsOrder, PollsQuery},
};

/// How many polls are offered beside those that are chosen.
const MOST_OFFERED: usize = 50;
/// How many are read at once.
const AT_ONCE: usize = 32;

/// What a form offers: the polls whose questions have these words, or the newest that readers can still vote in, or
/// will; and those that are chosen already.
///
/// # Errors
/// What the store failed with.
pub(super) async fn offered(
    worker: &Worker,
    desk: &SiteDesk,
    words: &str,
    chosen: &BTreeMap<PollId, Poll>,
) -> Result<OfferedPolls, Problem> {
    let texts = texts_of(desk.desk.language);
    let Ok(searched) = SearchWords::parse(words) else {
        let polls = chosen.values().map(|poll| one(worker, desk, poll)).collect();
        return Ok(OfferedPolls { words: words.to_owned(), said: Some(&texts.polls.too_long), polls });
    };
    let is_search = searched.is_some();
    let (site, limit) = (desk.site.id.clone(), MOST_OFFERED);
    let asked = PollsQuery { site, state: None, words: searched, order: PollsOrder::Newest, start: None, limit };
    let listed = worker.publishing.polls(&desk.publisher, asked).await?;
    let said = match (is_search, listed.polls.is_empty(), listed.last.is_some()) {
        (false, ..) => None,
        (true, true, _) => Some(&*texts.polls.nothing_found),
        (true, false, false) => Some(&*texts.places.found),
        (true, false, true) => Some(&*texts.places.found_more),
    };
    let can_stand = |state: State| is_search || state != State::Closed;
    let found = listed.polls.into_iter().filter(|(_, state)| can_stand(*state)).map(|(poll, _)| poll);
    let mut polls: Vec<OfferedPoll> = Vec::new();
    for poll in found.chain(chosen.values().cloned()) {
        let id = poll.id.to_string();
        if !polls.iter().any(|other| other.id == id) {
            polls.push(one(worker, desk, &poll));
        }
    }
    Ok(OfferedPolls { words: words.to_owned(), said, polls })
}

/// Those of these polls that are the site's.
///
/// # Errors
/// What the store failed with.
pub(super) async fn own_polls(
    worker: &Worker,
    desk: &SiteDesk,
    mut ids: Vec<PollId>,
) -> Result<BTreeMap<PollId, Poll>, Problem> {
    ids.sort_unstable();
    ids.dedup();
    let mut polls = BTreeMap::new();
    for some in ids.chunks(AT_ONCE) {
        let read = try_join_all(some.iter().map(|id| desk.own_poll(worker, *id))).await?;
        polls.extend(read.into_iter().flatten().map(|poll| (poll.id, poll)));
    }
    Ok(polls)
}

fn one(worker: &Worker, desk: &SiteDesk, poll: &Poll) -> OfferedPoll {
    let state = desk.desk.frame(Section::Polls).state_text(poll.state_at(worker.shared.clock.now()));
    let made = desk.site.settings.timezone.day(poll.created_at);
    OfferedPoll {
        id: poll.id.to_string(),
        question: poll.question.to_string(),
        about: format!("{state} · \u{2066}{made}\u{2069}"),
    }
}
