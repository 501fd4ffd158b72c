//! The widget's script and style sheet, as they are served.
//!
//! They are written to be read, in `widget/`, and served as `pack.mjs` packs them into `packed/`, compressed once when
//! they are first asked for. They are named by one hash of what is in all of them, so each may be kept for ever, and
//! the script finds the others beside it by its own name. Whoever names one also says which bytes are meant
//! (Subresource Integrity): the page for both, and the loader for the script. In a publisher's page the style comes
//! within the script; the sheet alone is for polls' own pages, and for browsers that take no other there. The loader
//! alone goes by a name that stays, `/embed.js`, and is asked for again from time to time; as is the list of them all,
//! `/embed/manifest.json`. In a rolling deploy a page of one version may ask a replica of another, which has not its
//! files: the loader then looks there for the script it has, which brings its style along.

use std::{borrow::Cow, collections::BTreeMap, sync::LazyLock};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::digest;
use serde::Serialize;

use super::language::Language;
use crate::{
    poll::Kind,
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
    /// What changes a poll that is edited while its reader looks at it.
    pub edit: Asset,
    /// What reads tallies where no stream brings them.
    pub reading: Asset,
    /// What a poll of kind `multiple` does and looks like beside the rest, which the script fetches where one stands.
    pub multiple: Asset,
    /// The same of kind `rating`.
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
    /// What says that a ballot is recorded.
    pub receipt: Asset,
    /// What shows polls one after another in one place.
    pub series: Asset,
    /// What does the work that new voters are asked for.
    pub work: Asset,
    /// What says a page's own words.
    pub words: Asset,
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
    /// Its address, which changes with the bytes of any of them.
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
        // What is said before the first page has come, in every language.
        let said = |text: fn(&'static Language) -> &'static String| {
            let said: BTreeMap<_, _> = Language::all().map(|language| (language.tag(), text(language))).collect();
            serde_json::to_string(&said).unwrap_or_default()
        };
        let script = include_str!("packed/app.js").replace("SAWT_FAILED", &said(|language| &language.texts().failed));
        let loader =
            include_str!("packed/embed.js").replace("SAWT_OPEN", &said(|language| &language.texts().open_page));
        let most_read = include_str!("packed/most-read.js")
            .replace("SAWT_MOST_READ", &said(|language| &language.texts().most_read))
            .replace("SAWT_MOST_VOTED", &said(|language| &language.texts().most_voted))
            .replace("SAWT_MOST_REACTIONS", &said(|language| &language.texts().most_reactions))
            .replace("SAWT_NOTHING_YET", &said(|language| &language.texts().nothing_yet));
        let receipt =
            include_str!("packed/receipt.js").replace("SAWT_RECORDED", &said(|language| &language.texts().recorded));
        let series = include_str!("packed/series.js")
            .replace("SAWT_NEXT_QUESTION", &said(|language| &language.texts().next_question))
            .replace("SAWT_QUESTION_OF", &said(|language| &language.texts().question_of))
            .replace("SAWT_SCORE", &said(|language| &language.texts().score));
        let work = include_str!("packed/work.js").replace("SAWT_WORKING", &said(|language| &language.texts().working));
        let packed: [(&str, Cow<'static, str>); 22] = [
            ("app.js", script.into()),
            ("poll.css", include_str!("packed/page.css").into()),
            ("edit.js", include_str!("packed/edit.js").into()),
            ("reading.js", include_str!("packed/reading.js").into()),
            ("multiple.js", include_str!("packed/multiple.js").into()),
            ("rating.js", include_str!("packed/rating.js").into()),
            ("reaction.js", include_str!("packed/reaction.js").into()),
            ("ranked.js", include_str!("packed/ranked.js").into()),
            ("quiz.js", include_str!("packed/quiz.js").into()),
            ("open.js", include_str!("packed/open.js").into()),
            ("decided.js", include_str!("packed/decided.js").into()),
            ("frames.js", include_str!("packed/frames.js").into()),
            ("place.js", include_str!("packed/place.js").into()),
            ("receipt.js", receipt.into()),
            ("series.js", series.into()),
            ("work.js", work.into()),
            ("words.js", include_str!("packed/words.js").into()),
            ("article-poll.js", include_str!("packed/article-poll.js").into()),
            ("article.js", include_str!("packed/article.js").into()),
            ("view.js", include_str!("packed/article-view.js").into()),
            ("most-read.js", most_read.into()),
            // Before it names the script.
            (LOADER_NAME, loader.into()),
        ];
        let mut hash = digest::Context::new(&digest::SHA384);
        for (_, text) in &packed {
            hash.update(text.as_bytes());
        }
        let version = hex(hash.finish().as_ref().get(..4).unwrap_or_default());
        let [
            script,
            style,
            edit,
            reading,
            multiple,
            rating,
            reaction,
            ranked,
            quiz,
            open,
            decided,
            frames,
            place,
            receipt,
            series,
            work,
            words,
            article_poll,
            article,
            view,
            most_read,
            loader,
        ] = packed.map(|(name, text)| (name, text.into_owned()));
        let asset = |(name, text)| Asset::of(name, text, &version);
        let script = asset(script);
        let (name, loader) = loader;
        let loader = loader.replace("SCRIPT_PATH", &script.path).replace("SCRIPT_INTEGRITY", &script.integrity);
        Self {
            script,
            style: asset(style),
            edit: asset(edit),
            reading: asset(reading),
            multiple: asset(multiple),
            rating: asset(rating),
            reaction: asset(reaction),
            ranked: asset(ranked),
            quiz: asset(quiz),
            open: asset(open),
            decided: asset(decided),
            frames: asset(frames),
            place: asset(place),
            receipt: asset(receipt),
            series: asset(series),
            work: asset(work),
            words: asset(words),
            article_poll: asset(article_poll),
            article: asset(article),
            view: asset(view),
            most_read: asset(most_read),
            loader: asset((name, loader)),
        }
    }

    /// What polls of a kind do and look like beside the rest, where that is something: the file of the kind's name.
    pub(super) fn of_kind(&self, kind: Kind) -> Option<&Asset> {
        let all = [&self.multiple, &self.rating, &self.reaction, &self.ranked];
        all.into_iter().find(|asset| asset.name.strip_suffix(".js") == Some(kind.as_str()))
    }

    /// All files that the manifest names.
    pub fn iter(&self) -> impl Iterator<Item = &Asset> {
        let of_kinds =
            [&self.multiple, &self.rating, &self.reaction, &self.ranked, &self.quiz, &self.open, &self.decided];
        let of_polls = [&self.loader, &self.script, &self.style, &self.edit, &self.reading].into_iter().chain(of_kinds);
        of_polls.into_iter().chain([
            &self.frames,
            &self.place,
            &self.receipt,
            &self.series,
            &self.work,
            &self.words,
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

const LOADER_NAME: &str = "embed.js";

impl Asset {
    fn of(name: &'static str, text: String, version: &str) -> Self {
        let integrity = format!("sha384-{}", STANDARD.encode(digest::digest(&digest::SHA384, text.as_bytes())));
        let (stem, extension) = name.split_once('.').unwrap_or((name, ""));
        let media_type = if extension == "css" { "text/css; charset=utf-8" } else { "text/javascript; charset=utf-8" };
        Self {
            name,
            path: format!("/embed/assets/{stem}.{version}.{extension}"),
            integrity,
            file: StaticFile::new(media_type, text, Effort::Most),
        }
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
