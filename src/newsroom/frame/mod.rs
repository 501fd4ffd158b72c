//! What stands around every page of the newsroom: whose it is, where to go, the language, and the way out.

use crate::{
    embed::{digits::Digits, language::Language},
    newsroom::{
        assets,
        texts::{NewsroomTexts, texts_of},
    },
    poll::{SiteId, State},
    site::{Publisher, Scope, Scopes, Site},
};

/// Where an editor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// Where they sign in.
    SignIn,
    /// Among the polls.
    Polls,
    /// At the places.
    Places,
    /// Among the templates.
    Templates,
    /// At what waits.
    Waiting,
    /// At the log.
    Log,
    /// Among the API keys.
    Keys,
    /// Among those who are signed in.
    People,
    /// Among the webhooks.
    Webhooks,
    /// At the site's settings.
    Settings,
    /// Among all sites.
    Sites,
}

/// The pages of a site, below its path, in the order in which they are offered, and what each needs.
const PAGES: [(Section, &str, Scope); 9] = [
    (Section::Polls, "/polls", Scope::PollsRead),
    (Section::Waiting, "/waiting", Scope::PollsRead),
    (Section::Places, "/places", Scope::PollsRead),
    (Section::Templates, "/templates", Scope::PollsRead),
    (Section::Log, "/log", Scope::PollsRead),
    (Section::Keys, "/keys", Scope::KeysWrite),
    (Section::People, "/people", Scope::KeysWrite),
    (Section::Webhooks, "/webhooks", Scope::KeysWrite),
    (Section::Settings, "/settings", Scope::SitesWrite),
];

/// The first page of a site that somebody with these scopes may see.
pub fn first_page(scopes: &Scopes) -> &'static str {
    let allowed = PAGES.into_iter().find(|(.., scope)| scopes.has(*scope));
    allowed.map_or("/polls", |(_, path, _)| path)
}

/// What stands around a page.
pub struct Frame<'a> {
    /// The language it speaks.
    pub language: &'static Language,
    /// Where in the newsroom it stands.
    pub section: Section,
    /// Who is signed in, and where.
    pub desk: Option<DeskView<'a>>,
    /// Its own path, to come back to.
    pub path: &'a str,
    /// The id of its form, if what was typed there must not be lost when another language is chosen.
    pub form: Option<&'static str>,
}

/// Who is signed in, at which site.
pub struct DeskView<'a> {
    /// What they are called.
    pub name: &'a str,
    /// What every form sends along.
    pub form_token: &'a str,
    /// The site they are at.
    pub site: Option<&'a Site>,
    /// As whom they are there.
    pub publisher: Option<&'a Publisher>,
    /// The sites they may go to.
    pub sites: &'a [Site],
    /// How many polls wait for them here, as far as is known.
    pub waiting: usize,
    /// Whether they may do what only the operator may.
    pub is_operator: bool,
}

/// One way to go.
pub struct MenuEntry {
    /// Where to.
    pub path: String,
    /// What stands there.
    pub text: &'static str,
    /// How many things wait there, as it is written.
    pub count: Option<String>,
    /// `page` if it is where the editor is, for `aria-current`.
    pub current: &'static str,
}

impl<'a> Frame<'a> {
    /// The words.
    pub fn texts(&self) -> &'static NewsroomTexts {
        texts_of(self.language)
    }

    /// What a language calls itself.
    pub fn name_of_language(&self, language: &Language) -> &'static str {
        &texts_of(language).frame.language
    }

    /// All languages there are.
    pub fn languages(&self) -> impl Iterator<Item = &'static Language> {
        Language::all()
    }

    /// The path of the style sheet.
    pub fn style(&self) -> String {
        format!("/newsroom/assets/{}", assets::all().style.name)
    }

    /// The path of the script.
    pub fn script(&self) -> String {
        format!("/newsroom/assets/{}", assets::all().script.name)
    }

    /// Whether who is signed in holds a scope here. What they may not do is not offered.
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes().is_some_and(|scopes| scopes.has(scope))
    }

    /// Whether who is signed in may make polls, and change them.
    pub fn may_write(&self) -> bool {
        self.may(Scope::PollsWrite)
    }

    /// How many polls wait for the editor here, as it is written.
    pub fn waiting(&self) -> Option<String> {
        let waiting = self.desk.as_ref().map(|desk| desk.waiting).filter(|waiting| *waiting > 0)?;
        Some(self.language.number(u64::try_from(waiting).unwrap_or_default(), Digits::Latn))
    }

    /// What a state is called.
    pub fn state_text(&self, state: State) -> &'static str {
        let texts = &self.texts().polls;
        match state {
            State::Draft => &texts.draft,
            State::Scheduled => &texts.scheduled,
            State::Open => &texts.open,
            State::Closed => &texts.closed,
        }
    }

    /// What every form sends along.
    pub fn form_token(&self) -> &'a str {
        self.desk.as_ref().map_or("", |desk| desk.form_token)
    }

    /// What a site is called: its name, or its id.
    pub fn name_of<'s>(&self, site: &'s Site) -> &'s str {
        site.settings.name.as_ref().map_or(site.id.as_str(), |name| name.as_str())
    }

    /// Where the pages of a site begin.
    pub fn site_path(&self, site: &SiteId) -> String {
        format!("/newsroom/sites/{site}")
    }

    /// Where the pages of this site begin.
    pub fn here(&self) -> String {
        let site = self.desk.as_ref().and_then(|desk| desk.site);
        site.map_or_else(|| "/newsroom".to_owned(), |site| self.site_path(&site.id))
    }

    /// Where the editor may go: what they may not see is not offered.
    pub fn entries(&self) -> Vec<MenuEntry> {
        let here = self.here();
        let of_site = PAGES.into_iter().filter(|(.., scope)| self.may(*scope));
        let of_site = of_site.map(|(section, path, _)| (section, format!("{here}{path}")));
        let is_operator = self.desk.as_ref().is_some_and(|desk| desk.is_operator);
        let of_all = is_operator.then(|| (Section::Sites, "/newsroom/sites".to_owned()));
        let entry = |(section, path)| {
            let count = if section == Section::Waiting { self.waiting() } else { None };
            MenuEntry { path, text: self.name_of_section(section), count, current: self.current(section) }
        };
        of_site.chain(of_all).map(entry).collect()
    }

    fn name_of_section(&self, section: Section) -> &'static str {
        let texts = &self.texts().frame;
        match section {
            Section::SignIn => &texts.newsroom,
            Section::Polls => &texts.polls,
            Section::Waiting => &texts.waiting,
            Section::Places => &texts.places,
            Section::Templates => &texts.templates,
            Section::Log => &texts.log,
            Section::Keys => &texts.keys,
            Section::People => &texts.people,
            Section::Webhooks => &texts.webhooks,
            Section::Settings => &texts.settings,
            Section::Sites => &texts.sites,
        }
    }

    fn current(&self, section: Section) -> &'static str {
        if self.section == section { "page" } else { "false" }
    }

    fn scopes(&self) -> Option<Scopes> {
        self.desk.as_ref()?.publisher.map(Publisher::scopes)
    }
}
