//! Views, and what ranks highest.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use sawt::{
    article::ArticleKey,
    poll::PollId,
    secret::random_bytes,
    site::SiteSettings,
    store::{Measure, RankedItem, SeenPoll, SiteDeletion, Store, TrendingWindow, ViewBatch, WriterId},
};

use super::templates::{made, template};
use crate::store::stage::{Stage, yes_or_no};

crate::registry::store_rules![
    a_batch_of_views_is_counted_once_however_often_it_is_sent,
    only_views_of_polls_that_the_site_has_are_counted,
    a_view_of_an_articles_poll_is_counted_though_that_is_on_no_list,
    what_is_seen_most_ranks_first_in_each_window_and_by_each_measure_alone,
    a_full_ranking_keeps_the_items_with_the_highest_scores,
    a_deleted_site_leaves_no_ranking_behind,
];

/// An article, by its publisher's id.
pub(crate) fn article(id: &str) -> RankedItem {
    RankedItem::Article(ArticleKey::Id(id.parse().unwrap()))
}

/// A batch of a writer of its own.
pub(crate) fn batch(stage: &Stage, polls: &[(PollId, u64)], items: &[(Measure, &RankedItem, i64)]) -> ViewBatch {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    ViewBatch {
        writer: WriterId(random_bytes()),
        number: NEXT.fetch_add(1, Ordering::Relaxed),
        site: stage.site.clone(),
        polls: polls.iter().map(|(poll, views)| SeenPoll { poll: *poll, template: None, views: *views }).collect(),
        items: items.iter().map(|(measure, item, count)| (*measure, (*item).clone(), *count)).collect(),
        most_ranked: 100,
    }
}

/// What ranks, with scores rounded: a machine that is slow makes them a little less.
pub(crate) async fn ranked(stage: &Stage, measure: Measure, window: TrendingWindow) -> Vec<(RankedItem, f64)> {
    let ranked = stage.store.ranking(&stage.site, measure, window, 50).await.unwrap();
    ranked.into_iter().map(|ranked| (ranked.item, ranked.score.round())).collect()
}

async fn a_batch_of_views_is_counted_once_however_often_it_is_sent(store: Arc<dyn Store>) {
    let stage = Stage::new(store.clone()).await;
    let (poll, item) = (stage.poll(yes_or_no()).await, article("a-1"));
    let first = batch(&stage, &[(poll.id, 3)], &[(Measure::Views, &item, 3)]);
    let second = ViewBatch { number: first.number + 5, ..first.clone() };
    for batch in [&first, &first, &second, &second, &first] {
        store.count_views(batch).await.unwrap();
    }
    assert_eq!(store.poll_views(&stage.site, poll.id).await.unwrap(), 6);
    // Another writer's batches have numbers of their own.
    store.count_views(&ViewBatch { writer: WriterId(random_bytes()), ..first }).await.unwrap();
    assert_eq!(store.poll_views(&stage.site, poll.id).await.unwrap(), 9);
    assert_eq!(ranked(&stage, Measure::Views, TrendingWindow::Week).await, [(item, 9.0)]);
}

async fn only_views_of_polls_that_the_site_has_are_counted(store: Arc<dyn Store>) {
    let (stage, other) = (Stage::new(store.clone()).await, Stage::new(store.clone()).await);
    let [mine, theirs] = [stage.poll(yes_or_no()).await.id, other.poll(yes_or_no()).await.id];
    let unknown = PollId::generate();
    let items = [mine, theirs, unknown].map(RankedItem::Poll);
    let seen = [(mine, 1), (theirs, 1), (unknown, 1)];
    let moved = items.each_ref().map(|item| (Measure::Votes, item, 1));
    store.count_views(&batch(&stage, &seen, &moved)).await.unwrap();
    for (poll, views) in [(mine, 1), (theirs, 0), (unknown, 0)] {
        assert_eq!(store.poll_views(&stage.site, poll).await.unwrap(), views);
    }
    assert_eq!(ranked(&stage, Measure::Votes, TrendingWindow::Day).await, [(items[0].clone(), 1.0)]);
    assert!(store.delete_poll(mine, &[]).await.unwrap());
    store.count_views(&batch(&stage, &seen, &[])).await.unwrap();
    assert_eq!(store.poll_views(&stage.site, mine).await.unwrap(), 0);
}

async fn a_view_of_an_articles_poll_is_counted_though_that_is_on_no_list(store: Arc<dyn Store>) {
    let stage = Stage::new(store.clone()).await;
    let template = template(&stage).await;
    let poll = made(&stage, &template, "a").await;
    let other = PollId::generate();
    let see = async || {
        let polls = [poll.id, other].map(|poll| SeenPoll { poll, template: Some(template.id.clone()), views: 2 });
        // It ranks as its article, and not as a poll.
        let items = vec![(Measure::Votes, RankedItem::Poll(poll.id), 1), (Measure::Votes, article("a"), 1)];
        store.count_views(&ViewBatch { polls: polls.to_vec(), items, ..batch(&stage, &[], &[]) }).await.unwrap();
        assert_eq!(store.poll_views(&stage.site, other).await.unwrap(), 0, "there is no such poll");
        store.poll_views(&stage.site, poll.id).await.unwrap()
    };
    assert_eq!(see().await, 2);
    assert_eq!(ranked(&stage, Measure::Votes, TrendingWindow::Day).await, [(article("a"), 1.0)]);
    // Its counts stay once it is closed and its voters are forgotten, and so do its views.
    stage.closed(&poll).await;
    store.forget_voters(&stage.site, &template.id, poll.id).await.unwrap();
    assert_eq!(see().await, 4);
    assert!(store.delete_poll(poll.id, &[]).await.unwrap());
    assert_eq!(see().await, 0);
}

async fn what_is_seen_most_ranks_first_in_each_window_and_by_each_measure_alone(store: Arc<dyn Store>) {
    let stage = Stage::new(store.clone()).await;
    let [one, two] = ["a-1", "p"].map(article);
    let three = RankedItem::Article("url:https://news.example/%D8%AE".parse().unwrap());
    let views = [(Measure::Views, &one, 20), (Measure::Views, &two, 30), (Measure::Views, &three, 10)];
    let votes = [(Measure::Votes, &three, 7), (Measure::Votes, &three, -2), (Measure::Reactions, &one, 1)];
    store.count_views(&batch(&stage, &[], &[&views[..], &votes[..]].concat())).await.unwrap();
    store.count_views(&batch(&stage, &[], &[(Measure::Views, &one, 20)])).await.unwrap();
    for window in TrendingWindow::ALL {
        let by_views = [(one.clone(), 40.0), (two.clone(), 30.0), (three.clone(), 10.0)];
        assert_eq!(ranked(&stage, Measure::Views, window).await, by_views);
        assert_eq!(ranked(&stage, Measure::Votes, window).await, [(three.clone(), 5.0)]);
        assert_eq!(ranked(&stage, Measure::Reactions, window).await, [(one.clone(), 1.0)]);
    }
    let first = stage.store.ranking(&stage.site, Measure::Views, TrendingWindow::Hour, 1).await.unwrap();
    assert_eq!(first.iter().map(|ranked| &ranked.item).collect::<Vec<_>>(), [&one]);
    // What was taken back is not there.
    store.count_views(&batch(&stage, &[], &[(Measure::Reactions, &one, -1)])).await.unwrap();
    assert_eq!(ranked(&stage, Measure::Reactions, TrendingWindow::Day).await, []);
}

async fn a_full_ranking_keeps_the_items_with_the_highest_scores(store: Arc<dyn Store>) {
    let stage = Stage::new(store.clone()).await;
    let items: Vec<(RankedItem, i64)> = (1..=8).map(|count| (article(&format!("a-{count}")), count)).collect();
    for part in items.chunks(3) {
        let moved: Vec<_> = part.iter().map(|(item, count)| (Measure::Views, item, *count)).collect();
        store.count_views(&ViewBatch { most_ranked: 3, ..batch(&stage, &[], &moved) }).await.unwrap();
    }
    let kept: Vec<_> = items.iter().rev().take(3).map(|(item, _)| item.clone()).collect();
    let ranked = ranked(&stage, Measure::Views, TrendingWindow::Week).await;
    assert_eq!(ranked.into_iter().map(|(item, _)| item).collect::<Vec<_>>(), kept);
}

async fn a_deleted_site_leaves_no_ranking_behind(store: Arc<dyn Store>) {
    let stage = Stage::new(store.clone()).await;
    let seen = || batch(&stage, &[], &[]);
    let seen = ViewBatch { items: vec![(Measure::Views, article("a-1"), 5)], ..seen() };
    store.count_views(&seen).await.unwrap();
    assert_eq!(store.delete_site(&stage.site).await.unwrap(), SiteDeletion::Done);
    // A replica may count a moment longer.
    store.count_views(&ViewBatch { number: seen.number + 1, ..seen }).await.unwrap();
    store.put_site(&stage.site, SiteSettings::default(), &[]).await.unwrap();
    assert_eq!(ranked(&stage, Measure::Views, TrendingWindow::Hour).await, []);
}
