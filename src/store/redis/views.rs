//! Views, and rankings: each a sorted set in its site's hash slot.

use std::collections::BTreeSet;

use async_trait::async_trait;
use redis::Cmd;

use super::{RedisStore, keys, script::Call};
use crate::{
    article::TemplateId,
    poll::{PollId, SiteId},
    store::{
        ItemScore, Measure, RankedItem, SeenPoll, StoreError, TrendingWindow, ViewBatch, Views,
        views::{LANDMARK_WINDOWS, LEAST_SCORE, QUIET_WINDOWS, WRITER_SECS},
    },
};

#[async_trait]
impl Views for RedisStore {
    async fn count_views(&self, batch: &ViewBatch) -> Result<(), StoreError> {
        let ViewBatch { writer, number, site, polls, items, most_ranked } = batch;
        let mut names = vec![keys::site(site), keys::site_polls(site), keys::site_views(site)];
        names.extend([keys::last_batch(site, *writer), keys::landmarks(site)]);
        names.extend(rankings(site));
        let mut args = vec![number.to_string(), WRITER_SECS.to_string(), most_ranked.to_string()];
        args.extend([LEAST_SCORE.to_string(), LANDMARK_WINDOWS.to_string(), QUIET_WINDOWS.to_string()]);
        args.extend([Measure::ALL.len().to_string(), TrendingWindow::ALL.len().to_string()]);
        args.extend(TrendingWindow::ALL.map(length_millis));
        args.push(polls.len().to_string());
        let templates: BTreeSet<&TemplateId> = polls.iter().filter_map(|seen| seen.template.as_ref()).collect();
        for template in &templates {
            let [open, _, old, ..] = keys::article_polls(site, template);
            names.extend([open, old]);
        }
        for SeenPoll { poll, template, views } in polls {
            let nth = template.as_ref().and_then(|template| templates.iter().position(|it| *it == template));
            args.extend([poll.to_string(), views.to_string(), nth.map_or(0, |nth| nth + 1).to_string()]);
        }
        let moves = items.iter();
        args.extend(
            moves.flat_map(|(measure, item, count)| [measure.code().to_string(), item.to_string(), count.to_string()]),
        );
        let names: Vec<&[u8]> = names.iter().map(String::as_bytes).collect();
        let call = Call::new(&self.scripts.count_views, &names);
        args.iter().fold(call, |call, arg| call.arg(arg.as_bytes())).send(&self.link).await?;
        Ok(())
    }

    async fn poll_views(&self, site: &SiteId, poll: PollId) -> Result<u64, StoreError> {
        let mut command = Cmd::new();
        command.arg("HGET").arg(keys::site_views(site)).arg(poll.to_string());
        Ok(self.ask_for::<Option<u64>>(&command).await?.unwrap_or(0))
    }

    async fn ranking(
        &self,
        site: &SiteId,
        measure: Measure,
        window: TrendingWindow,
        most: usize,
    ) -> Result<Vec<ItemScore>, StoreError> {
        let (landmarks, ranking) = (keys::landmarks(site), keys::ranking(site, measure, window));
        let (number, length, most) = ((window.code() + 1).to_string(), length_millis(window), most.to_string());
        let call = Call::new(&self.scripts.ranking, &[landmarks.as_bytes(), ranking.as_bytes()]);
        let call = call.arg(number.as_bytes()).arg(length.as_bytes()).arg(most.as_bytes());
        let mut reply = call.send(&self.link).await?;
        let mut ranked = Vec::new();
        while let Some(item) = reply.optional_bytes()? {
            let score = reply.bytes()?;
            ranked.push(read(&item, &score).ok_or_else(|| StoreError::Corrupt(format!("a ranking of site {site}")))?);
        }
        ranked.retain(|ranked| ranked.score >= LEAST_SCORE);
        Ok(ranked)
    }
}

impl RedisStore {
    /// Forgets the views of a site that was deleted. Nothing is counted on it any more.
    pub(super) async fn forget_views(&self, site: &SiteId) -> Result<(), StoreError> {
        let mut command = Cmd::new();
        command.arg("UNLINK").arg(keys::site_views(site)).arg(keys::landmarks(site)).arg(rankings(site));
        self.ask(&command).await?;
        Ok(())
    }

    /// Forgets the views of a poll that is on no list any more: nothing is counted of it from then on.
    pub(super) async fn forget_poll_views(&self, site: &SiteId, poll: PollId) -> Result<(), StoreError> {
        let mut command = Cmd::new();
        command.arg("HDEL").arg(keys::site_views(site)).arg(poll.to_string());
        self.ask(&command).await?;
        Ok(())
    }
}

/// The keys of a site's rankings, in the order that the script wants.
fn rankings(site: &SiteId) -> Vec<String> {
    let of = |measure| TrendingWindow::ALL.map(|window| keys::ranking(site, measure, window));
    Measure::ALL.into_iter().flat_map(of).collect()
}

fn length_millis(window: TrendingWindow) -> String {
    window.length().as_millis().to_string()
}

fn read(item: &[u8], score: &[u8]) -> Option<ItemScore> {
    let [item, score] = [item, score].map(|text| str::from_utf8(text).ok());
    Some(ItemScore { item: RankedItem::named(item?)?, score: score?.parse().ok()? })
}
