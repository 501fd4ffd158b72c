//! A site's settings as an editor has typed them, right or wrong: what the form shows again, and what is asked for by
//! it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    article::{AddressRules, MOST_RULES},
    embed::{digits::Digits, language::Language},
    newsroom::{
        faults,
        texts::{SettingsTexts, texts_of},
    },
    poll::{
        DISCLOSURE_NOTE, Disclosure, IncidentPolicy, PARTY, PollDefaults, ResultsPolicy, Text, TextLimit, TimeZone,
        WebAddress, WorkPolicy,
    },
    site::{
        BUTTON, Colour, Density, ListedOrigin, MAX_ORIGINS, NAME, PoorContrast, SiteLook, SiteSettings, SiteWords,
        THANKS,
    },
};

/// The fields, but for the words.
const FIELDS: [&str; 19] = [
    "name",
    "url",
    "timezone",
    "origins",
    "accent",
    "accent_dark",
    "density",
    "asked_by",
    "paid_by",
    "licence",
    "note",
    "incidents",
    "proof_of_work",
    "poll_results",
    "poll_language",
    "hosts",
    "path_prefixes",
    "path_suffixes",
    "parameters",
];

/// What a site says in its own words in a language, and how long it may be.
pub const SITE_WORDS: [(&str, TextLimit); 4] =
    [("vote", BUTTON), ("see_results", BUTTON), ("counted", THANKS), ("most_read", BUTTON)];

/// Settings as they were typed, by the names of their fields. Everything is text, as it stands in the form.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TypedSite(BTreeMap<String, String>);

/// What is wrong, by the field.
pub type SiteFaults = BTreeMap<String, Vec<String>>;

/// What somebody else has changed since the form was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteChange {
    /// What stands there now.
    pub now: String,
    /// Whether that is in the form now: whoever typed had not touched it.
    pub is_taken: bool,
}

/// The field of one of a site's words.
pub fn word_field(language: &Language, word: &str) -> String {
    format!("words.{}.{word}", language.tag())
}

/// Which of these has a name.
fn called<T, const N: usize>(names: [(&str, T); N], name: &str) -> Option<T> {
    names.into_iter().find(|(other, _)| *other == name).map(|(_, it)| it)
}

impl TypedSite {
    /// The settings as a form shows them.
    pub fn of(settings: &SiteSettings) -> Self {
        let SiteSettings {
            origins,
            timezone,
            name,
            url,
            look,
            addresses,
            disclosure,
            incidents,
            proof_of_work,
            poll_defaults,
        } = settings;
        let text = |text: Option<&Text>| text.map(ToString::to_string).unwrap_or_default();
        let lines = |lines: &[String]| lines.join("\n");
        let colour = |colour: Option<Colour>| colour.map(|colour| colour.to_string()).unwrap_or_default();
        let told = disclosure.clone().unwrap_or_default();
        let hosts: Vec<String> = addresses.hosts.iter().map(|(from, to)| format!("{from} = {to}")).collect();
        let density = Density::NAMES.iter().find(|(_, density)| *density == look.density);
        let mut typed = BTreeMap::from(
            [
                ("name", text(name.as_ref())),
                ("url", url.as_ref().map(|url| url.as_str().to_owned()).unwrap_or_default()),
                ("timezone", timezone.to_string()),
                ("origins", origins.iter().map(ListedOrigin::as_str).collect::<Vec<_>>().join("\n")),
                ("accent", colour(look.accent)),
                ("accent_dark", colour(look.accent_dark)),
                ("density", density.map(|(name, _)| (*name).to_owned()).unwrap_or_default()),
                ("asked_by", text(told.asked_by.as_ref())),
                ("paid_by", text(told.paid_by.as_ref())),
                ("licence", text(told.licence.as_ref())),
                ("note", text(told.note.as_ref())),
                ("incidents", incidents.as_str().to_owned()),
                ("proof_of_work", proof_of_work.as_str().to_owned()),
                ("poll_results", poll_defaults.results.map_or("", ResultsPolicy::as_str).to_owned()),
                ("poll_language", poll_defaults.language.as_ref().map(ToString::to_string).unwrap_or_default()),
                ("hosts", lines(&hosts)),
                ("path_prefixes", lines(&addresses.path_prefixes)),
                ("path_suffixes", lines(&addresses.path_suffixes)),
                ("parameters", lines(&addresses.parameters)),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        for language in Language::all() {
            let said = look.words.get(language.tag()).cloned().unwrap_or_default();
            let SiteWords { vote, see_results, counted, most_read } = said;
            for ((word, _), said) in SITE_WORDS.into_iter().zip([vote, see_results, counted, most_read]) {
                typed.insert(word_field(language, word), text(said.as_ref()));
            }
        }
        Self(typed)
    }

    /// What a form has brought.
    pub fn read<'a>(field: impl Fn(&str) -> Option<&'a str>) -> Self {
        let words = Language::all().flat_map(|language| SITE_WORDS.map(|(word, _)| word_field(language, word)));
        let names = FIELDS.iter().map(|name| (*name).to_owned()).chain(words);
        let value = |name: &str| field(name).unwrap_or_default().replace("\r\n", "\n");
        Self(names.map(|name| (name.clone(), value(&name))).collect())
    }

    /// As one text, and back, for a hidden field.
    pub fn written(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Settings as they were [written](Self::written).
    pub fn of_written(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// What stands in a field.
    pub fn value(&self, field: &str) -> &str {
        self.0.get(field).map_or("", String::as_str)
    }

    /// Takes over what somebody else has changed, of `was` to `now`, where nothing was typed; where something was, that
    /// stays.
    pub fn take_over(&mut self, was: &Self, now: &Self) -> BTreeMap<String, SiteChange> {
        let mut changes = BTreeMap::new();
        for (field, now) in &now.0 {
            let Some(typed) = self.0.get_mut(field) else { continue };
            if now == was.value(field) || now == typed {
                continue;
            }
            let is_taken = typed == was.value(field);
            if is_taken {
                typed.clone_from(now);
            }
            changes.insert(field.clone(), SiteChange { now: now.clone(), is_taken });
        }
        changes
    }

    /// The settings that were meant.
    ///
    /// # Errors
    /// All that is wrong, in a language.
    pub fn settings(&self, language: &Language) -> Result<SiteSettings, SiteFaults> {
        let mut check = SettingsCheck { typed: self, language, faults: SiteFaults::new() };
        let texts = check.texts();
        let name = check.text("name", NAME);
        let url = check.parsed::<WebAddress>("url", &texts.url_fault);
        let timezone = check.parsed::<TimeZone>("timezone", &texts.timezone_fault).unwrap_or_default();
        let origins = check.origins();
        let look = check.look();
        let addresses = check.addresses();
        let told = Disclosure {
            asked_by: check.text("asked_by", PARTY),
            paid_by: check.text("paid_by", PARTY),
            licence: check.text("licence", PARTY),
            note: check.text("note", DISCLOSURE_NOTE),
        };
        let disclosure = (!told.is_empty()).then_some(told);
        let incidents = called(IncidentPolicy::NAMES, self.value("incidents")).unwrap_or_default();
        let proof_of_work = called(WorkPolicy::NAMES, self.value("proof_of_work")).unwrap_or_default();
        let poll_defaults = PollDefaults {
            results: called(ResultsPolicy::NAMES, self.value("poll_results")),
            // One of those that are offered.
            language: self.value("poll_language").parse().ok(),
        };
        let SettingsCheck { faults, .. } = check;
        if faults.is_empty() {
            Ok(SiteSettings {
                origins,
                timezone,
                name,
                url,
                look,
                addresses,
                disclosure,
                incidents,
                proof_of_work,
                poll_defaults,
            })
        } else {
            Err(faults)
        }
    }
}

/// Reads what was typed, and keeps what is wrong.
struct SettingsCheck<'a> {
    typed: &'a TypedSite,
    language: &'a Language,
    faults: SiteFaults,
}

impl<'a> SettingsCheck<'a> {
    fn texts(&self) -> &'static SettingsTexts {
        &texts_of(self.language).settings
    }

    fn refuse(&mut self, field: &str, fault: impl Into<String>) {
        self.faults.entry(field.to_owned()).or_default().push(fault.into());
    }

    fn typed(&self, field: &str) -> Option<&'a str> {
        Some(self.typed.value(field).trim()).filter(|typed| !typed.is_empty())
    }

    /// The lines that something stands on, with their numbers.
    fn lines(&self, field: &str) -> Vec<(usize, &'a str)> {
        let lines = self.typed.value(field).lines().enumerate();
        lines.map(|(place, line)| (place + 1, line.trim())).filter(|(_, line)| !line.is_empty()).collect()
    }

    fn text(&mut self, field: &str, limit: TextLimit) -> Option<Text> {
        faults::text(self.typed(field), limit, self.language).unwrap_or_else(|fault| {
            self.refuse(field, fault);
            None
        })
    }

    fn parsed<T: std::str::FromStr>(&mut self, field: &str, fault: &str) -> Option<T> {
        let read = self.typed(field).map(str::parse).transpose();
        read.unwrap_or_else(|_| {
            self.refuse(field, fault);
            None
        })
    }

    /// Names each line that is wrong.
    fn refuse_line(&mut self, field: &str, line: usize, typed: &str, fault: &str) {
        let number = self.number(line);
        let said =
            self.texts().line_fault.replace("{line}", &number).replace("{typed}", typed).replace("{fault}", fault);
        self.refuse(field, said);
    }

    fn number(&self, number: usize) -> String {
        self.language.number(u64::try_from(number).unwrap_or(u64::MAX), Digits::Latn)
    }

    fn refuse_count(&mut self, field: &str, most: usize) {
        let fault = self.texts().count_fault.replace("{most}", &self.number(most));
        self.refuse(field, fault);
    }

    fn origins(&mut self) -> Vec<ListedOrigin> {
        let mut origins: Vec<ListedOrigin> = Vec::new();
        for (line, typed) in self.lines("origins") {
            match typed.parse() {
                Ok(origin) if origins.contains(&origin) => {}
                Ok(origin) => origins.push(origin),
                Err(_) => self.refuse_line("origins", line, typed, &self.texts().origin_fault),
            }
        }
        if origins.len() > MAX_ORIGINS {
            self.refuse_count("origins", MAX_ORIGINS);
        }
        origins
    }

    fn look(&mut self) -> SiteLook {
        let texts = self.texts();
        let accent = self.parsed::<Colour>("accent", &texts.colour_fault);
        let accent_dark = self.parsed::<Colour>("accent_dark", &texts.colour_fault);
        if accent_dark.is_some() && self.typed("accent").is_none() {
            self.refuse("accent", &texts.accent_fault);
        }
        let density = called(Density::NAMES, self.typed.value("density")).unwrap_or_default();
        let mut words = BTreeMap::new();
        for language in Language::all() {
            let [vote, see_results, counted, most_read] =
                SITE_WORDS.map(|(word, limit)| self.text(&word_field(language, word), limit));
            let said = SiteWords { vote, see_results, counted, most_read };
            if said != SiteWords::default() {
                words.insert(language.tag().to_owned(), said);
            }
        }
        let look = SiteLook { accent, accent_dark, density, words };
        if let Some(PoorContrast { member, surface, contrast, .. }) = look.unreadable() {
            let found = format!("{}.{:02}", contrast / 100, contrast % 100);
            let fault = texts.contrast_fault.replace("{surface}", &surface.to_string()).replace("{contrast}", &found);
            self.refuse(member, fault);
        }
        look
    }

    fn addresses(&mut self) -> AddressRules {
        let texts = self.texts();
        let mut hosts = BTreeMap::new();
        let mut host_lines = Vec::new();
        for (line, typed) in self.lines("hosts") {
            match typed.split_once('=') {
                Some((from, to)) => {
                    let (from, to) = (from.trim().to_owned(), to.trim().to_owned());
                    host_lines.push((from.clone(), line, typed));
                    hosts.insert(from, to);
                }
                None => self.refuse_line("hosts", line, typed, &texts.hosts_fault),
            }
        }
        let read = |check: &Self, field| -> Vec<String> {
            check.lines(field).into_iter().map(|(_, line)| line.to_owned()).collect()
        };
        let rules = AddressRules {
            hosts,
            path_prefixes: read(self, "path_prefixes"),
            path_suffixes: read(self, "path_suffixes"),
            parameters: read(self, "parameters"),
        };
        let (named, _) = match rules.checked() {
            Ok(rules) => return rules,
            Err(wrong) => wrong,
        };
        if let Some(host) = named.strip_prefix("hosts.") {
            for (from, line, typed) in host_lines {
                if from.trim_end_matches('.').eq_ignore_ascii_case(host) || from == host {
                    self.refuse_line("hosts", line, typed, &texts.hosts_fault);
                }
            }
            if !self.faults.contains_key("hosts") {
                self.refuse("hosts", &texts.hosts_fault);
            }
            return AddressRules::default();
        }
        let (field, place) = named.split_once('[').unwrap_or((named.as_str(), ""));
        let place = place.trim_end_matches(']').parse::<usize>().ok();
        let fault = match field {
            "path_prefixes" => &texts.path_prefixes_fault,
            "path_suffixes" => &texts.path_suffixes_fault,
            _ => &texts.parameters_fault,
        };
        match place.and_then(|place| self.lines(field).into_iter().nth(place)) {
            Some((line, typed)) => self.refuse_line(field, line, typed, fault),
            None => self.refuse_count(field, MOST_RULES),
        }
        AddressRules::default()
    }
}
