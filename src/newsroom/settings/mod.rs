//! A site's settings: its name and address, where its polls may stand, how they look, what is told of them, and how it
//! writes the addresses of its articles.

mod typed;

use std::collections::BTreeMap;

use askama::Template;

use crate::{
    embed::language::Language,
    newsroom::{
        fields::{FieldControl, FieldGroup, FieldView},
        frame::Frame,
        texts::{SettingsTexts, texts_of},
    },
    poll::{IncidentPolicy, TimeZone, Timestamp, WorkPolicy},
    site::Density,
};

pub use typed::{SITE_WORDS, SiteChange, SiteFaults, TypedSite, word_field};

/// The form.
#[derive(Template)]
#[template(path = "settings/page.html", config = "src/newsroom/askama.toml")]
pub struct SettingsPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// What stands in it.
    pub typed: &'a TypedSite,
    /// What stood in it when it was opened.
    pub was: &'a TypedSite,
    /// When the site was last changed, as far as the form knows.
    pub version: Timestamp,
    /// What is wrong.
    pub faults: &'a SiteFaults,
    /// What somebody else has changed meanwhile.
    pub changes: Option<&'a BTreeMap<String, SiteChange>>,
    /// Whether all of it was just saved.
    pub is_saved: bool,
}

impl SettingsPage<'_> {
    fn texts(&self) -> &'static SettingsTexts {
        &self.frame.texts().settings
    }

    /// The fields that are wrong, with what they are called.
    fn wrong(&self) -> Vec<(String, String)> {
        let fields = self.groups().into_iter().flat_map(|group| group.fields);
        fields.filter(|field| !field.faults.is_empty()).map(|field| (field.name, field.label)).collect()
    }

    fn groups(&self) -> Vec<FieldGroup> {
        let texts = self.texts();
        let field =
            |name: &str, label: &str, about, control| self.field(name.to_owned(), label.to_owned(), about, control);
        let densities = Density::NAMES.map(|(name, density)| {
            let words = match density {
                Density::Comfortable => &texts.comfortable,
                Density::Compact => &texts.compact,
            };
            (name.to_owned(), words.clone())
        });
        let mut groups = vec![
            FieldGroup {
                title: &texts.who,
                about: "",
                is_main: true,
                fields: vec![
                    field("name", &texts.name, &texts.name_about, FieldControl::Line),
                    field("url", &texts.url, &texts.url_about, FieldControl::Code),
                    field(
                        "timezone",
                        &texts.timezone,
                        &texts.timezone_about,
                        FieldControl::OneOf(TimeZone::names().collect()),
                    ),
                ],
            },
            FieldGroup {
                title: &texts.where_polls_stand,
                about: "",
                is_main: true,
                fields: vec![field("origins", &texts.origins, &texts.origins_about, FieldControl::CodeLines)],
            },
            FieldGroup {
                title: &texts.look,
                about: &texts.look_about,
                is_main: true,
                fields: vec![
                    field("accent", &texts.accent, &texts.accent_about, FieldControl::Colour),
                    field("accent_dark", &texts.accent_dark, &texts.accent_dark_about, FieldControl::Colour),
                    field("density", &texts.density, "", FieldControl::Choice(densities.into())),
                ],
            },
        ];
        groups.push(FieldGroup {
            title: &texts.words,
            about: &texts.words_about,
            is_main: false,
            fields: self.words(),
        });
        groups.push(FieldGroup {
            title: &texts.disclosure,
            about: &texts.disclosure_about,
            is_main: false,
            fields: vec![
                field("asked_by", &texts.asked_by, "", FieldControl::Line),
                field("paid_by", &texts.paid_by, "", FieldControl::Line),
                field("licence", &texts.licence, &texts.licence_about, FieldControl::Line),
                field("note", &texts.note, "", FieldControl::Line),
            ],
        });
        groups.push(self.new_polls());
        let policies = IncidentPolicy::NAMES.map(|(name, policy)| {
            let words = match policy {
                IncidentPolicy::Show => &texts.incidents_show,
                IncidentPolicy::Hold => &texts.incidents_hold,
            };
            (name.to_owned(), words.clone())
        });
        let works = WorkPolicy::NAMES.map(|(name, policy)| {
            let words = match policy {
                WorkPolicy::Incidents => &texts.work_incidents,
                WorkPolicy::Always => &texts.work_always,
                WorkPolicy::Never => &texts.work_never,
            };
            (name.to_owned(), words.clone())
        });
        groups.push(FieldGroup {
            title: &texts.incidents,
            about: &texts.incidents_about,
            is_main: false,
            fields: vec![
                field("incidents", &texts.incidents_sure, "", FieldControl::Choice(policies.into())),
                field("proof_of_work", &texts.work, &texts.work_about, FieldControl::Choice(works.into())),
            ],
        });
        groups.push(FieldGroup {
            title: &texts.addresses,
            about: &texts.addresses_about,
            is_main: false,
            fields: vec![
                field("hosts", &texts.hosts, &texts.hosts_about, FieldControl::CodeLines),
                field("path_prefixes", &texts.path_prefixes, &texts.path_prefixes_about, FieldControl::CodeLines),
                field("path_suffixes", &texts.path_suffixes, &texts.path_suffixes_about, FieldControl::CodeLines),
                field("parameters", &texts.parameters, &texts.parameters_about, FieldControl::CodeLines),
            ],
        });
        groups
    }

    /// What new polls are like, unless one says otherwise.
    fn new_polls(&self) -> FieldGroup {
        let texts = self.texts();
        let make = &texts_of(self.frame.language).make;
        let of_polls = make.policies().map(|(name, words)| (name.to_owned(), words.to_owned()));
        let unsaid = || std::iter::once((String::new(), texts.as_usual.clone()));
        let languages = Language::all()
            .map(|language| (language.tag().to_owned(), self.frame.name_of_language(language).to_owned()));
        // One that a program has set is kept.
        let set = self.typed.value("poll_language");
        let other = (!set.is_empty() && Language::all().all(|language| language.tag() != set))
            .then(|| (set.to_owned(), set.to_owned()));
        FieldGroup {
            title: &texts.new_polls,
            about: &texts.new_polls_about,
            is_main: false,
            fields: vec![
                self.field(
                    "poll_results".to_owned(),
                    make.results.clone(),
                    "",
                    FieldControl::Choice(unsaid().chain(of_polls).collect()),
                ),
                self.field(
                    "poll_language".to_owned(),
                    make.language.clone(),
                    "",
                    FieldControl::Choice(unsaid().chain(languages).chain(other).collect()),
                ),
            ],
        }
    }

    /// The site's own words, language by language: the editor's first.
    fn words(&self) -> Vec<FieldView> {
        let own = self.frame.language;
        let others = Language::all().filter(|language| language.tag() != own.tag());
        let mut fields = Vec::new();
        for language in std::iter::once(own).chain(others) {
            for (word, _) in SITE_WORDS {
                let texts = self.texts();
                let called = match word {
                    "vote" => &texts.word_vote,
                    "see_results" => &texts.word_see_results,
                    "counted" => &texts.word_counted,
                    _ => &texts.word_most_read,
                };
                let label = format!("{called} ({})", texts_of(language).frame.language);
                fields.push(self.field(word_field(language, word), label, "", FieldControl::Line));
            }
        }
        fields
    }

    fn field(&self, name: String, label: String, about: &'static str, control: FieldControl) -> FieldView {
        let texts = self.texts();
        let change = self.changes.and_then(|changes| changes.get(&name));
        let changed = change.map(|SiteChange { now, is_taken }| {
            let said = if *is_taken { &texts.taken_over } else { &texts.changed_too };
            said.replace("{now}", if now.is_empty() { &texts.nothing } else { now })
        });
        let value = self.typed.value(&name).to_owned();
        let faults = self.faults.get(&name).cloned().unwrap_or_default();
        FieldView { name, label, about, value, faults, changed, control }
    }
}
