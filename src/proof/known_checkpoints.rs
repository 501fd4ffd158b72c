//! The newest checkpoints that a replica knows of, kept outside the store.

use std::{collections::HashMap, fs, io::Write as _, path::PathBuf};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::LogHead;
use crate::{poll::SiteId, tlog::Checkpoint};

/// The newest checkpoint of each site's log that this replica has written or found published, in memory and, if it has a file,
/// there too. A store that has less, or something else, has lost something.
pub struct KnownCheckpoints {
    path: Option<PathBuf>,
    known: Mutex<HashMap<SiteId, KnownCheckpoint>>,
}

/// One of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KnownCheckpoint {
    pub(super) log: u32,
    pub(super) size: u64,
    /// Signed.
    pub(super) checkpoint: String,
}

impl KnownCheckpoint {
    /// What it is of; `None` if it is not one.
    pub(super) fn read(&self) -> Option<Checkpoint> {
        self.checkpoint.rfind("\n\n").and_then(|end| self.checkpoint.get(..=end))?.parse().ok()
    }
}

impl KnownCheckpoints {
    /// Those in a file, if there is one. Blocks, so call it before requests are served.
    ///
    /// # Errors
    /// The file can't be read: then it can't be said whether the store has lost something.
    pub fn open(path: Option<PathBuf>) -> std::io::Result<Self> {
        let known = match path.as_ref().map(fs::read) {
            Some(Ok(bytes)) => serde_json::from_slice(&bytes)?,
            Some(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => HashMap::new(),
            Some(Err(error)) => return Err(error),
            None => HashMap::new(),
        };
        Ok(Self { path, known: Mutex::new(known) })
    }

    pub(super) fn of(&self, site: &SiteId) -> Option<KnownCheckpoint> {
        self.known.lock().get(site).cloned()
    }

    /// Notes a checkpoint that the store has.
    pub(super) fn note(&self, site: &SiteId, head: &LogHead) {
        let mut known = self.known.lock();
        if known.get(site).is_some_and(|known| (head.log, head.size) <= (known.log, known.size)) {
            return;
        }
        let newest = KnownCheckpoint { log: head.log, size: head.size, checkpoint: head.checkpoint.clone() };
        known.insert(site.clone(), newest);
        if let Some(path) = &self.path
            && let Err(error) = write(path, &known)
        {
            tracing::warn!(error = %error, path = %path.display(), "the newest checkpoints can't be written");
        }
    }
}

/// In place of the file as it was, in one step.
fn write(path: &PathBuf, known: &HashMap<SiteId, KnownCheckpoint>) -> std::io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let mut file = tempfile::NamedTempFile::new_in(directory.unwrap_or(std::path::Path::new(".")))?;
    file.write_all(&serde_json::to_vec(known)?)?;
    file.as_file().sync_data()?;
    file.persist(path)?;
    Ok(())
}
