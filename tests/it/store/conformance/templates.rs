//! Templates, and the polls of articles.

use std::sync::Arc;

use futures_util::future::join_all;
use sawt::{
    article::{Admission, ArticleKey, NewArticlePoll, Template},
    poll::{DigestKey, Label, LabelDecision, ListCursor, Outcome, Partitions, Poll, PollFields, PollId, State},
    secret::random_bytes,
    store::{ArticleStatus, BatchOutcome, Making, Replacement, SiteDeletion, Store, TemplatePut, Witness},
};

use crate::store::stage::{Stage, ballot, changeable, options};

crate::registry::store_rules![
    an_articles_poll_is_made_once_whoever_makes_it_at_the_same_time,
    what_has_no_template_or_is_not_announced_gets_no_poll,
    at_the_cap_the_oldest_provisional_poll_goes_and_no_other,
    a_flood_at_the_cap_leaves_no_more_polls_than_there_is_room_for,
    a_poll_deleted_by_its_id_makes_room_for_another_and_comes_to_be_again,
    an_edit_never_meets_the_poll_that_came_again_with_the_same_id,
    a_ballot_never_meets_the_poll_that_came_again_with_the_same_id,
    the_same_client_counts_once_towards_an_honest_article,
    a_poll_is_provisional_no_more_once_its_publisher_vouches_for_it,
    a_closed_poll_forgets_its_voters_and_keeps_its_counts,
    an_articles_polls_are_listed_page_by_page_the_oldest_first,
    a_deleted_template_takes_its_polls_with_it_and_no_site_goes_before,
];

/// A template that the store has.
pub(crate) async fn template(stage: &Stage) -> Template {
    let pattern = stage.draw_up(changeable()).await;
    let pattern = Poll { partitions: Partitions::unplaced(1), ..pattern };
    let (id, admits) = ("reactions".parse().unwrap(), Admission::OwnOrigins);
    let template = Template { id, pattern, admits, open_for_days: 90, most_articles: 3 };
    assert_eq!(stage.store.put_template(&template, &[]).await.unwrap(), TemplatePut::Made);
    template
}

/// What makes the poll of an address.
pub(crate) async fn new_poll(stage: &Stage, template: &Template, name: &str) -> NewArticlePoll {
    let article = ArticleKey::Address(format!("https://news.example/{name}").parse().unwrap());
    let mut poll = template.make(&article, None, Partitions::unplaced(1), stage.now().await);
    // As of a replica that knows another template.
    poll.digest_key = DigestKey::from_bytes(random_bytes());
    NewArticlePoll { poll, template: template.id.clone(), announced: None, most_articles: template.most_articles }
}

pub(crate) async fn made(stage: &Stage, template: &Template, name: &str) -> Poll {
    let new = new_poll(stage, template, name).await;
    match stage.store.make_article_poll(&new).await.unwrap() {
        Making::Made(poll) => poll,
        other => panic!("{other:?}"),
    }
}

async fn an_articles_poll_is_made_once_whoever_makes_it_at_the_same_time(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let template = template(&stage).await;
    let makers = join_all((0..8).map(|_| made(&stage, &template, "a"))).await;
    assert!(makers.iter().all(|poll| *poll == makers[0]), "the first key is the poll's");
    let poll = stage.read(&makers[0]).await;
    assert_eq!(poll, makers[0]);
    assert_eq!(stage.cast(&poll, 1, &["yes"]).await, Outcome::Counted);
    assert_eq!(made(&stage, &template, "a").await, poll);
    assert_eq!(stage.tally(&poll).await.ballots, 1, "it is the same poll");
    assert_eq!(stage.store.polls(&stage.site, None, 10).await.unwrap(), [], "it is in no list");
}

async fn what_has_no_template_or_is_not_announced_gets_no_poll(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let template = template(&stage).await;
    let new = new_poll(&stage, &template, "a").await;
    let nobodys = NewArticlePoll { template: "stars".parse().unwrap(), ..new.clone() };
    assert_eq!(stage.store.make_article_poll(&nobodys).await.unwrap(), Making::NoTemplate);
    let announced = NewArticlePoll { announced: Some("a-1".parse().unwrap()), ..new.clone() };
    assert_eq!(stage.store.make_article_poll(&announced).await.unwrap(), Making::NotAnnounced);
    assert_eq!(stage.store.poll(new.poll.id).await.unwrap(), None);
}

async fn at_the_cap_the_oldest_provisional_poll_goes_and_no_other(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let template = template(&stage).await;
    let honest = made(&stage, &template, "honest").await;
    for client in 0..5 {
        let standing = vouch(&stage, &template, honest.id, client).await;
        assert_eq!(standing, if client < 4 { ArticleStatus::Provisional } else { ArticleStatus::Honest });
    }
    let mut invented = Vec::new();
    for name in ["a", "b", "c", "d"] {
        // A millisecond apart, so that one is the oldest.
        stage.wait_until(stage.now_plus(2).await).await;
        invented.push(made(&stage, &template, name).await);
    }
    for (place, poll) in invented.iter().enumerate() {
        assert_eq!(stage.store.poll(poll.id).await.unwrap().is_some(), place >= 2, "{place}");
    }
    assert_eq!(stage.read(&honest).await, honest);
    for (place, poll) in invented.iter().enumerate().skip(2) {
        for client in 0..5 {
            vouch(&stage, &template, poll.id, client).await;
        }
        assert_eq!(stage.read(poll).await, *poll, "{place}");
    }
    let new = new_poll(&stage, &template, "e").await;
    assert_eq!(stage.store.make_article_poll(&new).await.unwrap(), Making::Full);
}

async fn a_flood_at_the_cap_leaves_no_more_polls_than_there_is_room_for(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let template = Template { most_articles: 100, ..template(&stage).await };
    // Of two honest ones one is read by five clients at once, the other by one now and then.
    let [quick, slow] = [made(&stage, &template, "quick").await, made(&stage, &template, "slow").await];
    let mut invented = Vec::new();
    for round in 0..10 {
        let names: Vec<String> = (0..16).map(|maker| format!("{round}-{maker}")).collect();
        invented.extend(join_all(names.iter().map(|name| made(&stage, &template, name))).await);
        if round < 5 {
            vouch(&stage, &template, slow.id, round).await;
        }
        for client in (0..5).filter(|_| round == 0) {
            vouch(&stage, &template, quick.id, client).await;
        }
    }
    let kept = join_all(invented.iter().map(|poll| stage.store.poll(poll.id))).await;
    assert_eq!(kept.into_iter().filter(|poll| poll.as_ref().unwrap().is_some()).count(), 98);
    for honest in [quick, slow] {
        assert_eq!(stage.read(&honest).await, honest);
    }
}

async fn a_poll_deleted_by_its_id_makes_room_for_another_and_comes_to_be_again(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let template = Template { most_articles: 1, ..template(&stage).await };
    let poll = made(&stage, &template, "a").await;
    assert_eq!(stage.cast(&poll, 1, &["yes"]).await, Outcome::Counted);
    for client in 0..5 {
        vouch(&stage, &template, poll.id, client).await;
    }
    let other = new_poll(&stage, &template, "b").await;
    assert_eq!(stage.store.make_article_poll(&other).await.unwrap(), Making::Full);
    assert!(stage.store.delete_poll(poll.id, &[]).await.unwrap());
    assert!(!stage.store.delete_poll(poll.id, &[]).await.unwrap());
    assert_eq!(vouch(&stage, &template, poll.id, 9).await, ArticleStatus::NotListed);
    assert_eq!(listed(&stage, &template, None, 9).await, []);
    let again = made(&stage, &template, "a").await;
    assert_eq!(stage.tally(&again).await.ballots, 0);
    assert_eq!(stage.cast(&again, 1, &["yes"]).await, Outcome::Counted, "who voted in the one before may vote");
    assert!(stage.store.delete_poll(again.id, &[]).await.unwrap());
    made(&stage, &template, "b").await;
}

async fn an_edit_never_meets_the_poll_that_came_again_with_the_same_id(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let template = template(&stage).await;
    let poll = made(&stage, &template, "a").await;
    let now = stage.now().await;
    let with_options = |ids: &[&str]| PollFields { options: Some(options(ids)), ..PollFields::default() };
    let edits = [
        poll.closed(now),
        poll.decided(Label::NO_MARK, LabelDecision::Void, now).unwrap(),
        with_options(&["yes", "no", "other"]).apply(&poll, now).unwrap(),
    ];
    assert!(stage.store.delete_poll(poll.id, &[]).await.unwrap());
    stage.wait_until(stage.now_plus(2).await).await;
    let again = made(&stage, &template, "a").await;
    assert_eq!((again.id, again.revision), (poll.id, poll.revision));
    for edit in &edits {
        assert_eq!(stage.replace(edit).await, Replacement::Gone, "{:?}", edit.effect);
    }
    assert_eq!(stage.read(&again).await, again);
    assert_eq!(stage.cast(&again, 1, &["yes"]).await, Outcome::Counted);
    // Also not if both have come as far.
    let moved_on = stage.decided(&again, Label::NO_MARK, LabelDecision::Held).await;
    let late = poll.decided(Label::NO_MARK, LabelDecision::Held, now).unwrap();
    assert_eq!(stage.replace(&late).await, Replacement::Gone);
    assert_eq!(stage.read(&again).await, moved_on);
}

/// Of a replica that knows the poll as it was, when its template had more options.
async fn a_ballot_never_meets_the_poll_that_came_again_with_the_same_id(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let template = template(&stage).await;
    let with_options = async |ids: &[&str]| {
        let fields = PollFields { options: Some(options(ids)), ..changeable() };
        let pattern = Poll { partitions: Partitions::unplaced(1), ..stage.draw_up(fields).await };
        Template { pattern, ..template.clone() }
    };
    let poll = made(&stage, &with_options(&["a", "b", "c", "d"]).await, "a").await;
    let late = [ballot(&poll, 1, &["d"])];
    assert!(stage.store.delete_poll(poll.id, &[]).await.unwrap());
    stage.wait_until(stage.now_plus(2).await).await;
    let again = made(&stage, &with_options(&["a", "b"]).await, "a").await;
    assert_eq!((again.id, again.revision), (poll.id, poll.revision));
    assert_eq!(stage.store.cast(&poll, 0, &late).await.unwrap(), BatchOutcome::Stale);
    assert_eq!(stage.cast(&again, 1, &["b"]).await, Outcome::Counted);
    assert_eq!(stage.count(&again).await, (vec![0, 1], 1));
}

async fn vouch(stage: &Stage, template: &Template, poll: PollId, client: u8) -> ArticleStatus {
    stage.store.vouch(&stage.site, &template.id, poll, Witness::Client([client; 8])).await.unwrap()
}

async fn the_same_client_counts_once_towards_an_honest_article(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let template = template(&stage).await;
    let poll = made(&stage, &template, "a").await;
    for _ in 0..9 {
        assert_eq!(vouch(&stage, &template, poll.id, 1).await, ArticleStatus::Provisional);
    }
    for client in 2..=5 {
        let expected = if client < 5 { ArticleStatus::Provisional } else { ArticleStatus::Honest };
        assert_eq!(vouch(&stage, &template, poll.id, client).await, expected);
    }
    assert_eq!(vouch(&stage, &template, PollId::generate(), 1).await, ArticleStatus::NotListed);
}

async fn a_poll_is_provisional_no_more_once_its_publisher_vouches_for_it(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let template = Template { most_articles: 1, ..template(&stage).await };
    let poll = made(&stage, &template, "a").await;
    assert_eq!(vouch(&stage, &template, poll.id, 1).await, ArticleStatus::Provisional);
    for _ in 0..2 {
        let standing = stage.store.vouch(&stage.site, &template.id, poll.id, Witness::Publisher).await.unwrap();
        assert_eq!(standing, ArticleStatus::Honest);
    }
    let other = new_poll(&stage, &template, "b").await;
    assert_eq!(stage.store.make_article_poll(&other).await.unwrap(), Making::Full);
}

async fn a_closed_poll_forgets_its_voters_and_keeps_its_counts(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let template = template(&stage).await;
    let poll = made(&stage, &template, "a").await;
    for voter in 0..3 {
        assert_eq!(stage.cast(&poll, voter, &["yes"]).await, Outcome::Counted);
    }
    let forget = async |poll: &Poll| {
        stage.store.forget_voters(&stage.site, &template.id, poll.id).await.unwrap();
        stage.on_record(poll, 1).await.is_some()
    };
    assert!(forget(&poll).await, "it is open");
    assert_eq!(listed(&stage, &template, None, 9).await, [poll.id]);
    let closed = stage.closed(&poll).await;
    assert!(!forget(&closed).await);
    let tally = stage.tally(&closed).await;
    assert_eq!((tally.state, tally.ballots), (State::Closed, 3));
    assert_eq!(listed(&stage, &template, None, 9).await, [], "it is done");
    assert_eq!(stage.cast(&closed, 9, &["yes"]).await, Outcome::NotOpen);
    // It does not count any more among those that may be there.
    for name in ["b", "c", "d"] {
        made(&stage, &template, name).await;
    }
    assert_eq!(stage.tally(&closed).await.ballots, 3);
    assert_eq!(made(&stage, &template, "a").await, closed, "and is not made anew");
}

/// The polls whose voters are on record, as they are listed behind a place.
async fn listed(stage: &Stage, template: &Template, after: Option<ListCursor>, limit: usize) -> Vec<PollId> {
    let listed = stage.store.article_polls(&stage.site, &template.id, after, limit).await.unwrap();
    listed.into_iter().map(|place| place.id).collect()
}

async fn an_articles_polls_are_listed_page_by_page_the_oldest_first(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let template = Template { most_articles: 9, ..template(&stage).await };
    let mut polls = Vec::new();
    for (place, name) in ["a", "b", "c", "d", "e"].into_iter().enumerate() {
        // A millisecond apart, so that each is older than the next.
        stage.wait_until(stage.now_plus(2).await).await;
        let poll = made(&stage, &template, name).await;
        if place % 2 == 0 {
            stage.store.vouch(&stage.site, &template.id, poll.id, Witness::Publisher).await.unwrap();
        }
        polls.push(poll.id);
    }
    assert_eq!(listed(&stage, &template, None, 9).await, polls, "whether or not they are provisional");
    let first = stage.store.article_polls(&stage.site, &template.id, None, 2).await.unwrap();
    assert_eq!(first.iter().map(|place| place.id).collect::<Vec<_>>(), polls[..2]);
    assert_eq!(listed(&stage, &template, first.last().copied(), 2).await, polls[2..4]);
    let last = stage.store.article_polls(&stage.site, &template.id, None, 5).await.unwrap().pop();
    assert_eq!(listed(&stage, &template, last, 2).await, []);
}

async fn a_deleted_template_takes_its_polls_with_it_and_no_site_goes_before(store: Arc<dyn Store>) {
    let stage = Stage::new(store.clone()).await;
    let template = template(&stage).await;
    let poll = made(&stage, &template, "a").await;
    assert_eq!(stage.cast(&poll, 1, &["yes"]).await, Outcome::Counted);
    assert_eq!(store.delete_site(&stage.site).await.unwrap(), SiteDeletion::HasTemplates);
    assert!(store.delete_template(&stage.site, &template.id, &[]).await.unwrap());
    assert!(!store.delete_template(&stage.site, &template.id, &[]).await.unwrap());
    assert_eq!(store.template(&stage.site, &template.id).await.unwrap(), None);
    assert_eq!(store.poll(poll.id).await.unwrap(), None);
    let new = new_poll(&stage, &template, "a").await;
    assert_eq!(store.make_article_poll(&new).await.unwrap(), Making::NoTemplate);
    assert_eq!(store.delete_site(&stage.site).await.unwrap(), SiteDeletion::Done);
}
