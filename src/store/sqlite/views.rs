//! Views, and rankings.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{SqliteStore, has_site, head::Head};
use crate::{
    poll::{PollId, SiteId, Timestamp},
    store::{
        ItemScore, Measure, RankedItem, SeenPoll, StoreError, TrendingWindow, ViewBatch, Views, WRITER_SECS,
        views::{LANDMARK_WINDOWS, LEAST_SCORE, as_score},
    },
};

#[async_trait]
impl Views for SqliteStore {
    async fn count_views(&self, batch: &ViewBatch) -> Result<(), StoreError> {
        let batch = batch.clone();
        self.write(move |db, times| count(db, times.store, &batch)).await
    }

    async fn poll_views(&self, _site: &SiteId, poll: PollId) -> Result<u64, StoreError> {
        self.read(move |db, _| {
            let Some(head) = Head::read(db, poll)? else { return Ok(0) };
            let mut select = db.prepare_cached("select views from poll_views where poll = ?1")?;
            Ok(select.query_row([head.number], |row| row.get(0)).optional()?.unwrap_or(0))
        })
        .await
    }

    async fn ranking(
        &self,
        site: &SiteId,
        measure: Measure,
        window: TrendingWindow,
        most: usize,
    ) -> Result<Vec<ItemScore>, StoreError> {
        let site = site.clone();
        self.read(move |db, times| {
            let passed = landmark(db, &site, window)?.map_or(0.0, |from| window.passed(from, times.store));
            let weight = (-passed).exp();
            let mut select = db.prepare_cached(
                "select item, score from rankings where site = ?1 and measure = ?2 and span = ?3
                 order by score desc limit ?4",
            )?;
            let columns = |row: &Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, f64>(1)?));
            let rows = select.query_map(params![site.as_str(), measure.code(), window.code(), most], columns)?;
            let mut ranked = Vec::new();
            for row in rows {
                let (name, score) = row?;
                let item = RankedItem::named(&name).ok_or_else(|| StoreError::Corrupt(format!("the item {name}")))?;
                ranked.push(ItemScore { item, score: score * weight });
            }
            ranked.retain(|ranked| ranked.score >= LEAST_SCORE);
            Ok(ranked)
        })
        .await
    }
}

/// Forgets the rankings of a site that is being deleted.
pub(super) fn forget_site(db: &Connection, site: &SiteId) -> Result<(), StoreError> {
    db.prepare_cached("delete from rankings where site = ?1")?.execute([site.as_str()])?;
    db.prepare_cached("delete from landmarks where site = ?1")?.execute([site.as_str()])?;
    Ok(())
}

/// Forgets the views of a poll that is being deleted: its number may be another poll's one day.
pub(super) fn forget_poll(db: &Connection, number: i64) -> Result<(), StoreError> {
    db.prepare_cached("delete from poll_views where poll = ?1")?.execute([number])?;
    Ok(())
}

fn count(db: &Connection, now: Timestamp, batch: &ViewBatch) -> Result<(), StoreError> {
    if !has_site(db, &batch.site)? || !is_new(db, now, batch)? {
        return Ok(());
    }
    for SeenPoll { poll, views, .. } in &batch.polls {
        if let Some(number) = poll_number(db, &batch.site, *poll)? {
            db.prepare_cached(
                "insert into poll_views (poll, views) values (?1, ?2)
                 on conflict (poll) do update set views = views + excluded.views",
            )?
            .execute(params![number, views])?;
        }
    }
    for window in TrendingWindow::ALL {
        let weight = weight(db, now, &batch.site, window)?;
        for (measure, item, count) in &batch.items {
            if let RankedItem::Poll(poll) = item
                && !is_listed(db, &batch.site, *poll)?
            {
                continue;
            }
            db.prepare_cached(
                "insert into rankings (site, measure, span, item, score) values (?1, ?2, ?3, ?4, ?5)
                 on conflict (site, measure, span, item) do update set score = score + excluded.score",
            )?
            .execute(params![
                batch.site.as_str(),
                measure.code(),
                window.code(),
                item.to_string(),
                as_score(*count) * weight
            ])?;
        }
        for measure in Measure::ALL {
            if batch.items.iter().any(|(moved, ..)| *moved == measure) {
                trim(db, &batch.site, measure, window, weight, batch.most_ranked)?;
            }
        }
    }
    Ok(())
}

/// Whether this batch was not counted before; it is from now on.
fn is_new(db: &Connection, now: Timestamp, ViewBatch { writer, number, .. }: &ViewBatch) -> Result<bool, StoreError> {
    let mut select = db.prepare_cached("select 1 from view_writers where writer = ?1 and batch >= ?2")?;
    if select.exists(params![writer.0, number])? {
        return Ok(false);
    }
    let forgotten_until = now.as_millis() - i64::from(WRITER_SECS) * 1_000;
    db.prepare_cached("delete from view_writers where sent_at < ?1")?.execute([forgotten_until])?;
    db.prepare_cached("insert or replace into view_writers (writer, batch, sent_at) values (?1, ?2, ?3)")?
        .execute(params![writer.0, number, now.as_millis()])?;
    Ok(true)
}

fn poll_number(db: &Connection, site: &SiteId, poll: PollId) -> Result<Option<i64>, StoreError> {
    let mut select = db.prepare_cached("select number from polls where id = ?1 and site = ?2")?;
    Ok(select.query_row(params![poll.to_string(), site.as_str()], |row| row.get(0)).optional()?)
}

/// Whether a poll is on its site's list: those of articles are not.
fn is_listed(db: &Connection, site: &SiteId, poll: PollId) -> Result<bool, StoreError> {
    let mut of_article = db.prepare_cached("select 1 from article_polls where poll = ?1")?;
    Ok(poll_number(db, site, poll)?.is_some() && !of_article.exists([poll.to_string()])?)
}

fn landmark(db: &Connection, site: &SiteId, window: TrendingWindow) -> Result<Option<Timestamp>, StoreError> {
    let mut select = db.prepare_cached("select landmark from landmarks where site = ?1 and span = ?2")?;
    let millis = select.query_row(params![site.as_str(), window.code()], |row| row.get(0)).optional()?;
    Ok(millis.map(Timestamp::from_millis))
}

/// What one count adds now. Moves the landmark on when it is due.
fn weight(db: &Connection, now: Timestamp, site: &SiteId, window: TrendingWindow) -> Result<f64, StoreError> {
    let landmark = landmark(db, site, window)?;
    if let Some(landmark) = landmark.filter(|landmark| *landmark <= now) {
        let passed = window.passed(landmark, now);
        if passed <= LANDMARK_WINDOWS {
            return Ok(passed.exp());
        }
        db.prepare_cached("update rankings set score = score * ?3 where site = ?1 and span = ?2")?.execute(params![
            site.as_str(),
            window.code(),
            (-passed).exp()
        ])?;
        db.prepare_cached("delete from rankings where site = ?1 and span = ?2 and score < ?3")?.execute(params![
            site.as_str(),
            window.code(),
            LEAST_SCORE
        ])?;
    }
    db.prepare_cached("insert or replace into landmarks (site, span, landmark) values (?1, ?2, ?3)")?
        .execute(params![site.as_str(), window.code(), now.as_millis()])?;
    Ok(1.0)
}

/// Forgets what is low, and what is too much.
fn trim(
    db: &Connection,
    site: &SiteId,
    measure: Measure,
    window: TrendingWindow,
    weight: f64,
    most: u32,
) -> Result<(), StoreError> {
    let (site, measure, window) = (site.as_str(), measure.code(), window.code());
    db.prepare_cached("delete from rankings where site = ?1 and measure = ?2 and span = ?3 and score < ?4")?
        .execute(params![site, measure, window, LEAST_SCORE * weight])?;
    db.prepare_cached(
        "delete from rankings where site = ?1 and measure = ?2 and span = ?3 and item in
         (select item from rankings where site = ?1 and measure = ?2 and span = ?3
          order by score desc limit -1 offset ?4)",
    )?
    .execute(params![site, measure, window, most])?;
    Ok(())
}
