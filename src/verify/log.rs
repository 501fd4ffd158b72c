//! A whole log: its tree is made anew from its entries.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::Path,
};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Unverified,
    source::{Source, keys_in},
    statement::check_statement,
    story::check_story,
    unknown, wrong,
};
use crate::tlog::{
    Checkpoint, ENTRY_BYTES, Opening, TILE_WIDTH, TileContent, TileName, Tiles, VerifierKey, bundle_of, leaf_hash,
    open_checkpoint, root,
};

#[derive(Deserialize)]
struct LogIndex {
    #[serde(flatten)]
    current: IndexedLog,
    before: Vec<IndexedLog>,
}

#[derive(Deserialize)]
struct IndexedLog {
    log: u32,
    origin: String,
    keys: Vec<IndexedKey>,
}

#[derive(Deserialize)]
struct IndexedKey {
    key: String,
}

#[derive(Deserialize)]
struct Openings {
    openings: Vec<IndexedOpening>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct IndexedOpening {
    index: u64,
    salt: String,
    statement: String,
}

/// Checks a site's logs: of each the checkpoint's signature, every entry, every tile and every statement that is open;
/// and that what was kept of it before is still there. Keeps what was fetched, if there is a place for it.
pub(super) async fn verify_log(
    source: &Source,
    trusted: &[VerifierKey],
    keep: Option<&Path>,
) -> Result<String, Unverified> {
    let bytes = source.get("").await?;
    let index: LogIndex =
        serde_json::from_slice(&bytes).map_err(|_| wrong("the description of the log is not what it should be"))?;
    let published = keys_in(&bytes)?;
    let keys = if trusted.is_empty() { published.as_slice() } else { trusted };
    let mut keeping = Keeping { directory: keep, files: Vec::new() };
    keeping.add("log.json".to_owned(), &bytes);
    let logs: Vec<&IndexedLog> = index.before.iter().chain([&index.current]).collect();
    keeping.check_all_are_served(&logs)?;
    let (mut found, mut lost) = (String::new(), String::new());
    let mut before: Option<CheckedLog> = None;
    for log in logs {
        let checked = check_log(source, log, keys, &mut keeping).await?;
        found.push_str(&checked.words);
        match check_succession(before.as_ref(), &checked, keys)? {
            Succession::First => {}
            Succession::Served(words) => found.push_str(&words),
            Succession::Lost(words) => lost.push_str(&words),
        }
        before = Some(checked);
    }
    if trusted.is_empty() {
        found.push_str("Signed with a key that the service publishes; name one that you trust by --key.\n");
    }
    keeping.write()?;
    if lost.is_empty() { Ok(found) } else { Err(unknown(format!("{lost}{found}"))) }
}

struct CheckedLog {
    number: u32,
    checkpoint: Checkpoint,
    tiles: Tiles,
    /// The checkpoint that it goes on from.
    after: Option<String>,
    words: String,
}

/// What a log goes on from.
enum Succession {
    /// Nothing: it is the site's first.
    First,
    /// A log that is served.
    Served(String),
    /// One that is not.
    Lost(String),
}

/// Whether a log names the one before it, as that is served.
fn check_succession(
    before: Option<&CheckedLog>,
    log: &CheckedLog,
    keys: &[VerifierKey],
) -> Result<Succession, Unverified> {
    let number = log.number;
    let names_none = || wrong(format!("log {number} does not name the log before it"));
    if before.is_some_and(|before| before.number >= number) {
        return Err(wrong("the logs are not in their order"));
    }
    let Some(after) = &log.after else {
        return if number == 1 { Ok(Succession::First) } else { Err(names_none()) };
    };
    // The keys of a log that is not served are not published under its name.
    let origin = after.split('\n').next().unwrap_or_default();
    let keys: Vec<VerifierKey> = keys.iter().flat_map(|key| [key.clone(), key.under(origin)]).collect();
    let (named, _) = open_checkpoint(after, &keys)
        .map_err(|fault| wrong(format!("the checkpoint that log {number} goes on from: {fault}")))?;
    let Some(last) = number.checked_sub(1).filter(|last| named.origin.ends_with(&format!("/{last}"))) else {
        return Err(names_none());
    };
    let Some(ended) = before.filter(|before| before.number == last) else {
        return Ok(Succession::Lost(format!(
            "log {last}, of which log {number} names a checkpoint of {} entries, is not served: the store has lost all of it.\n",
            named.size
        )));
    };
    let size = ended.checkpoint.size;
    if named.origin != ended.checkpoint.origin {
        return Err(names_none());
    }
    if named.size <= size && root(&ended.tiles, named.size) != Some(named.root) {
        return Err(wrong(format!(
            "log {last} has two histories: that of which log {number} names a checkpoint, of {} entries, is not the one that \
             is served",
            named.size
        )));
    }
    if named.size < size {
        return Err(wrong(format!("log {number} goes on from {} entries of log {last}, which has {size}", named.size)));
    }
    Ok(Succession::Served(if named.size == size {
        format!("Log {number} goes on from log {last} as it is served.\n")
    } else {
        format!(
            "The store had lost entries: log {number} names a checkpoint of {} entries of log {last}, which has {size}. Whether \
             these were among them can't be checked.\n",
            named.size
        )
    }))
}

async fn check_log(
    source: &Source,
    log: &IndexedLog,
    keys: &[VerifierKey],
    keeping: &mut Keeping<'_>,
) -> Result<CheckedLog, Unverified> {
    let number = log.log;
    let in_log = |fault: &dyn std::fmt::Display| wrong(format!("log {number}: {fault}"));
    let note = source.get(&format!("{number}/checkpoint")).await?;
    keeping.add(format!("{number}/checkpoint"), &note);
    let note = String::from_utf8(note).map_err(|fault| in_log(&fault))?;
    let (checkpoint, unchecked) = open_checkpoint(&note, keys).map_err(|fault| in_log(&fault))?;
    if checkpoint.origin != log.origin {
        return Err(in_log(&"its checkpoint is of another log"));
    }
    let mut tiles = Tiles::default();
    let (mut statements, mut sealed) = (BTreeMap::new(), 0_u64);
    for bundle in 0..checkpoint.size.div_ceil(TILE_WIDTH) {
        let from = bundle * TILE_WIDTH;
        let width = (checkpoint.size - from).min(TILE_WIDTH);
        let name = TileName { content: TileContent::Entries, index: bundle, width };
        let path = format!("{number}/tile/{name}");
        let served = source.get(&path).await?;
        keeping.add(path, &served);
        let entries =
            entries_in(&served, width).ok_or_else(|| in_log(&format_args!("the bundle {name} is not one")))?;
        for (index, entry) in (from..).zip(&entries) {
            tiles.push(index, leaf_hash(entry)).ok_or_else(|| unknown("the log is too large"))?;
        }
        let path = format!("{number}/openings/{bundle}");
        let served = source.get(&path).await?;
        let Openings { mut openings } = serde_json::from_slice(&served).map_err(|fault| in_log(&fault))?;
        if !source.is_directory() {
            // The log may have grown since its checkpoint was read.
            openings.retain(|opening| opening.index < checkpoint.size);
        }
        keeping.add(path, json!({ "openings": openings }).to_string().as_bytes());
        let mut opened = BTreeSet::new();
        for IndexedOpening { index, salt, statement } in openings {
            let opening = Opening { salt, statement };
            let nth = index.checked_sub(from).and_then(|nth| usize::try_from(nth).ok());
            let entry = nth.and_then(|nth| entries.get(nth));
            if entry.is_none() || entry != opening.commitment().as_ref() || !opened.insert(index) {
                return Err(in_log(&format_args!("entry {index} does not say what is said of it")));
            }
            let statement: Value = serde_json::from_str(&opening.statement)
                .map_err(|_| in_log(&format_args!("entry {index} is not JSON")))?;
            check_statement(&statement).map_err(|why| in_log(&format_args!("entry {index}: {why}")))?;
            statements.insert(index, statement);
        }
        sealed += width - u64::try_from(opened.len()).unwrap_or(0);
    }
    if root(&tiles, checkpoint.size) != Some(checkpoint.root) {
        return Err(in_log(&"its entries are not those that its checkpoint is of"));
    }
    check_tiles(source, number, &tiles, checkpoint.size, keeping).await?;
    check_kept(number, &tiles, &checkpoint, keys, keeping)?;
    let keys = log.keys.iter().map(|key| key.key.clone()).collect();
    let after = check_story(&log.origin, &keys, &statements).map_err(|why| in_log(&why))?;
    let mut words = format!(
        "Log {number} ({}) is whole: {} entries, {} of them open, {sealed} sealed.\n",
        checkpoint.origin,
        checkpoint.size,
        statements.len()
    );
    if unchecked > 0 {
        // Writing to a String can't fail.
        let _ = writeln!(words, "Signatures by other keys, not checked: {unchecked}.");
    }
    Ok(CheckedLog { number, checkpoint, tiles, after, words })
}

/// The entries of a bundle; `None` if it is not just so many of our length.
fn entries_in(bundle: &[u8], width: u64) -> Option<Vec<[u8; ENTRY_BYTES]>> {
    let entries: Vec<[u8; ENTRY_BYTES]> =
        bundle.chunks(2 + ENTRY_BYTES).map(|entry| entry.get(2..)?.try_into().ok()).collect::<Option<_>>()?;
    let is_so_long = u64::try_from(entries.len()).ok() == Some(width);
    (is_so_long && bundle_of(&entries.concat()) == bundle).then_some(entries)
}

/// Whether the tiles that are served are those of the entries.
async fn check_tiles(
    source: &Source,
    number: u32,
    tiles: &Tiles,
    size: u64,
    keeping: &mut Keeping<'_>,
) -> Result<(), Unverified> {
    let (mut level, mut width) = (0_u8, size);
    while width > 0 {
        for index in 0..width.div_ceil(TILE_WIDTH) {
            let of_tile = (width - index * TILE_WIDTH).min(TILE_WIDTH);
            let name = TileName { content: TileContent::Hashes(level), index, width: of_tile };
            let path = format!("{number}/tile/{name}");
            let served = source.get(&path).await?;
            keeping.add(path, &served);
            if tiles.bytes(level, index).as_ref() != Some(&served) {
                return Err(wrong(format!("log {number}: the tile {name} is not that of its entries")));
            }
        }
        level += 1;
        width /= TILE_WIDTH;
    }
    Ok(())
}

/// Whether the log still has all that it had when it was kept before.
fn check_kept(
    number: u32,
    tiles: &Tiles,
    checkpoint: &Checkpoint,
    keys: &[VerifierKey],
    keeping: &Keeping<'_>,
) -> Result<(), Unverified> {
    let Some(note) = keeping.kept(&format!("{number}/checkpoint")) else { return Ok(()) };
    let (kept, _) =
        open_checkpoint(&note, keys).map_err(|fault| unknown(format!("the checkpoint that was kept: {fault}")))?;
    if kept.size > checkpoint.size {
        return Err(wrong(format!("log {number} had {} entries, and has {} now", kept.size, checkpoint.size)));
    }
    if kept.origin != checkpoint.origin || root(tiles, kept.size) != Some(kept.root) {
        return Err(wrong(format!("log {number} has another history than when it was kept, at {} entries", kept.size)));
    }
    Ok(())
}

/// A place where a log is kept.
struct Keeping<'a> {
    directory: Option<&'a Path>,
    files: Vec<(String, Vec<u8>)>,
}

impl Keeping<'_> {
    fn add(&mut self, path: String, bytes: &[u8]) {
        if self.directory.is_some() {
            self.files.push((path, bytes.to_vec()));
        }
    }

    /// Whether each log that was kept is still served.
    fn check_all_are_served(&self, served: &[&IndexedLog]) -> Result<(), Unverified> {
        let kept = self.directory.and_then(|directory| fs::read_dir(directory).ok());
        for kept in kept.into_iter().flatten().flatten() {
            let Some(number) = kept.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
            if served.iter().all(|log| log.log != number) && kept.path().join("checkpoint").exists() {
                return Err(wrong(format!("log {number}, which was kept, is not served any more")));
            }
        }
        Ok(())
    }

    fn kept(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.directory?.join(path)).ok()
    }

    /// Only once all is found right: what was kept before stays otherwise.
    fn write(self) -> Result<(), Unverified> {
        let Some(directory) = self.directory else { return Ok(()) };
        for (path, bytes) in self.files {
            let path = directory.join(path);
            let made = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, bytes));
            made.map_err(|error| unknown(format!("{} can't be written: {error}", path.display())))?;
        }
        Ok(())
    }
}
