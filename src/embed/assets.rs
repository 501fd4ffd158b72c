//! The widget's script and style sheet, as they are served.
//!
//! They are written to be read, and served without their comments and indentation, compressed once when they are first
//! asked for. Each is named by a hash of what is in it, so it may be kept for ever, and whoever names it also says
//! which bytes are meant (Subresource Integrity): the page for both, the loader for the script, and the script for
//! the style sheet. The loader alone goes by a name that stays, `/embed.js`, and is asked for again from time to time;
//! as is the list of them all, `/embed/manifest.json`. In a rolling deploy a page of one version may ask a replica of
//! another, which has not its files: the loader and the script then look there for those it has.

use std::{collections::BTreeMap, sync::LazyLock};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::digest;
use serde::Serialize;

use super::{
    coding::{Coding, Effort},
    language::Language,
    static_file::StaticFile,
};
use crate::secret::hex;

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
        let style = Asset::of("poll.css", "text/css; charset=utf-8", pack_style(include_str!("widget/poll.css")));
        // What is said before the first page has come, in every language.
        let failed: BTreeMap<_, _> = Language::all()
            .map(|language| (language.tag(), [&language.texts().failed, &language.texts().open_page]))
            .collect();
        let open: BTreeMap<_, _> = failed.iter().map(|(tag, [_, open])| (tag, open)).collect();
        let open = serde_json::to_string(&open).unwrap_or_default();
        let failed = serde_json::to_string(&failed).unwrap_or_default();
        let script = pack_script(&SCRIPT.map(as_part).concat())
            .replace("STYLE_PATH", &style.path)
            .replace("STYLE_INTEGRITY", &style.integrity)
            .replace("{/* FAILED */}", &failed);
        let script = Asset::of("app.js", JAVASCRIPT, script);
        let loader = pack_script(include_str!("widget/embed.js"))
            .replace("SCRIPT_PATH", &script.path)
            .replace("SCRIPT_INTEGRITY", &script.integrity)
            .replace("{/* OPEN */}", &open);
        let loader = Asset::of("embed.js", JAVASCRIPT, loader);
        Self { style, script, loader }
    }

    /// All files that the manifest names.
    pub fn iter(&self) -> impl Iterator<Item = &Asset> {
        [&self.loader, &self.script, &self.style].into_iter()
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
        files: Vec<File<'a>>,
    }

    #[derive(Serialize)]
    struct File<'a> {
        name: &'a str,
        path: &'a str,
        integrity: &'a str,
        bytes: usize,
        brotli_bytes: usize,
        gzip_bytes: usize,
    }

    let file = |asset: &'static Asset| File {
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

/// The script's files, each after those it imports.
const SCRIPT: [&str; 10] = [
    include_str!("widget/time.js"),
    include_str!("widget/service.js"),
    include_str!("widget/device.js"),
    include_str!("widget/live.js"),
    include_str!("widget/poll.js"),
    include_str!("widget/markup.js"),
    include_str!("widget/style.js"),
    include_str!("widget/element.js"),
    include_str!("widget/page.js"),
    include_str!("widget/app.js"),
];

/// Where the loader is, whatever is in it.
pub const LOADER: &str = "/embed.js";

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

impl Asset {
    fn of(name: &'static str, media_type: &'static str, text: String) -> Self {
        let hash = digest::digest(&digest::SHA384, text.as_bytes());
        let short = hex(hash.as_ref().get(..8).unwrap_or_default());
        let (stem, extension) = name.split_once('.').unwrap_or((name, ""));
        Self {
            name,
            path: format!("/embed/assets/{stem}.{short}.{extension}"),
            integrity: format!("sha384-{}", STANDARD.encode(hash)),
            file: StaticFile::new(media_type, text, Effort::Most),
        }
    }
}

/// A text without indentation, blank lines, and lines that are comments and nothing else.
fn strip(text: &str) -> String {
    let mut stripped = String::with_capacity(text.len());
    let mut is_in_comment = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with("/*") {
            is_in_comment = !line.ends_with("*/");
            continue;
        }
        if is_in_comment {
            is_in_comment = !line.ends_with("*/");
            continue;
        }
        if !line.is_empty() && !line.starts_with("//") {
            stripped.push_str(line);
            stripped.push('\n');
        }
    }
    stripped
}

/// A module as a part of one file that has them all: in one scope, nothing is imported, and what others import needs no
/// word for it. An import stands on one line.
fn as_part(module: &str) -> String {
    let mut part = String::with_capacity(module.len());
    for line in module.lines().filter(|line| !line.starts_with("import ")) {
        let declared = line.strip_prefix("export ").filter(|rest| !rest.starts_with('{'));
        part.push_str(declared.unwrap_or(line));
        part.push('\n');
    }
    part
}

/// A script without the line ends and spaces that it does not need: none of these line ends stands in a string of ours.
fn pack_script(script: &str) -> String {
    let script = strip(script)
        .replace(";\n", ";")
        .replace("{\n", "{")
        .replace("\n}", "}")
        .replace(",\n", ",")
        .replace("}\n", "}");
    rename_private(&tighten(&script))
}

/// A script whose private members have names of one or two letters, alike in all classes: a name after `#` is private
/// wherever it stands, since no string of ours has one.
fn rename_private(script: &str) -> String {
    let is_in_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let mut parts = script.split('#');
    let mut renamed = parts.next().unwrap_or_default().to_owned();
    let mut names: Vec<&str> = Vec::new();
    for part in parts {
        let (name, rest) = part.split_at(part.find(|character| !is_in_name(character)).unwrap_or(part.len()));
        renamed.push('#');
        if !name.is_empty() {
            let place = names.iter().position(|known| *known == name).unwrap_or_else(|| {
                names.push(name);
                names.len() - 1
            });
            let letters = |place: usize| char::from(b'a' + u8::try_from(place % 26).unwrap_or_default());
            if place >= 26 {
                renamed.push(letters(place / 26 - 1));
            }
            renamed.push(letters(place));
        }
        renamed.push_str(rest);
    }
    renamed
}

/// A script without the spaces beside signs, but in its strings. A regular expression of ours has none there.
fn tighten(script: &str) -> String {
    const SIGNS: &str = "=>!&|?:,{}()<";
    let mut tight = String::with_capacity(script.len());
    let (mut quote, mut is_escaped, mut last) = (None, false, '\n');
    let mut characters = script.chars().peekable();
    while let Some(character) = characters.next() {
        if let Some(end) = quote {
            quote = quote.filter(|_| is_escaped || character != end);
            is_escaped = character == '\\' && !is_escaped;
        } else if matches!(character, '\'' | '"' | '`') {
            quote = Some(character);
        } else if character == ' ' {
            let is_sign = |other: char| SIGNS.contains(other);
            if is_sign(last) || characters.peek().copied().is_some_and(is_sign) {
                continue;
            }
        }
        tight.push(character);
        last = character;
    }
    tight
}

/// A style sheet without what style sheets do not need: none of these stands in a string of ours.
fn pack_style(css: &str) -> String {
    let css = strip(css).replace('\n', "").replace(": ", ":").replace(", ", ",").replace(" {", "{").replace(";}", "}");
    css.replace(" 0.", " .").replace(":0.", ":.").replace(",0.", ",.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_indentation_stay_at_home() {
        let text = "// One.\nlet a = 1; // stays\n\n  {\n    b();\n  }\n/* Two\n   lines. */\n/* One. */\nc();\n";
        assert_eq!(strip(text), "let a = 1; // stays\n{\nb();\n}\nc();\n");
    }

    #[test]
    fn spaces_beside_signs_stay_at_home_and_those_in_strings_do_not() {
        for (script, tight) in [
            ("const a = (b, c) => ({ d: b ? c : 1 });", "const a=(b,c)=>({d:b?c:1});"),
            ("if (a === b && !c) return !d;", "if(a===b&&!c)return!d;"),
            (
                "x = 'a = b' + `${c ? 'd = e' : f} = ` + \"it's = \";",
                "x='a = b' + `${c ? 'd = e' : f} = ` + \"it's = \";",
            ),
            ("x = 'it\\'s = ' , 1 - -1 / 2", "x='it\\'s = ',1 - -1 / 2"),
        ] {
            assert_eq!(tighten(script), tight);
        }
    }

    #[test]
    fn private_members_have_short_names_and_nothing_else_has() {
        let script = "class A{#wake=1;#b(){return this.#wake + hash||'#'}}class B{#wake;wake(o){return #b in o}}";
        let renamed = "class A{#a=1;#b(){return this.#a + hash||'#'}}class B{#a;wake(o){return #b in o}}";
        assert_eq!(rename_private(script), renamed);
        let many = (0..60).map(|number| format!("#m{number};")).collect::<Vec<_>>().concat();
        let renamed = rename_private(&many);
        assert!(renamed.ends_with("#bf;#bg;#bh;"), "{renamed}");
    }

    #[test]
    fn nothing_is_left_to_fill_in() {
        for asset in all().iter() {
            let bytes = asset.file.as_it_is();
            let text = str::from_utf8(&bytes).unwrap();
            for placeholder in ["STYLE_", "SCRIPT_", "FAILED */", "OPEN */"] {
                assert!(!text.contains(placeholder), "{placeholder} in {}", asset.name);
            }
            assert!(!text.contains("http:") && !text.contains("https:"), "{} names somebody else", asset.name);
        }
        let bytes = all().script.file.as_it_is();
        let script = str::from_utf8(&bytes).unwrap();
        assert!(script.contains("تعذّر ذلك") && script.contains("Cela n’a pas"), "{script}");
    }
}
