//! Adding to a log.

use std::time::Duration;

use super::{
    ArticleRound, LeafRef, LogHead, LogKey, LogLeaf, ProofError, TransparencyLog, known_checkpoints::KnownCheckpoint,
    names, read_file, statements, write_file,
};
use crate::{
    poll::{SiteId, Timestamp},
    secret::{hex, random_bytes},
    site::EventId,
    store::{LOG_HEAD, LOG_PUBLISHED, LogWrite, StoreError},
    tlog::{Checkpoint, ENTRY_BYTES, SigningKey, TILE_WIDTH, Tiles, leaf_hash, root, sign_checkpoint},
};

/// For how long a lease is taken. It is taken anew before each write, and while ballots are read.
pub(super) const LEASE: Duration = Duration::from_secs(30);
/// How often somebody who wants to add something looks whether they may.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// How often at most.
const MOST_LOOKS: u32 = 100;

/// A site's log as it was read, to go on from there.
#[derive(Debug, Clone)]
pub(super) struct OpenLog {
    site: SiteId,
    /// The place that the store says.
    before: Option<String>,
    /// Whether readers see it as it is.
    pub(super) is_published: bool,
    pub(super) head: LogHead,
    /// When it was read.
    pub(super) read_at: Timestamp,
    /// What comes first whatever else is added: that the log begins, that its key is another.
    first: Vec<LogLeaf>,
    files: Vec<(String, Vec<u8>)>,
    /// If it begins since the store has lost some of the log before.
    loss: Option<LogLoss>,
}

/// What a store has lost of a log.
#[derive(Debug, Clone)]
struct LogLoss {
    /// What it is known to have had.
    known: KnownCheckpoint,
    /// The size that was found, if any log was.
    found: Option<u64>,
}

/// What is added.
#[derive(Debug, Default)]
pub(super) struct Additions {
    pub(super) leaves: Vec<LogLeaf>,
    /// Other files that are written in the same step. Each leaf is at the place that [`OpenLog::next_place`] says.
    pub(super) files: Vec<(String, Vec<u8>)>,
    pub(super) cursor: Option<EventId>,
    pub(super) tallied_at: Option<Timestamp>,
    pub(super) articles: Option<ArticleRound>,
}

impl OpenLog {
    pub(super) fn site(&self) -> &SiteId {
        &self.site
    }

    /// Where the leaf after so many additions will be.
    pub(super) fn next_place(&self, additions: usize) -> LeafRef {
        let more = u64::try_from(self.first.len() + additions).unwrap_or(u64::MAX);
        LeafRef { log: self.head.log, index: self.head.size.saturating_add(more) }
    }

    /// Whether there is something to add whatever happens.
    pub(super) fn is_due(&self) -> bool {
        !self.first.is_empty() && self.before.is_some()
    }
}

/// Reads a head's file: after its place.
pub(super) fn read_head(file: &[u8]) -> Result<LogHead, StoreError> {
    let record = file.iter().position(|byte| *byte == b' ').and_then(|space| file.get(space + 1..));
    read_file("the head", record.unwrap_or_default())
}

fn place_of(head: &LogHead) -> String {
    format!("{}.{}", head.log, head.size)
}

fn verifier(key: &SigningKey, origin: &str) -> Result<String, StoreError> {
    let key = key.verifier(origin).ok_or_else(|| StoreError::Corrupt("a key that signs checkpoints".to_owned()))?;
    Ok(key.to_string())
}

impl TransparencyLog {
    /// Adds something to a site's log, whoever else does. `added` is called with the log as it is, and again if that has
    /// changed meanwhile. Returns whether readers see it already.
    ///
    /// # Errors
    /// [`ProofError::Busy`] if others have the lease for too long; what `added` refused; what the store failed with.
    pub(super) async fn add(
        &self,
        site: &SiteId,
        added: impl AsyncFn(&OpenLog) -> Result<Additions, ProofError>,
    ) -> Result<bool, ProofError> {
        // Several may add something at once by one worker: each takes the lease for itself.
        let turn = Self { holder: hex(&random_bytes::<8>()), ..self.clone() };
        for _ in 0..MOST_LOOKS {
            if self.store.lease_log(site, &turn.holder, LEASE).await? {
                let done = async {
                    let log = turn.open(site).await?;
                    let added = added(&log).await?;
                    Ok(turn.append(log, added).await?)
                };
                let done: Result<Option<OpenLog>, ProofError> = done.await;
                // Else it expires.
                let _ = self.store.return_log(site, &turn.holder).await;
                if let Some(log) = done? {
                    return Ok(log.is_published);
                }
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Err(ProofError::Busy)
    }

    /// Shows readers the log as it is, if a failover would find it so. Else somebody tries again.
    pub(super) async fn publish(&self, site: &SiteId, head: &LogHead) -> Result<bool, StoreError> {
        let is_published = self.store.publish_log(site, &place_of(head)).await?;
        if is_published {
            self.replica.known.note(site, head);
        }
        let mut waiting = self.replica.waiting.lock();
        if is_published && waiting.remove(site) {
            tracing::info!(site = %site, size = head.size, "the newest checkpoint is published");
        } else if !is_published && waiting.insert(site.clone()) {
            tracing::warn!(
                site = %site, size = head.size,
                "the newest checkpoint of the site's transparency log is not published yet: the store's replicas are behind"
            );
        }
        Ok(is_published)
    }

    /// A site's log, to go on from where it is: or a new one, if there is none, or if the store lacks what a checkpoint that is
    /// known is of.
    pub(super) async fn open(&self, site: &SiteId) -> Result<OpenLog, StoreError> {
        // Before the head is read: what this replica writes meanwhile is no loss.
        let known = self.replica.known.of(site);
        let files = self.store.log_files(site, &[LOG_HEAD.to_owned(), LOG_PUBLISHED.to_owned()]).await?;
        let is_published = files.first() == files.last();
        let mut heads = files.into_iter().map(|file| file.map(|file| read_head(&file)).transpose());
        let (head, published) = (heads.next().transpose()?.flatten(), heads.next().transpose()?.flatten());
        let now = self.store.now().await?;
        let goes_on = match (&head, &known) {
            (Some(head), Some(known)) => self.goes_on_from(site, head, known).await?,
            (Some(_), None) => true,
            (None, _) => false,
        };
        match head {
            Some(head) if goes_on => {
                // Whoever has written it: readers have seen it.
                if let Some(published) = published {
                    self.replica.known.note(site, &published);
                }
                Ok(OpenLog { is_published, ..self.go_on(site, head, now)? })
            }
            None if known.is_none() => self.begin(site, None, now),
            before => {
                let known = known.unwrap_or_default();
                let loss = LogLoss { known, found: before.as_ref().map(|head| head.size) };
                let mut log = self.begin(site, Some(loss), now)?;
                if let Some(before) = before {
                    log.files.push((names::last_head(before.log), write_file(&before)?));
                    log.before = Some(place_of(&before));
                    log.head.cursor = before.cursor;
                }
                Ok(log)
            }
        }
    }

    /// Whether a log has all that a checkpoint of it is of, and not something else in its place: a store that was set back may have
    /// grown again.
    async fn goes_on_from(&self, site: &SiteId, head: &LogHead, known: &KnownCheckpoint) -> Result<bool, StoreError> {
        if head.log != known.log || head.size < known.size || head.checkpoint == known.checkpoint {
            return Ok((head.log, head.size) >= (known.log, known.size));
        }
        let Some(checkpoint) = known.read() else { return Ok(true) };
        Ok(self.root_of(site, head.log, checkpoint.size).await? == checkpoint.root)
    }

    fn begin(&self, site: &SiteId, loss: Option<LogLoss>, now: Timestamp) -> Result<OpenLog, StoreError> {
        let lost = loss.as_ref().map(|loss| &loss.known);
        let log = lost.map_or(1, |lost| lost.log + 1);
        let origin = format!("{}/v1/sites/{site}/log/{log}", self.replica.base);
        let key = verifier(&self.replica.keys.current, &origin)?;
        let first = vec![statements::began(site, log, &origin, &key, lost.map(|lost| lost.checkpoint.as_str()), now)];
        let keys = vec![LogKey { key, from: 0 }];
        let head = LogHead {
            log,
            origin,
            size: 0,
            began_at: now,
            keys,
            cursor: None,
            tallied_at: None,
            articles: None,
            checkpoint: String::new(),
        };
        let (site, is_published) = (site.clone(), true);
        Ok(OpenLog { site, before: None, is_published, head, read_at: now, first, files: Vec::new(), loss })
    }

    fn go_on(&self, site: &SiteId, mut head: LogHead, now: Timestamp) -> Result<OpenLog, StoreError> {
        let key = verifier(&self.replica.keys.current, &head.origin)?;
        let (before, mut first) = (place_of(&head), Vec::new());
        // Not if it has signed before: while replicas are restarted with a new secret, some still have the old one.
        if !head.keys.iter().any(|known| known.key == key) {
            first.push(statements::key_changed(site, &key, now));
            head.keys.push(LogKey { key, from: head.size });
        }
        let (site, is_published) = (site.clone(), true);
        Ok(OpenLog {
            site,
            before: Some(before),
            is_published,
            head,
            read_at: now,
            first,
            files: Vec::new(),
            loss: None,
        })
    }

    /// Adds to a log, if it is still where it was read, and publishes it. Returns how it is then; `None` if it is elsewhere:
    /// then it must be read again.
    pub(super) async fn append(&self, log: OpenLog, added: Additions) -> Result<Option<OpenLog>, StoreError> {
        let OpenLog { site, before, mut head, read_at, first, mut files, loss, .. } = log;
        let leaves: Vec<LogLeaf> = first.into_iter().chain(added.leaves).collect();
        head.cursor = added.cursor.or(head.cursor);
        head.tallied_at = added.tallied_at.or(head.tallied_at);
        head.articles = added.articles.or(head.articles);
        let corrupt = |what: &str| StoreError::Corrupt(format!("{what} of the transparency log of {site}"));
        let (mut tiles, mut entries) = self.right_edge(&site, &head).await?;
        for leaf in &leaves {
            let place = LeafRef { log: head.log, index: head.size };
            let entry = leaf.opening.commitment().ok_or_else(|| corrupt("a salt"))?;
            tiles.push(head.size, leaf_hash(&entry)).ok_or_else(|| corrupt("the tiles"))?;
            let bundle = head.size / TILE_WIDTH;
            if head.size % TILE_WIDTH == 0 {
                entries.clear();
            }
            entries.extend(entry);
            if (head.size + 1) % TILE_WIDTH == 0 {
                files.push((names::tile(head.log, 0, bundle), entries.clone()));
            }
            files.push((names::leaf(place), write_file(leaf)?));
            head.size += 1;
        }
        if head.size % TILE_WIDTH != 0 {
            files.push((names::tile(head.log, 0, head.size / TILE_WIDTH), entries));
        }
        for (level, index) in tiles.all().filter(|(level, _)| *level > 0) {
            if let Some(bytes) = tiles.bytes(level, index) {
                files.push((names::tile(head.log, level, index), bytes));
            }
        }
        let checkpoint = Checkpoint {
            origin: head.origin.clone(),
            size: head.size,
            root: root(&tiles, head.size).ok_or_else(|| corrupt("the tiles"))?,
        };
        head.checkpoint = sign_checkpoint(&checkpoint, self.signing_keys(&head)?);
        files.extend(added.files);
        let after = place_of(&head);
        let write = LogWrite { holder: self.holder.clone(), before, after, head: write_file(&head)?, files };
        if !self.store.write_log(&site, &write).await? {
            return Ok(None);
        }
        if let Some(LogLoss { known, found }) = loss {
            tracing::error!(
                site = %site, log = known.log, size = known.size, found,
                "the store is behind a checkpoint of the site's transparency log: it was set back, or has lost \
                 something. A new log has begun"
            );
        }
        let (before, is_published) = (Some(write.after), self.publish(&site, &head).await?);
        let (first, files, loss) = (Vec::new(), Vec::new(), None);
        Ok(Some(OpenLog { site, before, is_published, head, read_at, first, files, loss }))
    }

    /// The key that signs now, and the one before it while both are set, if it has signed this log.
    fn signing_keys(&self, head: &LogHead) -> Result<Vec<&SigningKey>, StoreError> {
        let mut keys = vec![&self.replica.keys.current];
        if let Some(previous) = &self.replica.keys.previous {
            let key = verifier(previous, &head.origin)?;
            if head.keys.iter().any(|known| known.key == key) {
                keys.push(previous);
            }
        }
        Ok(keys)
    }

    /// What a log is continued from: the tiles at its right edge, and the entries of the last bundle that is not full.
    async fn right_edge(&self, site: &SiteId, head: &LogHead) -> Result<(Tiles, Vec<u8>), StoreError> {
        let (mut names, mut edge) = (Vec::new(), Vec::new());
        let (mut level, mut width) = (0_u8, head.size);
        while width > 0 {
            if width % TILE_WIDTH != 0 {
                let index = width / TILE_WIDTH;
                names.push(names::tile(head.log, level, index));
                edge.push((level, index, width % TILE_WIDTH));
            }
            level += 1;
            width /= TILE_WIDTH;
        }
        let (mut tiles, mut entries) = (Tiles::default(), Vec::new());
        let found = self.store.log_files(site, &names).await?;
        for ((level, index, width), bytes) in edge.into_iter().zip(found) {
            let bytes = bytes.unwrap_or_default();
            if u64::try_from(bytes.len() / ENTRY_BYTES).ok() != Some(width) {
                return Err(StoreError::Corrupt(format!("the right edge of the transparency log of {site}")));
            }
            tiles.insert(level, index, &bytes);
            if level == 0 {
                entries = bytes;
            }
        }
        Ok((tiles, entries))
    }
}
