//! The logs of sites: events are written in the transaction of the change they tell of, straight into the log.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{SqliteStore, head::Head};
use crate::{
    poll::{Poll, PollId, SiteId, Times, Timestamp},
    site::{DueMove, Event, EventId, NewEvent},
    store::{
        Events, MoveReminder, StoreError,
        record::{read_event, write_event},
    },
};

#[async_trait]
impl Events for SqliteStore {
    async fn events(&self, site: &SiteId, after: Option<EventId>, limit: usize) -> Result<Vec<Event>, StoreError> {
        let site = site.clone();
        let onward = "select id, record from events where site = ?1 and id > ?2 order by id limit ?3";
        self.read(move |db, _| read(db, onward, (&site, after.map_or(-1, column)), limit)).await
    }

    async fn events_before(
        &self,
        site: &SiteId,
        before: Option<EventId>,
        limit: usize,
    ) -> Result<Vec<Event>, StoreError> {
        let site = site.clone();
        let back = "select id, record from events where site = ?1 and id < ?2 order by id desc limit ?3";
        self.read(move |db, _| read(db, back, (&site, before.map_or(i64::MAX, column)), limit)).await
    }

    /// They are there already.
    async fn relay_events(&self) -> Result<Vec<SiteId>, StoreError> {
        Ok(Vec::new())
    }

    /// The upgrade of the file did.
    async fn begin_logs(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn due_moves(&self, limit: usize) -> Result<Vec<MoveReminder>, StoreError> {
        self.read(move |db, times| due(db, times.store, limit)).await
    }

    async fn tell_due_moves(&self, reminder: MoveReminder) -> Result<Option<SiteId>, StoreError> {
        self.write(move |db, times| tell_due(db, times, reminder)).await
    }

    async fn forget_events(&self, site: &SiteId, before: Timestamp) -> Result<(), StoreError> {
        let site = site.clone();
        let before = column(EventId::at(before));
        self.write(move |db, _| {
            db.prepare_cached("delete from events where site = ?1 and id < ?2")?
                .execute(params![site.as_str(), before])?;
            Ok(())
        })
        .await
    }
}

/// Writes what is told of a poll, but for what its log says already, and reminds of what is due.
pub(super) fn tell_of_poll(db: &Connection, times: Times, poll: &Poll, events: &[NewEvent]) -> Result<(), StoreError> {
    let Some(head) = Head::read(db, poll.id)? else { return Ok(()) };
    if events.is_empty() {
        return Ok(());
    }
    tell_new(db, times.store, (head.number, poll), events)?;
    for DueMove { at, .. } in DueMove::of(poll).into_iter().filter(|due| times.store < due.at) {
        db.prepare_cached("insert or ignore into due_moves (poll, at) values (?1, ?2)")?
            .execute(params![poll.id.to_string(), at.as_millis()])?;
    }
    Ok(())
}

/// Writes events into a site's log.
pub(super) fn tell(
    db: &Connection,
    now: Timestamp,
    site: &SiteId,
    poll: Option<PollId>,
    events: &[NewEvent],
) -> Result<(), StoreError> {
    if events.is_empty() {
        return Ok(());
    }
    let mut last = last_id(db, site)?;
    for event in events {
        let id = EventId::next(last, now);
        db.prepare_cached("insert into events (site, id, record) values (?1, ?2, ?3)")?.execute(params![
            site.as_str(),
            column(id),
            write_event(poll, event)?
        ])?;
        last = Some(id);
    }
    Ok(())
}

/// The id of the last event of a site's log.
pub(super) fn last_id(db: &Connection, site: &SiteId) -> Result<Option<EventId>, StoreError> {
    let mut select = db.prepare_cached("select max(id) from events where site = ?1")?;
    let last: Option<u64> = select.query_row([site.as_str()], |row| row.get(0))?;
    Ok(last.and_then(EventId::from_micros))
}

/// Forgets what the log says of a poll that is deleted.
pub(super) fn forget_poll(db: &Connection, number: i64, id: PollId) -> Result<(), StoreError> {
    db.prepare_cached("delete from told_stages where poll = ?1")?.execute([number])?;
    db.prepare_cached("delete from due_moves where poll = ?1")?.execute([id.to_string()])?;
    Ok(())
}

/// Forgets the log of a site that is deleted.
pub(super) fn forget_site(db: &Connection, site: &SiteId) -> Result<(), StoreError> {
    db.prepare_cached("delete from events where site = ?1")?.execute([site.as_str()])?;
    Ok(())
}

fn read(db: &Connection, select: &str, (site, from): (&SiteId, i64), limit: usize) -> Result<Vec<Event>, StoreError> {
    let mut select = db.prepare_cached(select)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = select
        .query_map(params![site.as_str(), from, limit], |row| Ok((row.get::<_, u64>(0)?, row.get::<_, String>(1)?)))?;
    rows.map(|row| {
        let (id, record) = row?;
        let id = EventId::from_micros(id).ok_or_else(|| StoreError::Corrupt(format!("the id of an event: {id}")))?;
        read_event(site, id, record.as_bytes())
    })
    .collect()
}

fn due(db: &Connection, now: Timestamp, limit: usize) -> Result<Vec<MoveReminder>, StoreError> {
    let mut select = db.prepare_cached("select poll, at from due_moves where at <= ?1 order by at, poll limit ?2")?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = select.query_map([now.as_millis(), limit], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
    rows.map(|row| {
        let (poll, at) = row?;
        let poll = poll.parse().map_err(|rule| StoreError::Corrupt(format!("a poll id {rule}")))?;
        Ok(MoveReminder { poll, at: Timestamp::from_millis(at) })
    })
    .collect()
}

fn tell_due(db: &Connection, times: Times, reminder: MoveReminder) -> Result<Option<SiteId>, StoreError> {
    if !times.have_come_to(reminder.at).0 {
        return Ok(None);
    }
    db.prepare_cached("delete from due_moves where poll = ?1 and at = ?2")?
        .execute(params![reminder.poll.to_string(), reminder.at.as_millis()])?;
    let Some(head) = Head::read(db, reminder.poll)? else { return Ok(None) };
    let poll = head.definition(db)?;
    let made = DueMove::of(&poll).into_iter().filter(|due| times.have_come_to(due.at).0);
    let events: Vec<NewEvent> = made.map(|due| due.event(&poll)).collect();
    let is_news = tell_new(db, times.store, (head.number, &poll), &events)?;
    Ok(is_news.then_some(poll.site))
}

/// Writes what is told of a poll, but for stages that its log has reached already. Returns whether anything was
/// written.
fn tell_new(
    db: &Connection,
    now: Timestamp,
    (number, poll): (i64, &Poll),
    events: &[NewEvent],
) -> Result<bool, StoreError> {
    let told: Option<u8> = db
        .prepare_cached("select stage from told_stages where poll = ?1")?
        .query_row([number], |row| row.get(0))
        .optional()?;
    let mut stage = told.unwrap_or(0);
    let mut is_new = |event: &&NewEvent| {
        let reached = event.kind.stage();
        let is_new = reached == 0 || reached > stage;
        stage = stage.max(reached);
        is_new
    };
    let news: Vec<NewEvent> = events.iter().filter(&mut is_new).cloned().collect();
    if told != Some(stage) {
        db.prepare_cached("insert or replace into told_stages (poll, stage) values (?1, ?2)")?
            .execute(params![number, stage])?;
    }
    tell(db, now, &poll.site, Some(poll.id), &news)?;
    Ok(!news.is_empty())
}

/// An id as its column has it: it fits, having 16 digits.
fn column(id: EventId) -> i64 {
    i64::try_from(id.as_micros()).unwrap_or(i64::MAX)
}
