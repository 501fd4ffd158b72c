//! The widget's script and style sheet, as they are served.
//!
//! They are written to be read, in `widget/`, and served as `pack.mjs` packs them into `packed/`, compressed once when
//! they are first asked for. Each is named by a hash of what is in it, so it may be kept for ever, and whoever names it
//! also says which bytes are meant (Subresource Integrity): the page for both, and the loader for the script. In a
//! publisher's page the style comes within the script; the sheet alone is for polls' own pages, and for browsers that
//! take no other there. The loader alone goes by a name that stays, `/embed.js`, and is asked for again from time to
//! time; as is the list of them all, `/embed/manifest.json`. In a rolling deploy a page of one version may ask a
//! replica of another, which has not its files: the loader then looks there for the script it has, which brings its
//! style along.

use std::{collections::BTreeMap, sync::LazyLock};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::digest;
use serde::Serialize;

use super::language::Language;
use crate::{
    secret::hex,
    wire::{
        StaticFile,
        coding::{Coding, Effort},
    },
};

static ASSETS: LazyLock<Assets> = LazyLock::new(Assets::make);
// Apart from the files it names: how small they are is known once they are compressed, and no page waits for that.
static MANIFEST: LazyLock<StaticFile> =
    LazyLock::new(|| StaticFile::new("application/json", write_manifest(all()), Effort::Most));

/// Everything the widget is made of.
#[derive(Debug)]
pub struct Assets {
    /// What it looks like.
    pub style: Asset,
    /// What it does.
    pub script: Asset,
    /// What a poll of kind `rating` does and looks like beside the rest, which the script fetches where one stands.
    pub rating: Asset,
    /// The same of kind `reaction`.
    pub reaction: Asset,
    /// The same of kind `ranked`.
    pub ranked: Asset,
    /// The same where answers are right or wrong.
    pub quiz: Asset,
    /// The same where readers may say something in their own words.
    pub open: Asset,
    /// The same where an editor has decided more than question and options.
    pub decided: Asset,
    /// What serves frames of polls in a publisher's page.
    pub frames: Asset,
    /// What follows a place, whose polls take turns.
    pub place: Asset,
    /// What publishers put into the pages of articles: says that one is seen.
    pub view: Asset,
    /// What publishers put where they want a list of what is read most.
    pub most_read: Asset,
    /// What shows the polls of articles.
    pub article_poll: Asset,
    /// What publishers put into the page of an article: its reactions and stars.
    pub article: Asset,
    /// What publishers put into their pages: finds the places for polls, and brings the script.
    pub loader: Asset,
}

/// One file.
#[derive(Debug)]
pub struct Asset {
    /// Its name for people: `app.js`.
    pub name: &'static str,
    /// Its address, which changes with its bytes.
    pub path: String,
    /// Its hash, as pages name it.
    pub integrity: String,
    /// What is served.
    pub file: StaticFile,
}

/// Everything there is.
pub fn all() -> &'static Assets {
    &ASSETS
}

/// What there is, for whoever pins it: `/embed/manifest.json`.
pub fn manifest() -> &'static StaticFile {
    &MANIFEST
}

impl Assets {
    fn make() -> Self {
        let style = Asset::of("poll.css", "text/css; charset=utf-8", include_str!("packed/page.css").to_owned());
        // What is said before the first page has come, in every language.
        let said = |text: fn(&'static Language) -> &'static String| {
            let said: BTreeMap<_, _> = Language::all().map(|language| (language.tag(), text(language))).collect();
            serde_json::to_string(&said).unwrap_or_default()
        };
        let failed = said(|language| &language.texts().failed);
        let open = said(|language| &language.texts().open_page);
        let rating = Asset::of("rating.js", JAVASCRIPT, include_str!("packed/rating.js").to_owned());
        let reaction = Asset::of("reaction.js", JAVASCRIPT, include_str!("packed/reaction.js").to_owned());
        let ranked = Asset::of("ranked.js", JAVASCRIPT, include_str!("packed/ranked.js").to_owned());
        let quiz = Asset::of("quiz.js", JAVASCRIPT, include_str!("packed/quiz.js").to_owned());
        let open_answers = Asset::of("open.js", JAVASCRIPT, include_str!("packed/open.js").to_owned());
        let decided = Asset::of("decided.js", JAVASCRIPT, include_str!("packed/decided.js").to_owned());
        let frames = Asset::of("frames.js", JAVASCRIPT, include_str!("packed/frames.js").to_owned());
        let place = Asset::of("place.js", JAVASCRIPT, include_str!("packed/place.js").to_owned());
        let view = Asset::of("view.js", JAVASCRIPT, include_str!("packed/article-view.js").to_owned());
        let most_read = include_str!("packed/most-read.js")
            .replace("SAWT_MOST_READ", &said(|language| &language.texts().most_read))
            .replace("SAWT_MOST_VOTED", &said(|language| &language.texts().most_voted))
            .replace("SAWT_MOST_REACTIONS", &said(|language| &language.texts().most_reactions))
            .replace("SAWT_NOTHING_YET", &said(|language| &language.texts().nothing_yet));
        let most_read = Asset::of("most-read.js", JAVASCRIPT, most_read);
        let article = Asset::of("article.js", JAVASCRIPT, include_str!("packed/article.js").to_owned());
        let article_poll = include_str!("packed/article-poll.js").to_owned();
        let article_poll = Asset::of("article-poll.js", JAVASCRIPT, article_poll);
        let script = include_str!("packed/app.js")
            .replace("SAWT_ARTICLE", article_poll.file_name())
            .replace("SAWT_FRAMES", frames.file_name())
            .replace("SAWT_PLACE", place.file_name())
            .replace("SAWT_WORDS", open_answers.file_name())
            .replace("SAWT_DECIDED", decided.file_name())
            .replace("SAWT_QUIZ", quiz.file_name())
            .replace("SAWT_RATING", rating.file_name())
            .replace("SAWT_REACTION", reaction.file_name())
            .replace("SAWT_RANKED", ranked.file_name())
            .replace("STYLE_PATH", &style.path)
            .replace("SAWT_FAILED", &failed);
        let script = Asset::of("app.js", JAVASCRIPT, script);
        let loader = include_str!("packed/embed.js")
            .replace("SCRIPT_PATH", &script.path)
            .replace("SCRIPT_INTEGRITY", &script.integrity)
            .replace("SAWT_OPEN", &open);
        let loader = Asset::of("embed.js", JAVASCRIPT, loader);
        Self {
            style,
            script,
            rating,
            reaction,
            ranked,
            quiz,
            open: open_answers,
            decided,
            frames,
            place,
            view,
            most_read,
            article_poll,
            article,
            loader,
        }
    }

    /// All files that the manifest names.
    pub fn iter(&self) -> impl Iterator<Item = &Asset> {
        let of_kinds = [&self.rating, &self.reaction, &self.ranked, &self.quiz, &self.open, &self.decided];
        let of_polls = [&self.loader, &self.script, &self.style].into_iter().chain(of_kinds);
        of_polls.into_iter().chain([
            &self.frames,
            &self.place,
            &self.view,
            &self.most_read,
            &self.article_poll,
            &self.article,
        ])
    }

    /// The file at this address.
    pub fn at(&self, path: &str) -> Option<&Asset> {
        self.iter().find(|asset| asset.path == path)
    }
}

fn write_manifest(assets: &'static Assets) -> String {
    #[derive(Serialize)]
    struct Manifest<'a> {
        version: &'a str,
        loader: &'a str,
        files: Vec<ManifestFile<'a>>,
    }

    #[derive(Serialize)]
    struct ManifestFile<'a> {
        name: &'a str,
        path: &'a str,
        integrity: &'a str,
        bytes: usize,
        brotli_bytes: usize,
        gzip_bytes: usize,
    }

    let file = |asset: &'static Asset| ManifestFile {
        name: asset.name,
        path: &asset.path,
        integrity: &asset.integrity,
        bytes: asset.file.as_it_is().len(),
        brotli_bytes: asset.file.by(Coding::Brotli).len(),
        gzip_bytes: asset.file.by(Coding::Gzip).len(),
    };
    let files = assets.iter().map(file).collect();
    let manifest = Manifest { version: env!("CARGO_PKG_VERSION"), loader: LOADER, files };
    serde_json::to_string(&manifest).unwrap_or_default()
}

/// Where the loader is, whatever is in it.
pub const LOADER: &str = "/embed.js";

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

impl Asset {
    fn of(name: &'static str, media_type: &'static str, text: String) -> Self {
        let hash = digest::digest(&digest::SHA384, text.as_bytes());
        let short = hex(hash.as_ref().get(..4).unwrap_or_default());
        let (stem, extension) = name.split_once('.').unwrap_or((name, ""));
        Self {
            name,
            path: format!("/embed/assets/{stem}.{short}.{extension}"),
            integrity: format!("sha384-{}", STANDARD.encode(hash)),
            file: StaticFile::new(media_type, text, Effort::Most),
        }
    }

    /// The last part of its address.
    fn file_name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_to_fill_in() {
        for asset in all().iter() {
            let bytes = asset.file.as_it_is();
            let text = str::from_utf8(&bytes).unwrap();
            for placeholder in ["STYLE_", "SCRIPT_", "SAWT_"] {
                assert!(!text.contains(placeholder), "{placeholder} in {}", asset.name);
            }
            assert!(!text.contains("http://") && !text.contains("https://"), "{} names somebody else", asset.name);
        }
        let bytes = all().script.file.as_it_is();
        let script = str::from_utf8(&bytes).unwrap();
        assert!(script.contains("تعذّر ذلك") && script.contains("Cela n’a pas"), "{script}");
    }
}
