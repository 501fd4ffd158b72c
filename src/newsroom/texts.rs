//! The words of the newsroom, one file a language, with a section for each page.

use std::{collections::BTreeMap, sync::LazyLock};

use rust_embed::RustEmbed;
use serde::Deserialize;

use crate::embed::language::Language;

#[derive(RustEmbed)]
#[folder = "src/newsroom/languages/"]
struct NewsroomFiles;

static TEXTS: LazyLock<BTreeMap<String, NewsroomTexts>> = LazyLock::new(|| {
    // A file that can't be read is left out; a test reads them all.
    NewsroomFiles::iter().filter_map(|name| Some((tag_of(&name).to_owned(), read(&name).ok()?))).collect()
});

static NONE: LazyLock<NewsroomTexts> = LazyLock::new(NewsroomTexts::default);

/// The words in a language.
pub fn texts_of(language: &Language) -> &'static NewsroomTexts {
    TEXTS.get(language.tag()).unwrap_or(&NONE)
}

/// A text with what stands in its braces. A time is isolated, or an Arabic sentence would turn its parts around.
pub fn fill(text: &str, values: &[(&str, &str)]) -> String {
    let mut filled = text.to_owned();
    for (name, value) in values {
        let braces = format!("{{{name}}}");
        filled = if *name == "time" {
            filled.replace(&braces, &format!("\u{2066}{value}\u{2069}"))
        } else {
            filled.replace(&braces, value)
        };
    }
    filled
}

fn tag_of(name: &str) -> &str {
    name.trim_end_matches(".json")
}

fn read(name: &str) -> Result<NewsroomTexts, String> {
    let file = NewsroomFiles::get(name).ok_or("is not there")?;
    serde_json::from_slice(&file.data).map_err(|error| error.to_string())
}

/// Declares sections of texts, each a struct of strings.
macro_rules! texts {
    ($($(#[$about:meta])* $name:ident { $($text:ident)* })*) => {
        $(
            $(#[$about])*
            #[derive(Debug, Default, Deserialize)]
            #[serde(deny_unknown_fields)]
            pub struct $name { $(pub $text: String,)* }
        )*
    };
}

texts! {
    /// What stands around every page.
    FrameTexts { language newsroom skip sections polls waiting places templates log keys people webhooks settings sites sign_out operator }
    /// Where editors sign in.
    SignInTexts {
        title key key_about enter by_link ended kept wrong_key too_many_tries store_away used_link signed_out not_kept by_provider
        by_named_provider or_key in_new_tab i_am_in provider_away provider_refused no_role
    }
    /// What went wrong.
    NoticeTexts {
        send_again review other_session back sent_again sent_again_about not_sent not_found not_found_about refused refused_about forbidden
        forbidden_about quota quota_about quota_kept store store_about failed failed_about
    }
    /// The form for a poll.
    MakeTexts {
        title title_edit start start_yes_no start_agree start_stars start_reactions question kind scale
        options option emoji options_about options_fixed more_options remove open_answer open_answer_about low_label
        high_label times times_about opens_at opens_about opens_fixed closes_at closes_about results always after_vote
        after_close never more changeable min_choices max_choices max_choices_about correct correct_about explanation article_url
        language publish keep_draft save show_preview preview preview_about preview_empty width phone column wrong
        changed has_ballots has_closed gone wrong_question wrong_options wrong_emoji wrong_label wrong_same
        wrong_min_choices wrong_max_choices wrong_opens_at wrong_closes_at wrong_article_url wrong_correct wrong_explanation
        wrong_changeable wrong_open_answer wrong_scale wrong_other yes no agree rather_agree rather_disagree disagree
        like love laugh wow sad look note image_url image_alt wrong_note wrong_image rewording rewording_about reason
        correction correction_about wrong_reason shuffle shuffle_about minimum_ballots minimum_ballots_about display
        exact percent delayed words disclosure_about asked_by paid_by licence disclosure_note thanks link_url
        link_label next wrong_minimum_ballots wrong_disclosure wrong_after_vote
        next_none next_words correct_none preview_ended preview_refused preview_away
    }
    /// Places and their calendars.
    PlacesTexts {
        title about none place now until nothing zone make full id id_about wrong_id name saved wrong changed calendar
        no_turns gap_rotation gap_fallback gap_nothing from remove add poll else_legend fallback rotation
        rotation_about every_minutes wrong_rotation save delete code code_about wrong_time wrong_until wrong_poll
        wrong_overlap wrong_none delete_about today earlier later all_day put_here find_about found found_more
        is_draft has_closed is_over closes_before closes_within opens_within from_then was_added was_removed monday tuesday
        wednesday thursday friday saturday sunday
    }
    /// The list of polls.
    PollsTexts {
        title none none_about question state votes made draft scheduled open closed more views words
        all_states sort newest most_votes closing_next find last_day closes nothing_found show_all deleted
        times_in too_long new
    }
    /// A poll's page.
    PollTexts {
        tally hidden state_changed reload gone ended as_of average net_promoters first_preferences points
        right came_true runoff winner round option exhausted publish publish_scheduled open_now close edit duplicate delete
        quiz always after_vote after_close never resolve resolve_about
        which_came_true reason reason_about resolve_button timeline no_votes by_minute by_hour by_day peak cut
        as_table begins mark_made mark_opened mark_edited mark_reworded mark_closed mark_resolved mark_incident_opened mark_incident_ended answers answers_waiting answers_shown
        none_waiting none_shown more_answers show hide about opens opens_by_hand draft_ahead draft_late closes closes_by_hand made
        times voted turnout too_few_views embed element element_about script script_about iframe iframe_about address
        address_about copy copied share share_page picture_wide picture_square qr qr_download exports exports_about export_results
        export_timeline export_answers said_opened said_scheduled said_closed said_resolved said_decided is_closed
        closes_in_past not_closed no_prediction needs_reason wrong_option wrong_reason history history_more history_further
    }
    /// Asking once more.
    ConfirmTexts {
        close_title close_about close delete_title delete_about type_words wrong_words delete leave
    }
    /// What waits for an editor.
    WaitingTexts {
        title nothing nothing_about answers answers_about closing resolvable resolvable_about closed_at done
    }
    /// A site's log.
    SiteLogTexts {
        title about everything find none further of_poll show_all more by by_schedule by_detector was_worded answer_was_worded correction came_true because changed
        disabled_gone disabled_failing incident_opened incident_closed incidents polls labels answers places templates site keys sessions webhooks poll_created
        poll_edited poll_reworded poll_opened poll_closed poll_resolved poll_deleted label_held label_released
        label_voided place_created place_edited place_deleted answer_shown answer_hidden template_put template_deleted
        key_created key_revoked session_ended site_put webhook_created webhook_edited webhook_disabled webhook_deleted
    }
    /// Whether ballots count.
    IntegrityTexts {
        title about by_option raw counted held void at_close beside clean is_counted is_held is_void if_held if_counted
        share_change reason reason_about wrong_reason hold release make_void said
    }
    /// What goes on in a poll that is not readers making up their minds, and how far its figure can be relied on.
    IncidentTexts {
        title about none clean clean_about watched watched_about disputed disputed_about some_held by_editor
        network_burst even_gaps share_swing more_votes_than_views new_voters goes_on until_close over closed_because since noticed
        sureness votes honest to_votes without_work to_without_work labels_spent close close_about dismiss dismiss_about open open_about open_it said_opened said_closed
        not_open too_many
        networks minutes of_busiest expected of_others sign_even_gaps sign_one_option on_beat among gap variation share_before came views new_before
    }
    /// What there is to say against a ballot.
    LabelTexts {
        clean no_mark early_mark foreign_token opaque_origin not_a_browser hosting_network no_work incident
        other_incidents
    }
    /// A site's templates.
    TemplateTexts {
        title title_new title_edit about none none_about too_many new edit edit_about delete question id id_about wrong_id
        articles announced announced_about own_origins own_origins_about open_for_days open_for_days_about
        most_articles most_articles_about code code_about saved deleted delete_title delete_about delete_type
        delete_wrong delete_it keep
    }
    /// Who is signed in.
    PeopleTexts {
        title about who role since until own viewer editor publisher admin by_key by_admin_key end end_all ended
    }
    /// A site's webhooks.
    WebhookTexts {
        title about none full name name_about state types types_about all_types some_types url url_about url_fault body
        body_more body_about body_fault make make_it not_saved works paused gone failing since pause enable delete
        delete_title delete_about delete_it keep deleted secret secret_made secret_once secret_overlap kept rotate
        rotate_about too_many_secrets edit save saved said_paused said_enabled said_replayed said_replayed_paused sent nothing_sent more delivered queued
        tried_again given_up replay answered leads_elsewhere is_gone not_in_time is_inside not_reached
    }
    /// What is wrong with a text.
    TextTexts { too_long unseen }
    /// A site's API keys.
    KeysTexts { title about none none_about name prefix may made_at unnamed own polls_read polls_write polls_moderate results_read keys_write sites_write make name_about make_it lacks_scopes made_title made_about kept revoke revoke_title revoke_about revoke_own revoke_it keep revoked }
}

texts! {
    /// A site's settings.
    SettingsTexts { title save saved not_saved changed taken_over changed_too nothing who name name_about url url_about url_fault timezone timezone_about timezone_fault where_polls_stand origins origins_about origin_fault line_fault count_fault look look_about accent accent_about accent_dark accent_dark_about colour_fault accent_fault contrast_fault density comfortable compact words words_about word_vote word_see_results word_counted word_most_read disclosure disclosure_about asked_by paid_by licence licence_about note incidents incidents_about incidents_sure incidents_show incidents_hold work work_about work_incidents work_always work_never addresses addresses_about hosts hosts_about hosts_fault path_prefixes path_prefixes_about path_prefixes_fault path_suffixes path_suffixes_about path_suffixes_fault parameters parameters_about parameters_fault new_polls new_polls_about as_usual }
    /// All sites.
    SitesTexts { title name id id_about id_fault id_taken origins any_origin made_at more make name_about make_it delete delete_title delete_about delete_type delete_fault delete_it keep has_polls has_templates has_places has_webhooks has_keys is_default deleted }
}

/// What things are called, by the names that the code has for them: so one more needs no line in the code.
#[derive(Debug, Default, Deserialize)]
pub struct NamesInWords(BTreeMap<String, String>);

impl NamesInWords {
    /// What something is called.
    pub fn of(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }
}

/// All words in one language.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewsroomTexts {
    pub frame: FrameTexts,
    pub sign_in: SignInTexts,
    pub notice: NoticeTexts,
    pub polls: PollsTexts,
    pub places: PlacesTexts,
    pub make: MakeTexts,
    pub poll: PollTexts,
    pub kinds: NamesInWords,
    pub typed_kinds: NamesInWords,
    pub typed_kinds_about: NamesInWords,
    pub confirm: ConfirmTexts,
    pub waiting: WaitingTexts,
    pub log: SiteLogTexts,
    pub integrity: IntegrityTexts,
    pub incidents: IncidentTexts,
    pub labels: LabelTexts,
    pub templates: TemplateTexts,
    pub people: PeopleTexts,
    pub webhooks: WebhookTexts,
    pub text: TextTexts,
    pub keys: KeysTexts,
    pub settings: SettingsTexts,
    pub sites: SitesTexts,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{newsroom::make::typed_kinds, poll::Kind};

    #[test]
    fn every_kind_is_called_something_in_every_language() {
        for texts in Language::all().map(texts_of) {
            for kind in Kind::ALL.map(Kind::as_str) {
                assert!(!texts.kinds.of(kind).is_empty(), "{kind}");
            }
            for kind in typed_kinds() {
                assert!(!texts.typed_kinds.of(kind).is_empty(), "{kind}");
                assert!(!texts.typed_kinds_about.of(kind).is_empty(), "{kind}");
            }
        }
    }

    #[test]
    fn the_newsroom_speaks_every_language_that_readers_do() {
        let first: serde_json::Value = serde_json::from_slice(&NewsroomFiles::get("ar.json").unwrap().data).unwrap();
        let braces = |said: &serde_json::Value| {
            let parts = said.as_str().unwrap().split('{').skip(1);
            parts.map(|part| part.split('}').next().unwrap().to_owned()).collect::<BTreeSet<_>>()
        };
        for language in Language::all() {
            let name = format!("{}.json", language.tag());
            read(&name).unwrap_or_else(|fault| panic!("{name}: {fault}"));
            let file: serde_json::Value = serde_json::from_slice(&NewsroomFiles::get(&name).unwrap().data).unwrap();
            for (section, texts) in file.as_object().unwrap() {
                let named = |file: &serde_json::Value| file[section].as_object().unwrap().keys().cloned().collect();
                let (here, there): (BTreeSet<String>, BTreeSet<String>) = (named(&file), named(&first));
                assert_eq!(here, there, "{name}: {section}");
                for (text, said) in texts.as_object().unwrap() {
                    assert!(!said.as_str().unwrap().trim().is_empty(), "{name}: {section}.{text}");
                    assert_eq!(braces(said), braces(&first[section][text]), "{name}: {section}.{text}");
                }
            }
        }
    }
}
