//! A site's templates: what every article is given to answer. They are made and changed in the form that polls are made
//! in ([`MakePage`](super::make::MakePage)), which has fewer fields then, and these.

use askama::Template;
use serde::{Deserialize, Serialize};

use crate::{
    article::{Admission, MOST_ARTICLES, OPEN_FOR_DAYS, Template as ArticleTemplate, TemplateId},
    embed::{digits::Digits, language::Language},
    newsroom::{
        fields,
        frame::Frame,
        make::{TypedPoll, pick},
        texts::{TemplateTexts, texts_of},
    },
    poll::{ArticleElement, SiteId, TimeZone},
};

/// The list.
#[derive(Template)]
#[template(path = "templates/page.html", config = "src/newsroom/askama.toml")]
pub struct TemplatesPage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    /// In the order of their ids.
    pub templates: &'a [ArticleTemplate],
    /// The code for the pages of articles, if there is a template that its elements show.
    pub code: Option<String>,
    /// What was just done.
    pub notice: Option<&'static str>,
}

/// Asks for a template's id before it is deleted.
#[derive(Template)]
#[template(path = "templates/delete.html", config = "src/newsroom/askama.toml")]
pub struct DeleteTemplatePage<'a> {
    /// What stands around it.
    pub frame: Frame<'a>,
    pub template: &'a ArticleTemplate,
    /// Whether something else was typed.
    pub is_wrong: bool,
}

/// What a template has besides its poll, as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TypedTemplate {
    pub id: String,
    /// Whether there is one of this id already, which the form changes.
    pub is_there: bool,
    pub articles: TypedArticles,
    /// The fields that are wrong.
    pub wrong: Vec<&'static str>,
}

/// The articles that a template is for, as they were typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TypedArticles {
    /// Whether these are all addresses under the site's origins.
    pub is_for_all: bool,
    /// For how many days their polls take votes; empty: 90.
    pub open_for_days: String,
    /// How many at a time; empty: 10,000.
    pub most_articles: String,
}

/// How a template was when its form was opened: what an editor has changed is told by it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateBase {
    pub poll: TypedPoll,
    pub articles: TypedArticles,
}

impl TemplateBase {
    /// A template as its form shows it.
    pub fn of(template: &ArticleTemplate, timezone: &TimeZone) -> Self {
        Self { poll: TypedPoll::of(&template.pattern, timezone), articles: TypedTemplate::of(template).articles }
    }
}

impl TypedArticles {
    /// What was typed onto what somebody else has made of it meanwhile: of both, each change since `base`; where both
    /// changed the same, this one.
    #[must_use]
    pub fn onto(&self, base: &Self, theirs: &Self) -> Self {
        Self {
            is_for_all: pick(&self.is_for_all, &base.is_for_all, &theirs.is_for_all),
            open_for_days: pick(&self.open_for_days, &base.open_for_days, &theirs.open_for_days),
            most_articles: pick(&self.most_articles, &base.most_articles, &theirs.most_articles),
        }
    }

    /// How it is now where it was otherwise, by the names that the form has for it.
    pub fn changes_since(&self, base: &Self, language: &'static Language) -> Vec<(&'static str, String)> {
        let (texts, is_for_all) = (&texts_of(language).templates, self.is_for_all);
        let number = |typed: &str, usual: u32| {
            let number = fields::number(typed).unwrap_or_else(|| usual.into());
            language.number(number, Digits::Latn)
        };
        let (is, was) = (self, base);
        let all = [
            (is_for_all != was.is_for_all, &texts.articles, admission_text(texts, is_for_all).to_owned()),
            (is.open_for_days != was.open_for_days, &texts.open_for_days, number(&is.open_for_days, OPEN_FOR_DAYS.0)),
            (is.most_articles != was.most_articles, &texts.most_articles, number(&is.most_articles, MOST_ARTICLES.0)),
        ];
        all.into_iter().filter(|(is_changed, ..)| *is_changed).map(|(_, name, value)| (name.as_str(), value)).collect()
    }
}

fn admission_text(texts: &'static TemplateTexts, is_for_all: bool) -> &'static str {
    if is_for_all { &texts.own_origins } else { &texts.announced }
}

impl TypedTemplate {
    /// A template as the form shows it.
    pub fn of(template: &ArticleTemplate) -> Self {
        let unusual = |value: u32, default: u32| if value == default { String::new() } else { value.to_string() };
        Self {
            id: template.id.to_string(),
            is_there: true,
            articles: TypedArticles {
                is_for_all: template.admits == Admission::OwnOrigins,
                open_for_days: unusual(template.open_for_days, OPEN_FOR_DAYS.0),
                most_articles: unusual(template.most_articles, MOST_ARTICLES.0),
            },
            wrong: Vec::new(),
        }
    }

    /// What it is for.
    pub fn admits(&self) -> Admission {
        if self.articles.is_for_all { Admission::OwnOrigins } else { Admission::Announced }
    }

    /// Its id; `None` if that is none.
    pub fn template_id(&self) -> Option<TemplateId> {
        self.id.parse().ok()
    }

    /// How many days and how many articles; what is empty is as usual.
    ///
    /// # Errors
    /// The fields that are wrong.
    pub fn numbers(&self) -> Result<(Option<u64>, Option<u64>), Vec<&'static str>> {
        let number = |name: &'static str, typed: &str, most: u32| match typed {
            "" => Ok(None),
            typed => {
                fields::number(typed).filter(|number| (1..=u64::from(most)).contains(number)).map(Some).ok_or(name)
            }
        };
        let days = number("open_for_days", &self.articles.open_for_days, OPEN_FOR_DAYS.1);
        let articles = number("most_articles", &self.articles.most_articles, MOST_ARTICLES.1);
        match (days, articles) {
            (Ok(days), Ok(articles)) => Ok((days, articles)),
            (days, articles) => Err(days.err().into_iter().chain(articles.err()).collect()),
        }
    }

    /// Whether a field is wrong.
    pub fn is_wrong(&self, field: &str) -> bool {
        self.wrong.contains(&field)
    }
}

impl TemplatesPage<'_> {
    fn texts(&self) -> &'static TemplateTexts {
        &self.frame.texts().templates
    }

    fn kind(&self, template: &ArticleTemplate) -> &'static str {
        self.frame.texts().kinds.of(template.pattern.kind.as_str())
    }

    fn admits(&self, template: &ArticleTemplate) -> &'static str {
        admission_text(self.texts(), template.admits == Admission::OwnOrigins)
    }
}

impl DeleteTemplatePage<'_> {
    fn texts(&self) -> &'static TemplateTexts {
        &self.frame.texts().templates
    }
}

/// The code for an article's page: an element for each template that one shows.
pub fn code_of(base: &str, site: &SiteId, templates: &[ArticleTemplate]) -> Option<String> {
    let element = |template: &ArticleTemplate| {
        let ArticleElement { name, template: own } = template.pattern.kind.article_element()?;
        let named = if template.id.as_str() == own { String::new() } else { format!(" template=\"{}\"", template.id) };
        Some(format!("<{name} site=\"{site}\"{named}></{name}>\n"))
    };
    let elements: String = templates.iter().filter_map(element).collect();
    let script = format!("<script src=\"{base}/embed/article.js\" type=\"module\" async></script>");
    (!elements.is_empty()).then(|| elements + &script)
}

#[cfg(test)]
mod tests {
    use crate::poll::{ArticleElement, Kind};

    #[test]
    fn the_script_defines_each_element_with_the_template_that_it_shows() {
        let script = include_str!("../../embed/widget/article.js");
        for ArticleElement { name, template } in Kind::ALL.into_iter().filter_map(Kind::article_element) {
            let definition = format!("'{name}': class extends ArticleElement {{\n    static template = '{template}';");
            assert!(script.contains(&definition), "{definition}");
        }
    }
}
