//! How a site's polls look, and what they say, wherever they stand. A page overrides it by the widget's `--sawt-…`
//! properties.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::poll::{Text, TextLimit};

/// What stands on a button, or above a list.
pub const BUTTON: TextLimit = TextLimit { characters: 40, bytes: 640 };
/// What is said when a vote was counted.
pub const THANKS: TextLimit = TextLimit { characters: 120, bytes: 1_920 };

/// What polls lie on, in either theme, as the style sheet has it.
const SURFACES: [Colour; 2] = [Colour([0xff, 0xff, 0xff]), Colour([0x15, 0x18, 0x1d])];

/// The least contrast of a text with what it lies on, in hundredths (WCAG 2.2, 1.4.3).
const LEAST_CONTRAST: u32 = 450;

/// A site's look. All of it may be left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteLook {
    /// Of buttons, links and bars, where it is light.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accent: Option<Colour>,
    /// The same, where it is dark; if not said, `accent` made as much lighter as it takes to be read there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accent_dark: Option<Colour>,
    /// How much room polls take.
    #[serde(default)]
    pub density: Density,
    /// The site's own words, by the tag of the language they are in.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub words: BTreeMap<String, SiteWords>,
}

/// What a site says in its own words, in one language.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteWords {
    /// The button that votes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vote: Option<Text>,
    /// The link to the results, without voting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub see_results: Option<Text>,
    /// What is said when a vote was counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted: Option<Text>,
    /// What a list of what is read most is headed by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most_read: Option<Text>,
}

/// How much room there is around things.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Density {
    /// As in an article.
    #[default]
    Comfortable,
    /// As in a narrow column.
    Compact,
}

impl Density {
    /// All there are, by their names.
    pub const NAMES: [(&'static str, Self); 2] = [("comfortable", Self::Comfortable), ("compact", Self::Compact)];
}

impl SiteLook {
    /// Declarations of CSS that make a poll look so; empty if all is as usual. Made of what was checked, and of no
    /// text.
    pub fn declarations(&self) -> String {
        let mut said = String::new();
        if let Some(accent) = self.accent {
            let dark = self.dark_accent().unwrap_or(accent);
            said = format!(
                "--site-light:{accent};--site-dark:{dark};--site-tint:color-mix(in srgb,var(--accent) 10%,var(--surface))"
            );
        }
        if self.density == Density::Compact {
            let before = if said.is_empty() { "" } else { ";" };
            said = format!("{said}{before}--site-padding:12px 14px 8px;--site-gap:6px");
        }
        said
    }

    /// The accent where it is dark, if there is one.
    pub fn dark_accent(&self) -> Option<Colour> {
        self.accent_dark.or_else(|| Some(self.accent?.lightened_for(SURFACES[1])))
    }

    /// Why these colours can't be read.
    pub fn unreadable(&self) -> Option<PoorContrast> {
        let (accents, themes) = ([("accent", self.accent), ("accent_dark", self.accent_dark)], ["light", "dark"]);
        accents.into_iter().zip(SURFACES).zip(themes).find_map(|(((member, accent), surface), theme)| {
            let contrast = accent?.contrast(surface);
            (contrast < LEAST_CONTRAST).then_some(PoorContrast { member, surface, theme, contrast })
        })
    }
}

/// A colour that readers can't read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoorContrast {
    /// The member of the look that says it.
    pub member: &'static str,
    /// What it lies on.
    pub surface: Colour,
    /// Where that is so: `light` or `dark`.
    pub theme: &'static str,
    /// Its contrast with that, in hundredths.
    pub contrast: u32,
}

impl fmt::Display for PoorContrast {
    /// What it must be, in words that follow its name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { surface, theme, contrast, .. } = self;
        let (whole, hundredths) = (contrast / 100, contrast % 100);
        write!(f, "must have a contrast of 4.5 with {surface}, on which {theme} polls lie, ")?;
        write!(f, "and has {whole}.{hundredths:02} (WCAG 2.2, 1.4.3)")
    }
}

/// A colour of sRGB, written `#rrggbb`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour([u8; 3]);

impl Colour {
    /// Red, green and blue.
    pub fn parts(self) -> [u8; 3] {
        self.0
    }

    /// Relative luminance, from 0 of black to 1 of white (WCAG 2.2).
    fn luminance(self) -> f64 {
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        let [red, green, blue] = self.0.map(linear);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// The contrast of two colours, in hundredths, rounded down.
    fn contrast(self, other: Self) -> u32 {
        let (one, other) = (self.luminance(), other.luminance());
        let hundredths = (one.max(other) + 0.05) / (one.min(other) + 0.05) * 100.0;
        // From 100 to 2,100.
        #[expect(
            clippy::as_conversions,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is small and positive"
        )]
        let whole = hundredths as u32;
        whole
    }

    /// Mixed with as little white as makes it readable on a dark colour.
    fn lightened_for(self, surface: Self) -> Self {
        let mixed = |white: u16| {
            let mix = |part: u8| u16::from(part) + (255 - u16::from(part)) * white / 32;
            Self(self.0.map(|part| u8::try_from(mix(part)).unwrap_or(u8::MAX)))
        };
        (0..=32).map(mixed).find(|colour| colour.contrast(surface) >= LEAST_CONTRAST).unwrap_or(mixed(32))
    }
}

impl FromStr for Colour {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6);
        let digits = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let number = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let [_, parts @ ..] = number.ok_or("must be a colour as #rrggbb")?.to_be_bytes();
        Ok(Self(parts))
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

impl Serialize for Colour {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Colour {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn colour(text: &str) -> Colour {
        text.parse().unwrap()
    }

    #[test]
    fn a_colour_is_six_hexadecimal_digits_and_nothing_else() {
        assert_eq!(colour("#B3122F").to_string(), "#b3122f");
        for wrong in ["", "#", "#fff", "b3122f", "#b3122", "#b3122g", "#+3122f", "#b3122f;", "#é122f", "red"] {
            assert!(wrong.parse::<Colour>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn contrast_is_as_the_guidelines_reckon_it() {
        let white = SURFACES[0];
        for (text, contrast) in
            [("#000000", 2_100), ("#ffffff", 100), ("#767676", 454), ("#777777", 447), ("#0000ff", 859)]
        {
            assert_eq!(colour(text).contrast(white), contrast, "{text}");
        }
    }

    #[test]
    fn a_colour_that_readers_can_not_read_is_refused_by_name() {
        let look = |accent: &str, accent_dark: Option<&str>| SiteLook {
            accent: Some(colour(accent)),
            accent_dark: accent_dark.map(colour),
            ..SiteLook::default()
        };
        assert_eq!(look("#b3122f", None).unreadable(), None);
        assert_eq!(look("#ffcc00", None).unreadable().unwrap().member, "accent");
        let poor = look("#b3122f", Some("#330008")).unreadable().unwrap();
        assert_eq!(poor.member, "accent_dark");
        assert!(poor.to_string().contains("#15181d"), "{poor}");
    }

    #[test]
    fn every_accent_that_is_taken_can_be_read_in_the_dark() {
        for accent in ["#000000", "#14597f", "#b3122f", "#0000ff", "#5b3a00", "#767676"] {
            let dark = colour(accent).lightened_for(SURFACES[1]);
            assert!(dark.contrast(SURFACES[1]) >= LEAST_CONTRAST, "{accent} {dark}");
        }
        assert_eq!(colour("#ffffff").lightened_for(SURFACES[1]), colour("#ffffff"));
    }

    #[test]
    fn a_look_that_is_not_said_changes_nothing() {
        assert_eq!(SiteLook::default().declarations(), "");
        assert_eq!(serde_json::from_str::<SiteLook>("{}").unwrap(), SiteLook::default());
        let compact = SiteLook { density: Density::Compact, ..SiteLook::default() };
        assert!(compact.declarations().starts_with("--site-padding:"));
        let both = SiteLook { accent: Some(colour("#b3122f")), ..compact };
        let said = both.declarations();
        assert!(said.starts_with("--site-light:#b3122f;--site-dark:#") && said.contains(";--site-padding:"), "{said}");
    }
}
