//! The newsroom's own files: its style sheet, which is one file of rules for each page, and the one script. Both are
//! served as they are written; each is named by a hash of what is in it, so browsers may keep it for ever.

use std::sync::LazyLock;

use crate::wire::{StaticFile, coding::Effort};

/// What all pages share first: of two rules that weigh the same, the later one holds.
const STYLE: &str = concat!(
    include_str!("frame/frame.css"),
    include_str!("frame/forms.css"),
    include_str!("polls/polls.css"),
    include_str!("make/make.css"),
    include_str!("polls/search.css"),
    include_str!("poll/poll.css"),
    include_str!("places/places.css"),
    include_str!("fields/fields.css"),
    include_str!("sign_in/sign_in.css"),
    include_str!("site_log/site_log.css"),
    include_str!("poll/integrity.css"),
    include_str!("places/week.css"),
);

static ASSETS: LazyLock<NewsroomAssets> = LazyLock::new(|| NewsroomAssets {
    style: NewsroomAsset::of("newsroom", "css", "text/css; charset=utf-8", STYLE),
    script: NewsroomAsset::of("newsroom", "js", "text/javascript; charset=utf-8", include_str!("newsroom.js")),
});

/// What the newsroom's pages load.
#[derive(Debug)]
pub struct NewsroomAssets {
    /// What they look like.
    pub style: NewsroomAsset,
    /// What script adds.
    pub script: NewsroomAsset,
}

/// One file of the newsroom.
#[derive(Debug)]
pub struct NewsroomAsset {
    /// Its name within `/newsroom/assets/`, which changes with its bytes.
    pub name: String,
    /// What is served.
    pub file: StaticFile,
}

/// All of them.
pub fn all() -> &'static NewsroomAssets {
    &ASSETS
}

impl NewsroomAssets {
    /// The file of this name.
    pub fn find(&self, name: &str) -> Option<&StaticFile> {
        [&self.style, &self.script].into_iter().find(|asset| asset.name == name).map(|asset| &asset.file)
    }
}

impl NewsroomAsset {
    fn of(name: &str, extension: &str, media_type: &'static str, text: &'static str) -> Self {
        let file = StaticFile::new(media_type, text, Effort::Most);
        let hash = file.hash().get(..8).unwrap_or_default();
        Self { name: format!("{name}.{hash}.{extension}"), file }
    }
}
