//! What somebody else has changed in a poll, in words for whoever was writing meanwhile.

use super::{TypedOption, TypedPoll};
use crate::{
    embed::language::Language,
    newsroom::texts::{MakeTexts, texts_of},
};

impl TypedPoll {
    /// How it is now where it was otherwise, by the names that the form has for it.
    pub fn changes_since(&self, base: &Self, language: &'static Language) -> Vec<(&'static str, String)> {
        let texts = &texts_of(language).make;
        let shown = |text: String| if text.is_empty() { "–".to_owned() } else { text };
        let (before, now) = (base.told(texts), self.told(texts));
        let changed = before.into_iter().zip(now).filter(|(before, now)| before != now);
        changed.map(|(_, (name, value))| (name, shown(value))).collect()
    }

    /// All that can change in a poll, in the form's order.
    fn told(&self, texts: &'static MakeTexts) -> Vec<(&'static str, String)> {
        let of_options = |of: fn(&TypedOption) -> &String| {
            let all: Vec<&str> = self.options.iter().map(|option| of(option).as_str()).collect();
            if all.iter().all(|text| text.is_empty()) { String::new() } else { all.join(" · ") }
        };
        let time = |text: &String| text.replace('T', " ");
        let is = |it: bool| if it { texts.yes.clone() } else { texts.no.clone() };
        let called = |names: &[(&str, &str)], name: &str| {
            names.iter().find(|(other, _)| *other == name).map(|(_, words)| (*words).to_owned()).unwrap_or_default()
        };
        let right = self.right().map(|option| option.label.clone()).unwrap_or_default();
        let spoken = Language::find(&self.language).map_or(&*self.language, |it| &*texts_of(it).frame.language);
        vec![
            (&texts.question, self.question.clone()),
            (&texts.options, of_options(|option| &option.label)),
            (&texts.emoji, of_options(|option| &option.emoji)),
            (&texts.note, of_options(|option| &option.note)),
            (&texts.image_url, of_options(|option| &option.image_url)),
            (&texts.image_alt, of_options(|option| &option.image_alt)),
            (&texts.low_label, self.low_label.clone()),
            (&texts.high_label, self.high_label.clone()),
            (&texts.opens_at, time(&self.opens_at)),
            (&texts.closes_at, time(&self.closes_at)),
            (&texts.results, called(&texts.policies(), &self.results)),
            (&texts.changeable, is(self.changeable)),
            (&texts.min_choices, self.min_choices.clone()),
            (&texts.max_choices, self.max_choices.clone()),
            (&texts.correct, right),
            (&texts.explanation, self.explanation.clone()),
            (&texts.shuffle, is(self.shuffle)),
            (&texts.minimum_ballots, self.minimum_ballots.clone()),
            (&texts.display, called(&texts.displays(), &self.display)),
            (&texts.article_url, self.article_url.clone()),
            (&texts.language, spoken.to_owned()),
            (&texts.asked_by, self.asked_by.clone()),
            (&texts.paid_by, self.paid_by.clone()),
            (&texts.licence, self.licence.clone()),
            (&texts.disclosure_note, self.disclosure_note.clone()),
            (&texts.thanks, self.thanks.clone()),
            (&texts.link_url, self.link_url.clone()),
            (&texts.link_label, self.link_label.clone()),
            (&texts.next, self.next.clone()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::poll::PollDefaults;

    #[test]
    fn every_field_that_another_editor_has_changed_is_named() {
        let base = TypedPoll::blank("en", &PollDefaults::default());
        let arabic = Language::find("ar").unwrap();
        // These belong to one edit alone, or can't change.
        let others = ["kind", "open_answer", "reason", "correction"];
        let fields = serde_json::to_value(&base).unwrap();
        for (name, value) in fields.as_object().unwrap() {
            let mut changed = fields.clone();
            changed[name] = match (name.as_str(), value) {
                ("results", _) => json!("never"),
                ("display", _) => json!("percent"),
                ("language", _) => json!("fr"),
                ("correct", _) => json!("1"),
                ("options", _) => json!([{ "label": "نعم" }]),
                (_, Value::Bool(is)) => json!(!is),
                _ => json!("x"),
            };
            let mut base = base.clone();
            if name == "correct" {
                base.options[0].label = "نعم".to_owned();
                changed["options"][0]["label"] = json!("نعم");
            }
            let changed: TypedPoll = serde_json::from_value(changed).unwrap();
            let told = changed.changes_since(&base, arabic);
            assert_eq!(told.len(), usize::from(!others.contains(&name.as_str())), "{name}: {told:?}");
            if name == "correct" {
                assert_eq!(told[0].1, "نعم", "the right answer is told by its words");
            }
        }
        for part in ["emoji", "label", "note", "image_url", "image_alt"] {
            let mut changed = fields.clone();
            changed["options"][1][part] = json!("x");
            let changed: TypedPoll = serde_json::from_value(changed).unwrap();
            assert_eq!(changed.changes_since(&base, arabic).len(), 1, "{part}");
        }
    }
}
