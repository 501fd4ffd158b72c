//! Making a poll in one screen, and editing one: the form, with a preview beside it that is the widget's own page.

mod changes;
mod typed;

use askama::Template;

pub use typed::{
    FaultReason, FormFault, TYPED_DISPLAYS, TypedField, TypedOption, TypedPoll, pick, traits_of, typed_kinds,
};

use crate::{
    embed::language::Language,
    newsroom::{
        fields::number,
        frame::Frame,
        offered::OfferedPolls,
        templates::TypedTemplate,
        texts::{MakeTexts, TemplateTexts},
    },
    poll::{ResultsPolicy, TimeZone},
};

impl MakeTexts {
    /// To whom results can be shown: each policy's name, and what the form calls it.
    pub fn policies(&self) -> [(&'static str, &str); 4] {
        ResultsPolicy::NAMES.map(|(name, policy)| {
            let words = match policy {
                ResultsPolicy::Always => &self.always,
                ResultsPolicy::AfterVote => &self.after_vote,
                ResultsPolicy::AfterClose => &self.after_close,
                ResultsPolicy::Never => &self.never,
            };
            (name, words.as_str())
        })
    }

    /// How a tally can be told while the poll is open: each display's name, and what the form calls it.
    pub fn displays(&self) -> [(&'static str, &str); 3] {
        let [exact, percent, delayed] = TYPED_DISPLAYS;
        [(exact, &*self.exact), (percent, &self.percent), (delayed, &self.delayed)]
    }
}

/// What a new poll may begin with.
pub const STARTS: [&str; 4] = ["yes_no", "agree", "stars", "reactions"];

/// What is told above the form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MakeNotice {
    /// Fields are wrong, and say so.
    Wrong,
    /// Somebody else has changed the poll meanwhile; these fields of it.
    Changed(Vec<(&'static str, String)>),
    /// Ballots came in meanwhile, so this can't change any more.
    HasBallots,
    /// It has closed meanwhile.
    Closed,
    /// It was deleted meanwhile: what was typed stands in the form for a new one.
    Gone,
    /// The site has as many templates as it may.
    TooManyTemplates,
}

/// An edit, rather than a new poll.
pub struct EditedPoll<'a> {
    /// The poll's id.
    pub id: &'a str,
    /// The revision the form was shown of.
    pub revision: u64,
    /// How the poll was then, as JSON.
    pub base: String,
    /// Whether anybody has voted in it, whatever of that counts or may be seen.
    pub has_ballots: bool,
    /// Whether it is open.
    pub is_open: bool,
}

/// The form.
#[derive(Template)]
#[template(path = "make/page.html", config = "src/newsroom/askama.toml")]
pub struct MakePage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// What was typed.
    pub typed: &'a TypedPoll,
    /// What is wrong with it.
    pub faults: &'a [FormFault],
    /// What is told above it.
    pub notice: Option<MakeNotice>,
    /// The poll that is edited; `None`: a new one.
    pub edited: Option<EditedPoll<'a>>,
    /// The template that the poll is the pattern of, and how that was when the form was opened, as JSON; `None`: a
    /// poll.
    pub template: Option<(&'a TypedTemplate, String)>,
    /// The polls that may come next.
    pub offered: OfferedPolls,
    /// The zone that its times are in.
    pub timezone: &'a TimeZone,
    /// What tells one making from the next, so that a form that is sent twice makes one poll.
    pub once: &'a str,
}

impl MakePage<'_> {
    fn texts(&self) -> &'static MakeTexts {
        &self.frame.texts().make
    }

    fn template_texts(&self) -> &'static TemplateTexts {
        &self.frame.texts().templates
    }

    fn action(&self) -> String {
        let here = self.frame.here();
        if let Some((of, _)) = &self.template {
            return if of.is_there { format!("{here}/templates/{}", of.id) } else { format!("{here}/new-template") };
        }
        match &self.edited {
            Some(edited) => format!("{here}/polls/{}/edit", edited.id),
            None => format!("{here}/polls/new"),
        }
    }

    fn title(&self) -> &'static str {
        if let Some((of, _)) = &self.template {
            let texts = &self.frame.texts().templates;
            return if of.is_there { &texts.title_edit } else { &texts.title_new };
        }
        if self.edited.is_some() { &self.texts().title_edit } else { &self.texts().title }
    }

    /// Whether answers can't be added or removed any more.
    fn is_fixed(&self) -> bool {
        self.edited.as_ref().is_some_and(|edited| edited.has_ballots)
    }

    fn is_open(&self) -> bool {
        self.edited.as_ref().is_some_and(|edited| edited.is_open)
    }

    /// Whether something was typed that stands among what few polls need.
    fn has_more(&self) -> bool {
        let TypedPoll {
            changeable,
            min_choices,
            max_choices,
            correct,
            explanation,
            article_url,
            minimum_ballots,
            display,
            shuffle,
            ..
        } = self.typed;
        let faults =
            ["changeable", "min_choices", "max_choices", "correct", "explanation", "article_url", "minimum_ballots"];
        *changeable
            || *shuffle
            || display != "exact"
            || [min_choices, max_choices, correct, explanation, article_url, minimum_ballots]
                .iter()
                .any(|text| !text.is_empty())
            || faults.iter().any(|field| self.fault(field).is_some())
    }

    fn starts(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let texts = self.texts();
        STARTS.into_iter().zip([&*texts.start_yes_no, &texts.start_agree, &texts.start_stars, &texts.start_reactions])
    }

    /// What a poll can be: by what name, with what traits, what it is called, and in a sentence.
    fn kinds(&self) -> impl Iterator<Item = (&'static str, String, &'static str, &'static str)> {
        let texts = self.frame.texts();
        typed_kinds().map(|kind| (kind, traits_of(kind), texts.typed_kinds.of(kind), texts.typed_kinds_about.of(kind)))
    }

    /// Whether something was typed about who asks and who pays, or what follows a vote.
    fn has_words(&self) -> bool {
        let TypedPoll { asked_by, paid_by, licence, disclosure_note, thanks, link_url, link_label, next, .. } =
            self.typed;
        let texts = [asked_by, paid_by, licence, disclosure_note, thanks, link_url, link_label, next];
        texts.iter().any(|text| !text.is_empty())
            || !self.offered.words.is_empty()
            || ["disclosure", "after_vote"].iter().any(|of| self.fault(of).is_some())
    }

    fn languages(&self) -> impl Iterator<Item = (&str, &str)> {
        let own = (!Language::all().any(|language| language.tag() == self.typed.language))
            .then_some((&*self.typed.language, &*self.typed.language));
        let known = Language::all().map(|language| (language.tag(), self.frame.name_of_language(language)));
        own.into_iter().chain(known)
    }

    /// Whether the answer at a place, counted from 1, is the right one.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "templates pass references")]
    fn is_correct(&self, place: &usize) -> bool {
        number::<usize>(&self.typed.correct) == Some(*place)
    }

    /// Whether it is said how many answers a reader must give. Few polls say so, and the form offers it to those alone.
    fn has_min_choices(&self) -> bool {
        !self.typed.min_choices.is_empty() || self.fault("min_choices").is_some()
    }

    /// Whether the poll that is to come next is not there any more.
    fn is_next_gone(&self) -> bool {
        let next = &self.typed.next;
        !next.is_empty() && !self.offered.polls.iter().any(|poll| poll.id == *next)
    }

    /// Whether a poll is the one that is edited.
    fn is_itself(&self, id: &str) -> bool {
        self.edited.as_ref().is_some_and(|edited| edited.id == id)
    }

    /// What is wrong with a field.
    fn fault(&self, field: &str) -> Option<&'static str> {
        self.fault_at(field, None)
    }

    /// The answers, each with what is wrong with it.
    fn lines(&self) -> impl Iterator<Item = OptionLine<'_>> {
        self.typed.options.iter().enumerate().map(|(place, option)| OptionLine {
            option,
            wrong_label: self.fault_at("label", Some(place)),
            wrong_emoji: self.fault_at("emoji", Some(place)),
            wrong_more: self.fault_at("note", Some(place)).or_else(|| self.fault_at("image", Some(place))),
        })
    }

    /// The fields that are wrong, with what they are called: to go to from above the form.
    fn wrong(&self) -> Vec<(String, String)> {
        let texts = self.texts();
        let mut wrong: Vec<(String, String)> = Vec::new();
        let mut faults: Vec<&FormFault> = self.faults.iter().collect();
        faults.sort_by_key(|fault| (fault.field, fault.place));
        for fault in faults {
            let row = fault.place.map_or(1, |place| place + 1);
            let (id, called) = match fault.field {
                TypedField::Question => ("question".to_owned(), texts.question.clone()),
                TypedField::Options => ("label-1".to_owned(), texts.options.clone()),
                TypedField::Emoji => (format!("emoji-{row}"), format!("{} {row}", texts.emoji)),
                TypedField::Label => (format!("label-{row}"), format!("{} {row}", texts.option)),
                TypedField::Note | TypedField::Image => {
                    (format!("label-{row}"), format!("{} {row}: {}", texts.option, texts.look))
                }
                TypedField::MinChoices => ("min_choices".to_owned(), texts.min_choices.clone()),
                TypedField::MaxChoices => ("max_choices".to_owned(), texts.max_choices.clone()),
                TypedField::OpensAt => ("opens_at".to_owned(), texts.opens_at.clone()),
                TypedField::ClosesAt => ("closes_at".to_owned(), texts.closes_at.clone()),
                TypedField::ArticleUrl => ("article_url".to_owned(), texts.article_url.clone()),
                TypedField::Correct => ("correct".to_owned(), texts.correct.clone()),
                TypedField::Explanation => ("explanation".to_owned(), texts.explanation.clone()),
                TypedField::Changeable => ("changeable".to_owned(), texts.changeable.clone()),
                TypedField::OpenAnswer => ("open_answer".to_owned(), texts.open_answer.clone()),
                TypedField::Scale => ("low_label".to_owned(), texts.low_label.clone()),
                TypedField::MinimumBallots => ("minimum_ballots".to_owned(), texts.minimum_ballots.clone()),
                TypedField::Disclosure => ("asked_by".to_owned(), texts.asked_by.clone()),
                TypedField::AfterVote => ("thanks".to_owned(), texts.thanks.clone()),
                TypedField::Reason => ("reason".to_owned(), texts.reason.clone()),
                TypedField::Other => continue,
            };
            if !wrong.iter().any(|(other, _)| *other == id) {
                wrong.push((id, called));
            }
        }
        wrong
    }

    fn fault_at(&self, name: &str, place: Option<usize>) -> Option<&'static str> {
        let texts = self.texts();
        let of = |fault: &&FormFault| name_of(fault.field) == name && (fault.place == place || fault.place.is_none());
        let fault = self.faults.iter().find(of)?;
        if fault.why == FaultReason::Unseen {
            return Some(&self.frame.texts().text.unseen);
        }
        Some(match fault.field {
            TypedField::Question => &texts.wrong_question,
            TypedField::Options => &texts.wrong_options,
            TypedField::Emoji => &texts.wrong_emoji,
            TypedField::Label if fault.why == FaultReason::LooksSame => &texts.wrong_same,
            TypedField::Label => &texts.wrong_label,
            TypedField::Note => &texts.wrong_note,
            TypedField::Image => &texts.wrong_image,
            TypedField::MinChoices => &texts.wrong_min_choices,
            TypedField::MaxChoices => &texts.wrong_max_choices,
            TypedField::OpensAt => &texts.wrong_opens_at,
            TypedField::ClosesAt => &texts.wrong_closes_at,
            TypedField::ArticleUrl => &texts.wrong_article_url,
            TypedField::Correct => &texts.wrong_correct,
            TypedField::Explanation => &texts.wrong_explanation,
            TypedField::Changeable => &texts.wrong_changeable,
            TypedField::OpenAnswer => &texts.wrong_open_answer,
            TypedField::Scale => &texts.wrong_scale,
            TypedField::MinimumBallots => &texts.wrong_minimum_ballots,
            TypedField::Disclosure => &texts.wrong_disclosure,
            TypedField::AfterVote => &texts.wrong_after_vote,
            TypedField::Reason => &texts.wrong_reason,
            TypedField::Other => &texts.wrong_other,
        })
    }
}

/// An answer in the form.
struct OptionLine<'a> {
    option: &'a TypedOption,
    wrong_label: Option<&'static str>,
    wrong_emoji: Option<&'static str>,
    wrong_more: Option<&'static str>,
}

impl OptionLine<'_> {
    /// Whether something was typed that few answers need.
    fn has_more(&self) -> bool {
        let TypedOption { note, image_url, image_alt, .. } = self.option;
        self.wrong_more.is_some() || [note, image_url, image_alt].iter().any(|text| !text.is_empty())
    }
}

/// The form's own name for a field.
fn name_of(field: TypedField) -> &'static str {
    match field {
        TypedField::Question => "question",
        TypedField::Options => "options",
        TypedField::Emoji => "emoji",
        TypedField::Label => "label",
        TypedField::Note => "note",
        TypedField::Image => "image",
        TypedField::MinChoices => "min_choices",
        TypedField::MaxChoices => "max_choices",
        TypedField::OpensAt => "opens_at",
        TypedField::ClosesAt => "closes_at",
        TypedField::ArticleUrl => "article_url",
        TypedField::Correct => "correct",
        TypedField::Explanation => "explanation",
        TypedField::Changeable => "changeable",
        TypedField::OpenAnswer => "open_answer",
        TypedField::Scale => "scale",
        TypedField::MinimumBallots => "minimum_ballots",
        TypedField::Disclosure => "disclosure",
        TypedField::AfterVote => "after_vote",
        TypedField::Reason => "reason",
        TypedField::Other => "other",
    }
}

/// What a preview says while there is nothing to show.
#[derive(Template)]
#[template(path = "make/preview.html", config = "src/newsroom/askama.toml")]
pub struct EmptyPreview<'a> {
    /// The language it speaks.
    pub frame: Frame<'a>,
    /// What it says.
    pub said: &'a str,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_style_sheet_asks_for_every_trait_and_for_no_other() {
        let text = include_str!("make.css");
        let asked = text.split("[data-traits~=\"").skip(1).filter_map(|rest| rest.split('"').next());
        let said =
            typed_kinds().flat_map(|kind| traits_of(kind).split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        let (asked, said): (BTreeSet<String>, BTreeSet<String>) = (asked.map(str::to_owned).collect(), said.collect());
        assert_eq!(asked, said);
    }
}
