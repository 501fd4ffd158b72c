//! Who stands behind a poll, and whether its figure is disputed, beside its results: as a member of their JSON, and as
//! a column of tables.

use std::collections::BTreeMap;

use serde::Serialize;

use super::tallies::tag_ending;
use crate::{
    embed::{digits::Digits, language::Language},
    http::Worker,
    live::KnownTally,
    poll::{Disclosure, Grade, Poll, Tally, TimeZone},
    voting::PollTally,
};

/// What is told beside one tally.
pub(in crate::http) struct Disclosed {
    /// As a member of its JSON, after a comma.
    pub(in crate::http) member: String,
    /// In the poll's language, with what the publisher adds.
    pub(in crate::http) text: String,
}

impl Disclosed {
    /// What is told beside this tally; `None` if the poll discloses nothing and is not disputed.
    pub(in crate::http) async fn beside(worker: &Worker, snapshot: &KnownTally) -> Option<Self> {
        if !is_told(&snapshot.poll) {
            return None;
        }
        let zone = match worker.voting.poll(snapshot.poll.id).await {
            Ok(known) => known.site.settings.timezone.clone(),
            // Readers don't find drafts, nor an article's poll before its first ballot.
            Err(_) => worker.voting.zone_of(&snapshot.poll.site).await,
        };
        Self::in_zone(&snapshot.poll, Some(&snapshot.tally), &zone)
    }

    /// What is told of a poll beside something that is no tally of it.
    pub(in crate::http) async fn of_poll(worker: &Worker, poll: &Poll) -> Option<Self> {
        if !is_told(poll) {
            return None;
        }
        Self::in_zone(poll, None, &worker.voting.zone_of(&poll.site).await)
    }

    /// The same beside one of several.
    pub(super) async fn beside_one(worker: &Worker, tally: &PollTally) -> Option<Self> {
        match tally {
            PollTally::Shown(snapshot, _) => Self::beside(worker, snapshot).await,
            PollTally::Hidden(_) | PollTally::Missing(_) => None,
        }
    }

    /// The same, by this clock.
    fn in_zone(poll: &Poll, tally: Option<&Tally>, zone: &TimeZone) -> Option<Self> {
        #[derive(Serialize)]
        struct DisclosureTold<'a> {
            #[serde(flatten)]
            disclosure: Option<&'a Disclosure>,
            text: BTreeMap<&'a str, String>,
        }

        if !is_told(poll) {
            return None;
        }
        let disclosure = poll.disclosure.as_ref();
        let say = |language: &Language| {
            let disclosed = language.disclosure(poll, tally, zone, Digits::Latn);
            let told = [language.disputed(poll).map(str::to_owned), disclosed.map(|sentence| sentence.whole())];
            Some(told.into_iter().flatten().collect::<Vec<_>>().join(" "))
        };
        let text = Language::all().filter_map(|language| Some((language.tag(), say(language)?))).collect();
        // It consists of texts, which can always be written.
        let json = serde_json::to_string(&DisclosureTold { disclosure, text }).unwrap_or_default();
        Some(Self { member: format!(",\"disclosure\":{json}"), text: in_own_language(poll, say) })
    }

    /// An ending for the tag of the tally that it stands beside.
    pub(in crate::http) fn mark(&self) -> String {
        tag_ending(&self.member)
    }
}

fn is_told(poll: &Poll) -> bool {
    poll.disclosure.is_some() || poll.grade() == Grade::Disputed
}

fn in_own_language(poll: &Poll, say: impl Fn(&Language) -> Option<String>) -> String {
    let sentence = Language::for_poll(poll.language.as_str()).and_then(say).unwrap_or_default();
    match poll.disclosure.as_ref().and_then(|disclosure| disclosure.note.as_ref()) {
        Some(note) => format!("{sentence} {note}"),
        None => sentence,
    }
}
