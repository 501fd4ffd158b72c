//! The newsroom's own files: its style sheet, and the one script. Both are served as they are written; each is named by
//! a hash of what is in it, so browsers may keep it for ever.

use std::sync::LazyLock;

use crate::wire::{StaticFile, coding::Effort};

static ASSETS: LazyLock<NewsroomAssets> = LazyLock::new(|| NewsroomAssets {
    style: NewsroomAsset::of("newsroom", "css", "text/css; charset=utf-8", include_str!("newsroom.css")),
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
