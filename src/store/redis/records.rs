//! What a site has some of, each put one revision on top of another: places and webhooks. All of a site lie in its hash
//! slot, so one step compares the revision and writes.

use serde::{Serialize, de::DeserializeOwned};

use super::{RedisStore, keys, script::Call};
use crate::{
    poll::{Revision, SiteId},
    site::{EventId, NewEvent},
    store::{StoreError, record},
};

/// A record to put.
pub(super) struct NewRecord<'a, T> {
    pub(super) site: &'a SiteId,
    /// Where the site's records of this sort are.
    pub(super) among: String,
    pub(super) id: &'a str,
    pub(super) revision: Revision,
    pub(super) record: &'a T,
    /// How many the site may have.
    pub(super) most: usize,
    pub(super) event: &'a NewEvent,
    /// Where the cursors of this sort are, and that of a new one.
    pub(super) cursor: Option<(String, EventId)>,
}

/// What became of it.
pub(super) enum RecordPut {
    Done,
    /// This revision is in force, which is not the one before.
    Mismatch(Option<Revision>),
    TooMany,
    NoSite,
}

impl RedisStore {
    pub(super) async fn put_record<T: Serialize>(&self, new: &NewRecord<'_, T>) -> Result<RecordPut, StoreError> {
        let (site, log) = (keys::site(new.site), keys::site_log(new.site));
        let Revision(revision) = new.revision;
        let [before, own] = [revision.saturating_sub(1), revision].map(|revision| revision.to_string());
        let (record, most) = (record::write(new.record)?, new.most.to_string());
        let event = record::write_event(None, new.event)?;
        let cursor = new.cursor.as_ref().map(|(cursors, first)| (cursors, first.to_string()));
        let mut names = vec![site.as_bytes(), new.among.as_bytes(), log.as_bytes()];
        names.extend(cursor.iter().map(|(cursors, _)| cursors.as_bytes()));
        let mut call = Call::new(&self.scripts.put_record, &names)
            .arg(new.id.as_bytes())
            .arg(before.as_bytes())
            .arg(own.as_bytes())
            .arg(record.as_bytes())
            .arg(most.as_bytes())
            .arg(event.as_bytes());
        if let Some((_, first)) = &cursor {
            call = call.arg(first.as_bytes());
        }
        let mut reply = call.send(&self.link).await?;
        match reply.int()? {
            1 => Ok(RecordPut::Done),
            0 => Ok(RecordPut::Mismatch(reply.number_if_there()?.map(Revision))),
            -2 => Ok(RecordPut::TooMany),
            _ => Ok(RecordPut::NoSite),
        }
    }
}

/// A record comes after its revision and a space: by that scripts compare.
pub(super) fn read_record<T: DeserializeOwned>(what: &'static str, kept: &[u8]) -> Result<T, StoreError> {
    let record = kept.iter().position(|byte| *byte == b' ').and_then(|space| kept.get(space + 1..));
    record::read(what, record.unwrap_or_default())
}
