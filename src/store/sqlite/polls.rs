//! Polls: creating, listing, replacing and deleting them.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{
    SqliteStore, events, has_site,
    head::{self, Head},
    labels, tallies, views,
};
use crate::{
    poll::{Edit, Effect, ListCursor, Partitions, Poll, PollId, Schedule, SiteId, State, Times, Timestamp},
    secret::KeyHash,
    site::NewEvent,
    store::{
        Creation, IDEMPOTENCY_SECS, IdempotencyKey, Polls, Replacement, StoreError,
        record::{read_poll, write_poll},
    },
};

#[async_trait]
impl Polls for SqliteStore {
    fn partitions(&self, _id: PollId) -> Partitions {
        Partitions::unplaced(self.partitions)
    }

    async fn create_poll(
        &self,
        poll: &Poll,
        idempotency: Option<&IdempotencyKey>,
        events: &[NewEvent],
    ) -> Result<Creation, StoreError> {
        let (poll, idempotency, events) = (poll.clone(), idempotency.cloned(), events.to_vec());
        self.write(move |db, times| create(db, times, poll, idempotency.as_ref(), &events)).await
    }

    async fn made_before(&self, site: &SiteId, idempotency: &IdempotencyKey) -> Result<Option<Poll>, StoreError> {
        let (site, idempotency) = (site.clone(), idempotency.clone());
        self.read(move |db, times| made_before(db, times.store, &site, &idempotency)).await
    }

    async fn poll(&self, id: PollId) -> Result<Option<Poll>, StoreError> {
        self.read(move |db, _| get(db, id)).await
    }

    async fn polls(&self, site: &SiteId, before: Option<ListCursor>, limit: usize) -> Result<Vec<Poll>, StoreError> {
        let site = site.clone();
        self.read(move |db, _| list(db, &site, before, limit)).await
    }

    async fn replace_poll(&self, edit: &Edit, events: &[NewEvent]) -> Result<Replacement, StoreError> {
        let (edit, events) = (edit.clone(), events.to_vec());
        self.write(move |db, times| replace(db, times, edit, &events)).await
    }

    async fn owner(&self, id: PollId) -> Result<Option<SiteId>, StoreError> {
        Ok(self.poll(id).await?.map(|poll| poll.site))
    }

    async fn delete_poll(&self, id: PollId, events: &[NewEvent]) -> Result<bool, StoreError> {
        let events = events.to_vec();
        self.write(move |db, times| {
            if let Some(poll) = get(db, id)? {
                events::tell(db, times.store, &poll.site, Some(id), &events)?;
            }
            delete(db, id)
        })
        .await
    }
}

fn create(
    db: &Connection,
    times: Times,
    mut poll: Poll,
    idempotency: Option<&IdempotencyKey>,
    events: &[NewEvent],
) -> Result<Creation, StoreError> {
    let now = times.store;
    if !has_site(db, &poll.site)? {
        return Ok(Creation::NoSite);
    }
    if let Some(idempotency) = idempotency {
        forget_old_requests(db, now)?;
        match made_by(db, now, &poll.site, idempotency)? {
            None => remember_request(db, now, &poll, idempotency)?,
            Some((request, _)) if request != idempotency.request => return Ok(Creation::Mismatch),
            // With its first id: if it was deleted meanwhile, a third such request finds it again.
            Some((_, made)) => poll.id = made,
        }
    }
    // Also without an idempotency key the same poll may come again after a lost answer.
    if let Some(existing) = get(db, poll.id)? {
        return Ok(Creation::Existing(existing));
    }
    insert(db, &poll)?;
    events::tell_of_poll(db, times, &poll, events)?;
    Ok(Creation::Created(poll))
}

/// Writes a poll that is not there, with its tallies. An article's is in no list of its site's polls.
pub(super) fn insert(db: &Connection, poll: &Poll) -> Result<(), StoreError> {
    let schedule = poll.schedule;
    db.prepare_cached(
        "insert into polls
             (id, site, revision, phase, opens_at, closes_at, changeable, codec, created_at, definition, is_listed,
              uncounted)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?
    .execute(params![
        poll.id.to_string(),
        poll.site.as_str(),
        poll.revision.0,
        schedule.phase.code(),
        schedule.opens_at.map(Timestamp::as_millis),
        schedule.closes_at.map(Timestamp::as_millis),
        poll.changeable,
        poll.codec.code(),
        poll.created_at.as_millis(),
        write_poll(poll)?,
        poll.article.is_none(),
        poll.decisions.uncounted().bits(),
    ])?;
    tallies::create(db, db.last_insert_rowid(), poll)
}

fn made_before(
    db: &Connection,
    now: Timestamp,
    site: &SiteId,
    idempotency: &IdempotencyKey,
) -> Result<Option<Poll>, StoreError> {
    match made_by(db, now, site, idempotency)? {
        Some((request, made)) if request == idempotency.request => get(db, made),
        Some(_) | None => Ok(None),
    }
}

pub(super) fn get(db: &Connection, id: PollId) -> Result<Option<Poll>, StoreError> {
    let mut select = db.prepare_cached("select definition from polls where id = ?1")?;
    let definition: Option<String> = select.query_row([id.to_string()], |row| row.get(0)).optional()?;
    definition.map(|definition| read_poll(definition.as_bytes())).transpose()
}

fn list(db: &Connection, site: &SiteId, before: Option<ListCursor>, limit: usize) -> Result<Vec<Poll>, StoreError> {
    let (created_at, id) = before
        .map_or((i64::MAX, String::new()), |ListCursor { created_at, id }| (created_at.as_millis(), id.to_string()));
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut select = db.prepare_cached(
        "select definition from polls where site = ?1 and is_listed = 1 and (created_at, id) < (?2, ?3)
         order by created_at desc, id desc limit ?4",
    )?;
    let definitions = select.query_map(params![site.as_str(), created_at, id, limit], |row| row.get::<_, String>(0))?;
    definitions.map(|definition| read_poll(definition?.as_bytes())).collect()
}

fn replace(db: &Connection, times: Times, edit: Edit, events: &[NewEvent]) -> Result<Replacement, StoreError> {
    let Some(mut head) = Head::read(db, edit.poll.id)? else { return Ok(Replacement::Gone) };
    let stored = head.definition(db)?;
    if edit.poll.created_at != stored.created_at {
        return Ok(Replacement::Gone);
    }
    if edit.poll.revision == head.revision && stored == edit.poll {
        return Ok(Replacement::Done(edit.poll));
    }
    if edit.poll.revision != head.revision.next() {
        return Ok(Replacement::Mismatch(head.revision));
    }
    let judged = head.close_if_due(db, times)?;
    match (judged.state == State::Closed, edit.effect) {
        (true, Effect::Changes | Effect::Rewords | Effect::Reshapes) => return Ok(Replacement::Closed),
        (false, Effect::Amends) => return Ok(Replacement::NotClosed),
        (true, Effect::Amends) | (false, Effect::Changes | Effect::Rewords | Effect::Reshapes) => {}
    }
    // It does not matter whether the clocks disagree about its opening.
    if !(Schedule { opens_at: None, ..head.schedule }).state_by(times).is_sure {
        return Err(StoreError::unavailable("the clocks disagree about whether the poll is closed"));
    }
    if edit.effect == Effect::Reshapes && tallies::has_ballots(db, &head)? {
        return Ok(Replacement::HasBallots);
    }
    let poll = Poll {
        site: stored.site,
        kind: stored.kind,
        codec: stored.codec,
        partitions: stored.partitions,
        digest_key: stored.digest_key,
        ..edit.poll
    };
    head::write(db, head.number, &poll)?;
    labels::decide(db, &head, &poll)?;
    if edit.effect == Effect::Reshapes {
        tallies::reshape(db, head.number, &poll)?;
    }
    events::tell_of_poll(db, times, &poll, events)?;
    Ok(Replacement::Done(poll))
}

/// Deletes a poll. One of an article leaves its template's list too.
pub(super) fn delete(db: &Connection, id: PollId) -> Result<bool, StoreError> {
    db.prepare_cached("delete from article_polls where poll = ?1")?.execute([id.to_string()])?;
    let Some(head) = Head::read(db, id)? else { return Ok(false) };
    db.prepare_cached("delete from polls where number = ?1")?.execute([head.number])?;
    tallies::delete(db, head.number)?;
    views::forget_poll(db, head.number)?;
    events::forget_poll(db, head.number, id)?;
    Ok(true)
}

fn forget_old_requests(db: &Connection, now: Timestamp) -> Result<(), StoreError> {
    db.prepare_cached("delete from idempotency where made_at <= ?1")?.execute([forgotten_until(now)])?;
    Ok(())
}

/// Idempotency keys up to this moment are forgotten, in milliseconds.
fn forgotten_until(now: Timestamp) -> i64 {
    let age = i64::try_from(IDEMPOTENCY_SECS.saturating_mul(1_000)).unwrap_or(i64::MAX);
    now.as_millis().saturating_sub(age)
}

/// The request that a site used this key with, and the poll it made.
fn made_by(
    db: &Connection,
    now: Timestamp,
    site: &SiteId,
    idempotency: &IdempotencyKey,
) -> Result<Option<(KeyHash, PollId)>, StoreError> {
    let mut select =
        db.prepare_cached("select request, poll from idempotency where site = ?1 and key = ?2 and made_at > ?3")?;
    let columns = |row: &Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?));
    let found =
        select.query_row(params![site.as_str(), idempotency.key.to_hex(), forgotten_until(now)], columns).optional()?;
    let Some((request, poll)) = found else { return Ok(None) };
    match (KeyHash::from_hex(&request), poll.parse()) {
        (Some(request), Ok(poll)) => Ok(Some((request, poll))),
        _ => Err(StoreError::Corrupt(format!("an idempotency key: {request} {poll}"))),
    }
}

fn remember_request(
    db: &Connection,
    now: Timestamp,
    poll: &Poll,
    idempotency: &IdempotencyKey,
) -> Result<(), StoreError> {
    db.prepare_cached("insert into idempotency (site, key, request, poll, made_at) values (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![
            poll.site.as_str(),
            idempotency.key.to_hex(),
            idempotency.request.to_hex(),
            poll.id.to_string(),
            now.as_millis(),
        ])?;
    Ok(())
}
