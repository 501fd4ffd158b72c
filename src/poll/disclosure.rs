//! Who stands behind a poll: what press councils ask for, and in some countries the law.

use serde::{Deserialize, Serialize};

use super::{
    PollFields, Text,
    check::Check,
    text::{DISCLOSURE_NOTE, PARTY},
};

/// What is told of a poll wherever its results are. A disclosure says at least one of these.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disclosure {
    /// Who asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_by: Option<Text>,
    /// Who pays for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid_by: Option<Text>,
    /// The licence that a country asks for, as its office writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<Text>,
    /// What else is to be known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Text>,
}

/// A disclosure as a publisher asks for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewDisclosure {
    /// At most 200 characters.
    pub asked_by: Option<String>,
    /// At most 200 characters.
    pub paid_by: Option<String>,
    /// At most 200 characters.
    pub licence: Option<String>,
    /// At most 500 characters.
    pub note: Option<String>,
}

impl Disclosure {
    /// Whether nothing is told.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl PollFields {
    /// Tells what a new poll's site tells of all its polls, unless the poll tells it otherwise, or asks for none.
    pub fn take_disclosure(&mut self, of_site: Option<&Disclosure>) {
        let Some(of_site) = of_site else { return };
        let Some(asked) = self.disclosure.get_or_insert_with(|| Some(NewDisclosure::default())) else { return };
        let or = |own: &mut Option<String>, default: &Option<Text>| {
            if own.is_none() {
                *own = default.as_ref().map(|text| text.as_str().to_owned());
            }
        };
        or(&mut asked.asked_by, &of_site.asked_by);
        or(&mut asked.paid_by, &of_site.paid_by);
        or(&mut asked.licence, &of_site.licence);
        or(&mut asked.note, &of_site.note);
    }
}

impl NewDisclosure {
    /// Checks it by itself.
    ///
    /// # Errors
    /// Every violation found.
    pub fn checked(&self) -> Result<Disclosure, Vec<super::Violation>> {
        let mut check = Check::default();
        let disclosure = check.disclosure(self);
        check.finish(|| Some(disclosure))
    }
}

impl Check {
    pub(super) fn disclosure(&mut self, asked: &NewDisclosure) -> Disclosure {
        let mut text = |name: &str, text: &Option<String>, limit| {
            text.as_deref().and_then(|text| self.text(&format!("disclosure.{name}"), text, limit))
        };
        Disclosure {
            asked_by: text("asked_by", &asked.asked_by, PARTY),
            paid_by: text("paid_by", &asked.paid_by, PARTY),
            licence: text("licence", &asked.licence, PARTY),
            note: text("note", &asked.note, DISCLOSURE_NOTE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(asked_by: Option<&str>, note: Option<&str>) -> NewDisclosure {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        NewDisclosure { asked_by: owned(asked_by), note: owned(note), ..NewDisclosure::default() }
    }

    #[test]
    fn what_a_poll_does_not_tell_is_told_by_its_site_unless_it_asks_for_none() {
        let site = told(Some("الراي"), Some("استطلاع غير علمي")).checked().unwrap();
        let taken = |disclosure| {
            let mut fields = PollFields { disclosure, ..PollFields::default() };
            fields.take_disclosure(Some(&site));
            fields.disclosure
        };
        let note = "استطلاع غير علمي";
        assert_eq!(taken(None), Some(Some(told(Some("الراي"), Some(note)))));
        assert_eq!(taken(Some(Some(told(Some("ديوان"), None)))), Some(Some(told(Some("ديوان"), Some(note)))));
        assert_eq!(taken(Some(None)), Some(None));
    }

    #[test]
    fn every_text_of_a_disclosure_that_is_wrong_is_named() {
        let refused = told(Some(" "), Some(&"x".repeat(501))).checked().unwrap_err();
        let fields: Vec<_> = refused.iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(fields, ["disclosure.asked_by", "disclosure.note"]);
    }
}
