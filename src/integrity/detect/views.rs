//! More votes than views.
//!
//! Who votes has seen the poll, and nearly every page says that it was seen. So where views come in at all, a poll that
//! has had more votes than views within half an hour has votes from something that looks at no page. A script may send
//! views too; but it has to think of it.

use super::minutes::MinuteCounts;

/// What is compared: half an hour.
pub(super) const WINDOW: i64 = 30;

/// Before so many views nobody knows whether a site's pages tell of them at all.
const FEWEST_VIEWS: f64 = 200.0;

/// Votes and views of a poll.
#[derive(Debug, Clone)]
pub(super) struct VotesAndViews {
    votes: MinuteCounts,
    views: MinuteCounts,
}

impl VotesAndViews {
    pub(super) fn begin(minute: i64) -> Self {
        Self { votes: MinuteCounts::begin(minute), views: MinuteCounts::begin(minute) }
    }

    pub(super) fn note_vote(&mut self, minute: i64, ballots: u16) {
        self.votes.add(minute, ballots);
    }

    pub(super) fn note_views(&mut self, minute: i64, views: u16) {
        self.views.add(minute, views);
    }

    /// Votes and views of the last half hour, if there are more votes than views, by more than chance, and there were
    /// fewer before.
    pub(super) fn too_many(&self, now: i64) -> Option<(f64, f64)> {
        let (votes, views) = (self.votes.of_last(now, WINDOW), self.views.of_last(now, WINDOW));
        let (votes_before, views_before) = (self.votes.before(now, WINDOW), self.views.before(now, WINDOW));
        let is_told = views_before >= FEWEST_VIEWS && votes_before < 0.9 * views_before;
        (is_told && votes > views + 20.0 + 4.0 * views.sqrt()).then_some((votes, views))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_votes_than_views_are_seen_where_views_are_told_of() {
        let within = |views_before: u16, views: u16, votes: u16| {
            let mut both = VotesAndViews::begin(0);
            for minute in 0..60 {
                both.note_views(minute, views_before);
                both.note_vote(minute, views_before / 2);
            }
            for minute in 60..90 {
                both.note_views(minute, views);
                both.note_vote(minute, votes);
            }
            both.too_many(89)
        };
        assert_eq!(within(10, 4, 8), Some((240.0, 120.0)));
        assert_eq!(within(10, 8, 8), None, "everyone who looks votes");
        assert_eq!(within(0, 0, 8), None, "nobody tells of views there");
        assert_eq!(within(10, 0, 0), None);
    }
}
