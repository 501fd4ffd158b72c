//! Labels and incidents in an editor's words.

use crate::{
    embed::{digits::Digits, language::Language},
    newsroom::texts::{fill, texts_of},
    poll::{IncidentCause, Label},
};

/// What there is to say against the ballots with a label.
pub fn label_text(language: &Language, label: Label) -> String {
    let texts = &texts_of(language).labels;
    let name = label.name();
    let text = match &*name {
        "clean" => &texts.clean,
        "no-mark" => &texts.no_mark,
        "early-mark" => &texts.early_mark,
        "foreign-token" => &texts.foreign_token,
        "opaque-origin" => &texts.opaque_origin,
        "not-a-browser" => &texts.not_a_browser,
        "hosting-network" => &texts.hosting_network,
        "no-work" => &texts.no_work,
        "other-incidents" => &texts.other_incidents,
        _ => &texts.incident,
    };
    fill(text, &[("number", &language.number(u64::from(label.number()), Digits::Latn))])
}

/// What was found that is an incident.
pub fn cause_text(language: &Language, cause: IncidentCause) -> &'static str {
    let texts = &texts_of(language).incidents;
    match cause {
        IncidentCause::Editor => &texts.by_editor,
        IncidentCause::NetworkBurst => &texts.network_burst,
        IncidentCause::EvenGaps => &texts.even_gaps,
        IncidentCause::ShareSwing => &texts.share_swing,
        IncidentCause::MoreVotesThanViews => &texts.more_votes_than_views,
        IncidentCause::NewVoters => &texts.new_voters,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_label_is_told_from_the_others_in_every_language() {
        for language in Language::all() {
            let told: BTreeSet<String> =
                std::iter::once(Label::CLEAN).chain(Label::all()).map(|label| label_text(language, label)).collect();
            assert_eq!(told.len(), 32, "{told:?}");
            assert!(told.iter().all(|text| !text.contains('{')), "{told:?}");
        }
    }
}
