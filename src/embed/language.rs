//! The languages that readers are spoken to in.
//!
//! A language is one file in `languages/`, named by its tag, and one in the newsroom's folder of that name. The server
//! reads it here, and gives the widget what that needs of it ([`Language::for_script`]), so the two can't say different
//! things. Numbers are written by both from the same few signs rather than from the tables each side brings along,
//! which differ between versions: `ar` alone means Latin digits to one browser and Arabic ones to the next.

use std::{collections::BTreeMap, sync::LazyLock};

use rust_embed::RustEmbed;
use serde::{Deserialize, Serialize};

use super::{
    digits::{Digits, in_digits},
    direction::Direction,
    plural::Rule,
    texts::{DecidedTexts, OpenAnswerTexts, RankedTexts, Texts, VerdictTexts},
};
use crate::poll::{Poll, Tally, TallyDisplay, TimeZone};

#[derive(RustEmbed)]
#[folder = "src/embed/languages/"]
struct Files;

static LANGUAGES: LazyLock<Vec<Language>> = LazyLock::new(|| {
    // A file that can't be read is left out; a test reads them all.
    Files::iter().filter_map(|name| read(&name).ok()).collect()
});

/// What is spoken where nothing else is.
const FALLBACK: &str = "en";

/// One language's file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Language {
    /// Its tag, which is the file's name.
    #[serde(skip)]
    tag: String,
    direction: Direction,
    numbers: BTreeMap<String, Signs>,
    plural_rules: BTreeMap<String, Rule>,
    plurals: BTreeMap<String, BTreeMap<String, String>>,
    /// What is said after a time, by the zone it is in; of other zones it is their name.
    zones: BTreeMap<String, String>,
    /// The months by name, from January on.
    pub(super) months: Vec<String>,
    texts: Texts,
}

/// What numbers are written with, beside digits.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signs {
    /// Before tenths.
    decimal: String,
    /// Between groups of three digits.
    group: String,
    /// `{n}%`
    percent: String,
}

fn read(name: &str) -> Result<Language, String> {
    let file = Files::get(name).ok_or("is not there")?;
    let mut language: Language = serde_json::from_slice(&file.data).map_err(|error| error.to_string())?;
    name.trim_end_matches(".json").clone_into(&mut language.tag);
    for digits in [Digits::Latn, Digits::Arab] {
        language.numbers.get(digits.as_str()).ok_or_else(|| format!("numbers.{} is missing", digits.as_str()))?;
    }
    if language.months.len() != 12 {
        return Err("there must be twelve months".to_owned());
    }
    for of in ["votes", "voters", "stars", "more", "later", "wait", "left", "characters", "enough", "foreseen"] {
        let forms = language.plurals.get(of).ok_or_else(|| format!("plurals.{of} is missing"))?;
        for form in language.plural_rules.keys().map(String::as_str).chain(["other"]) {
            forms.get(form).ok_or_else(|| format!("plurals.{of}.{form} is missing"))?;
        }
    }
    Ok(language)
}

impl Language {
    /// The tags of all there are.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        LANGUAGES.iter()
    }

    /// The language with this tag, or that this is a regional form of.
    pub fn find(tag: &str) -> Option<&'static Self> {
        let tag = tag.trim();
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        let is = |language: &&Self, tag: &str| language.tag.eq_ignore_ascii_case(tag);
        Self::all().find(|language| is(language, tag)).or_else(|| Self::all().find(|language| is(language, primary)))
    }

    /// The language to speak in a poll of this language: that one, or else English.
    pub fn for_poll(tag: &str) -> Option<&'static Self> {
        Self::find(tag).or_else(|| Self::find(FALLBACK))
    }

    /// The first of these tags that there is a language for, or else English.
    pub fn best_of<'a>(mut tags: impl Iterator<Item = &'a str>) -> Option<&'static Self> {
        tags.find_map(Self::find).or_else(|| Self::find(FALLBACK))
    }

    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// The way it runs.
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// A time zone as it is named after a time.
    pub fn zone<'a>(&'a self, zone: &'a TimeZone) -> &'a str {
        self.zones.get(zone.as_str()).map_or(zone.as_str(), String::as_str)
    }

    pub fn texts(&self) -> &Texts {
        &self.texts
    }

    /// A whole number.
    pub fn number(&self, number: u64, digits: Digits) -> String {
        let latin = number.to_string();
        let group = self.numbers.get(digits.as_str()).map_or("", |signs| signs.group.as_str());
        let mut text = String::with_capacity(latin.len() * 2);
        for (nth, digit) in latin.bytes().enumerate() {
            if nth > 0 && (latin.len() - nth).is_multiple_of(3) {
                text.push_str(group);
            }
            text.push(in_digits(char::from(digit), digits));
        }
        text
    }

    /// So many tenths of a percent: a percentage to one decimal, which is left out if it is 0.
    pub fn share(&self, tenths: u64, digits: Digits) -> String {
        let percent = self.numbers.get(digits.as_str()).map_or("", |signs| signs.percent.as_str());
        percent.replace("{n}", &self.tenths(tenths, digits))
    }

    /// So many tenths: a number to one decimal, which is left out if it is 0.
    pub fn tenths(&self, tenths: u64, digits: Digits) -> String {
        let mut number = self.number(tenths / 10, digits);
        if let Some(signs) = self.numbers.get(digits.as_str()).filter(|_| !tenths.is_multiple_of(10)) {
            number.push_str(&signs.decimal);
            number.push_str(&self.number(tenths % 10, digits));
        }
        number
    }

    /// "3 votes", and whatever else is counted. Zero has a form of its own wherever the file gives it one, whatever the
    /// language's rules.
    pub fn count(&self, of: &str, number: u64, digits: Digits) -> String {
        let Some(forms) = self.plurals.get(of) else { return String::new() };
        let by_rule =
            || self.plural_rules.iter().find(|(_, rule)| rule.holds_for(number)).map(|(form, _)| form.as_str());
        let zero = (number == 0).then(|| forms.get("zero")).flatten();
        let form = zero.or_else(|| forms.get(by_rule().unwrap_or("other")));
        form.map_or_else(String::new, |form| form.replace("{n}", &self.number(number, digits)))
    }

    /// How many have voted, as a tally tells it.
    pub fn ballots(&self, of: &str, tally: &Tally, digits: Digits) -> String {
        if tally.is_under_100 {
            return self.texts.fewer_than.replace("{n}", &self.count(of, 100, digits));
        }
        let counted = self.count(of, tally.ballots, digits);
        // Below that nothing was rounded.
        let is_rounded = tally.display == TallyDisplay::Percent && tally.ballots >= 100;
        if is_rounded { self.texts.at_least.replace("{n}", &counted) } else { counted }
    }

    /// What the widget needs of this for a poll, as JSON; `counted` is what its total counts, and `said` what is said
    /// of a vote, if not what always is. What it finds in the markup is left out. The JSON is a single-quoted
    /// attribute's value as it is, without the escapes that its own quotes would need: what markup or such an attribute
    /// could take for its own is written as JSON's escapes.
    pub fn for_script(&self, poll: &Poll, digits: Digits, counted: &str, said: Option<&str>) -> String {
        #[derive(Serialize)]
        struct ForScript<'a> {
            numbers: Option<&'a Signs>,
            plurals: BTreeMap<&'a str, &'a BTreeMap<String, String>>,
            texts: BTreeMap<&'a str, &'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            verdict: Option<VerdictTexts<'a>>,
            #[serde(skip_serializing_if = "Option::is_none")]
            average: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            ranked: Option<RankedTexts<'a>>,
            #[serde(skip_serializing_if = "Option::is_none")]
            open: Option<OpenAnswerTexts<'a>>,
            #[serde(skip_serializing_if = "Option::is_none")]
            decided: Option<DecidedTexts<'a>>,
        }

        let plurals = self.plurals.iter().map(|(of, forms)| (of.as_str(), forms));
        let (ranked, open) = (self.texts.ranked(poll), self.texts.open(poll));
        let is_said = |of: &str| {
            ["votes", "wait", counted].contains(&of)
                || (of == "points" && ranked.is_some())
                || (of == "left" && open.is_some())
        };
        let plurals = plurals.filter(|(of, _)| is_said(of)).collect();
        let mut texts = self.texts.for_script(!poll.kind.takes_one());
        if let Some(said) = said {
            texts.insert("counted", said);
        }
        let verdict = self.texts.verdict(poll);
        let average = poll.scale.as_ref().map(|_| self.texts.average.as_str());
        let numbers = self.numbers.get(digits.as_str());
        let least = u64::from(poll.minimum_ballots);
        let decided = poll.is_decided().then(|| DecidedTexts {
            few: (least > 0).then(|| self.count("enough", least, digits)),
            at_least: &self.texts.at_least,
            fewer_than: &self.texts.fewer_than,
        });
        let said = ForScript { numbers, plurals, texts, verdict, average, ranked, open, decided };
        let json = serde_json::to_string(&said).unwrap_or_default();
        json.replace('&', "\\u0026").replace('\'', "\\u0027").replace('<', "\\u003c")
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::embed::direction::direction_of;

    fn language(tag: &str) -> &'static Language {
        Language::find(tag).unwrap_or_else(|| panic!("no {tag}"))
    }

    #[test]
    fn every_file_in_the_directory_is_a_language() {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/src/embed/languages");
        let mut files: Vec<String> = std::fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        let mut embedded: Vec<_> = Files::iter().map(Cow::into_owned).collect();
        embedded.sort();
        assert_eq!(embedded, files, "built before a file was added: touch src/embed/language.rs");
        for name in files {
            let language = read(&name).unwrap_or_else(|fault| panic!("{name}: {fault}"));
            assert_eq!(language.direction, direction_of(&language.tag), "{name}");
            for (zone, said) in &language.zones {
                let known = zone.parse::<TimeZone>().map(|known| known.to_string());
                assert!(known.as_ref() == Ok(zone) && !said.is_empty(), "{name}: {zone}: {said}");
            }
            let file: serde_json::Value = serde_json::from_slice(&Files::get(&name).unwrap().data).unwrap();
            for (text, said) in file["texts"].as_object().unwrap() {
                let said = said.as_str().unwrap();
                let all = [
                    "{time}",
                    "{n}",
                    "{of}",
                    "{min}",
                    "{max}",
                    "{option}",
                    "{name}",
                    "{start}",
                    "{end}",
                    "{zone}",
                    "{figures}",
                ];
                let placed: Vec<_> = all.into_iter().filter(|it| said.contains(it)).collect();
                let expected: &[&str] = match text.as_str() {
                    "opens" | "closes" | "ended_at" | "reworded" => &["{time}"],
                    "disclosed_asker" | "disclosed_payer" | "disclosed_licence" => &["{name}"],
                    "disclosed_days" => &["{start}", "{end}", "{zone}"],
                    "disclosed_day" => &["{start}", "{zone}"],
                    "disclosed_addendum" => &["{figures}"],
                    "placed" => &["{n}", "{option}"],
                    "your_rank" | "at_least" | "fewer_than" | "snapshot_fixed" => &["{n}"],
                    "average" | "ticked" | "ticked_all" | "too_many" => &["{n}", "{max}"],
                    "too_few" => &["{n}", "{min}"],
                    "question_of" | "score" => &["{n}", "{of}"],
                    "answered_wrong" | "not_foreseen" | "unplaced" | "move_up" | "move_down" => &["{option}"],
                    "choose_exactly" | "choose_up_to" | "say_otherwise" | "words_too_long" => &["{max}"],
                    "choose_between" | "choose_step" | "rank_between" => &["{min}", "{max}"],
                    _ => &[],
                };
                assert!(!said.is_empty() && placed == expected, "{name}: {text}: {said}");
                // What is shown of a publisher's words runs its own way, and so what stands beside it: but what a
                // button is called is only heard.
                let is_shown = said.contains("{option}") && !text.starts_with("move_");
                assert_eq!(is_shown, said.contains("\u{2068}{option}\u{2069}"), "{name}: {text}: {said}");
            }
        }
    }

    /// As the Unicode CLDR has them:
    /// <https://www.unicode.org/cldr/charts/latest/supplemental/language_plural_rules.html>
    #[test]
    fn every_form_of_a_count_ends_as_a_sentence_does_or_none() {
        for language in Language::all() {
            for (of, forms) in &language.plurals {
                let stops = forms.values().filter(|form| form.ends_with('.')).count();
                assert!(stops == 0 || stops == forms.len(), "plurals.{of}: {forms:?}");
            }
        }
    }

    #[test]
    fn arabic_counts_in_six_forms() {
        for (votes, said) in [
            (0, "لا أصوات"),
            (1, "صوت واحد"),
            (2, "صوتان"),
            (3, "3 أصوات"),
            (10, "10 أصوات"),
            (11, "11 صوتًا"),
            (99, "99 صوتًا"),
            (100, "100 صوت"),
            (101, "101 صوت"),
            (102, "102 صوت"),
            (103, "103 أصوات"),
            (111, "111 صوتًا"),
            (1_000, "1,000 صوت"),
            (12_345, "12,345 صوتًا"),
        ] {
            assert_eq!(language("ar").count("votes", votes, Digits::Latn), said);
        }
        assert_eq!(language("ar").count("votes", 1_234_567, Digits::Arab), "١٬٢٣٤٬٥٦٧ صوتًا");
    }

    #[test]
    fn english_and_french_count_as_they_do() {
        for (tag, votes, said) in [
            ("en", 0, "No votes"),
            ("en", 1, "1 vote"),
            ("en", 2, "2 votes"),
            ("en", 101, "101 votes"),
            ("en", 12_345, "12,345 votes"),
            ("fr", 0, "Aucun vote"),
            ("fr", 1, "1 vote"),
            ("fr", 2, "2 votes"),
            ("fr", 12_345, "12\u{202f}345 votes"),
            ("fr", 1_000_000, "1\u{202f}000\u{202f}000 de votes"),
            ("fr", 1_000_001, "1\u{202f}000\u{202f}001 votes"),
        ] {
            assert_eq!(language(tag).count("votes", votes, Digits::Latn), said, "{tag}");
        }
    }

    #[test]
    fn a_share_is_said_with_one_decimal_unless_that_is_zero() {
        for (tenths, latin, arabic) in [
            (0, "0%", "٠٪"),
            (1, "0.1%", "٠٫١٪"),
            (333, "33.3%", "٣٣٫٣٪"),
            (500, "50%", "٥٠٪"),
            (1_000, "100%", "١٠٠٪"),
        ] {
            assert_eq!(language("ar").share(tenths, Digits::Latn), latin, "{tenths}");
            assert_eq!(language("ar").share(tenths, Digits::Arab), arabic, "{tenths}");
        }
        assert_eq!(language("fr").share(333, Digits::Latn), "33,3\u{202f}%");
    }

    /// The widget is held to the same file, by a browser.
    #[test]
    fn numbers_are_said_as_they_are_said_to_readers_of_the_widget() {
        let said = include_str!("../../tests/browser/said.json");
        let said: Vec<serde_json::Value> = serde_json::from_str(said).unwrap();
        assert!(said.len() > 100);
        for line in said {
            let number = |name: &str| line[name].as_u64().unwrap_or_else(|| panic!("{name} in {line}"));
            let language = language(line["lang"].as_str().unwrap());
            let digits = if line["digits"] == "arab" { Digits::Arab } else { Digits::Latn };
            let (votes, ballots) = (number("votes"), number("ballots"));
            assert_eq!(line["said"], language.count("votes", votes, digits), "{line}");
            // Of one option of two, which comes first.
            let tenths = (votes * 2_000 + ballots).checked_div(ballots * 2).unwrap_or_default();
            assert_eq!(line["share"], language.share(tenths, digits), "{line}");
            assert_eq!(line["total"], language.count("votes", ballots, digits), "{line}");
            assert_eq!(line["voters"], language.count("voters", ballots, digits), "{line}");
        }
    }

    #[test]
    fn the_language_spoken_is_the_nearest_there_is() {
        let spoken = |tag| Language::for_poll(tag).map(Language::tag);
        assert_eq!([spoken("ar"), spoken("ar-KW"), spoken("AR")], [Some("ar"); 3]);
        assert_eq!([spoken("fr-CA"), spoken("ur"), spoken("x")], [Some("fr"), Some("en"), Some("en")]);
        let best = |tags: &[&'static str]| Language::best_of(tags.iter().copied()).map(Language::tag);
        assert_eq!(best(&["de", "fr-CA", "en"]), Some("fr"));
        assert_eq!([best(&[]), best(&["de"])], [Some("en"); 2]);
    }
}
