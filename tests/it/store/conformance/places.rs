//! Places.

use std::sync::Arc;

use futures_util::future::join_all;
use sawt::{
    article::{Announced, ArticleAddress, TITLE},
    place::{MOST_PLACES, Place, PlacePlan, Rotation, Turn},
    poll::{PollId, Revision, Text, Timestamp},
    site::{Actor, NewEvent},
    store::{PlacePut, SiteDeletion, Store},
};

use crate::store::stage::{Stage, unused_site};

crate::registry::store_rules![
    a_place_is_kept_as_it_was_put_and_each_put_is_on_top_of_the_one_before,
    of_editors_who_put_a_place_at_the_same_time_one_does,
    a_site_has_so_many_places_and_is_not_deleted_before_them,
    places_and_articles_of_a_site_are_kept_apart,
];

fn place(stage: &Stage, id: &str, revision: u64) -> Place {
    let poll = PollId::generate();
    let [from, until] = [5, 9].map(Timestamp::from_millis);
    let plan = PlacePlan {
        name: serde_json::from_str("\"بجانب المقال\"").unwrap(),
        calendar: vec![Turn { poll, from, until }],
        fallback: Some(PollId::generate()),
        rotation: Some(Rotation { polls: vec![poll, PollId::generate()], every_minutes: 30 }),
    };
    let [created_at, updated_at] = [1, 2].map(Timestamp::from_millis);
    let (id, site) = (id.parse().unwrap(), stage.site.clone());
    Place { id, site, plan, revision: Revision(revision), created_at, updated_at }
}

async fn put(stage: &Stage, place: &Place) -> PlacePut {
    stage.store.put_place(place, &NewEvent::of_put_place(place, &Actor::Admin)).await.unwrap()
}

async fn delete(stage: &Stage, place: &Place) -> bool {
    let event = NewEvent::of_deleted_place(place, &Actor::Admin, place.updated_at);
    stage.store.delete_place(&stage.site, &place.id, &event).await.unwrap()
}

/// What the site's log says of its places: what happened, and in which revision.
async fn told(stage: &Stage) -> Vec<(String, u64)> {
    let events = stage.store.events(&stage.site, None, 100).await.unwrap();
    let events = events.into_iter().filter(|event| event.poll.is_none());
    events.map(|event| (event.kind.to_string(), event.data["revision"].as_u64().unwrap())).collect()
}

async fn a_place_is_kept_as_it_was_put_and_each_put_is_on_top_of_the_one_before(store: Arc<dyn Store>) {
    let (stage, other) = (Stage::new(store.clone()).await, Stage::new(store.clone()).await);
    let [first, second] = [1, 2].map(|revision| place(&stage, "side", revision));
    let mismatch = |revision: Option<u64>| PlacePut::Mismatch(revision.map(Revision));
    assert_eq!(put(&stage, &second).await, mismatch(None), "there is none to be on top of");
    for _ in 0..2 {
        assert_eq!(put(&stage, &first).await, PlacePut::Done, "the same again is as good as put");
    }
    assert_eq!(put(&stage, &place(&stage, "side", 1)).await, mismatch(Some(1)));
    assert_eq!(put(&stage, &place(&stage, "side", 3)).await, mismatch(Some(1)));
    assert_eq!(put(&stage, &second).await, PlacePut::Done);
    assert_eq!(put(&stage, &first).await, mismatch(Some(2)));
    let empty = Place { plan: PlacePlan::default(), ..place(&stage, "0-top", 1) };
    assert_eq!(put(&stage, &empty).await, PlacePut::Done);
    assert_eq!(store.places(&stage.site).await.unwrap(), [empty.clone(), second.clone()]);
    assert_eq!(store.place(&stage.site, &second.id).await.unwrap(), Some(second.clone()));
    assert_eq!(store.place(&other.site, &second.id).await.unwrap(), None, "another site's");
    assert!(!delete(&other, &second).await);
    assert!(delete(&stage, &second).await);
    assert!(!delete(&stage, &second).await);
    assert_eq!(store.place(&stage.site, &second.id).await.unwrap(), None);
    assert_eq!(put(&stage, &first).await, PlacePut::Done, "it begins anew");
    let expected = [("created", 1), ("edited", 2), ("created", 1), ("deleted", 2), ("created", 1)];
    let expected = expected.map(|(what, revision)| (format!("place.{what}"), revision));
    assert_eq!(told(&stage).await, expected, "what was done is told once, and nothing else");
    assert_eq!(told(&other).await, []);
    let nobodys = Place { site: unused_site(), ..first };
    assert_eq!(put(&stage, &nobodys).await, PlacePut::NoSite);
}

async fn places_and_articles_of_a_site_are_kept_apart(store: Arc<dyn Store>) {
    let stage = Stage::new(store.clone()).await;
    let address: ArticleAddress = "https://news.example/side".parse().unwrap();
    let article = Announced {
        id: "side".parse().unwrap(),
        title: Text::parse("خبر", TITLE).unwrap(),
        url: address.as_str().parse().unwrap(),
        first_address: Some(address.clone()),
        address,
        section: None,
        published_at: Timestamp::EARLIEST,
        announced_at: Timestamp::EARLIEST,
    };
    store.put_article(&stage.site, &article, 9).await.unwrap();
    let first = place(&stage, "side", 1);
    assert_eq!(put(&stage, &first).await, PlacePut::Done);
    assert_eq!(store.articles(&stage.site, None, 9).await.unwrap(), [article]);
    assert_eq!(store.places(&stage.site).await.unwrap(), [first]);
}

async fn of_editors_who_put_a_place_at_the_same_time_one_does(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    for revision in 1..5 {
        let places: Vec<Place> = (0..8).map(|_| place(&stage, "side", revision)).collect();
        let puts = join_all(places.iter().map(|place| put(&stage, place))).await;
        let done: Vec<&Place> =
            puts.iter().zip(&places).filter(|(put, _)| **put == PlacePut::Done).map(|(_, place)| place).collect();
        assert_eq!(done.len(), 1, "{puts:?}");
        assert!(puts.iter().all(|put| matches!(put, PlacePut::Done | PlacePut::Mismatch(Some(_)))), "{puts:?}");
        assert_eq!(stage.store.place(&stage.site, &done[0].id).await.unwrap().as_ref(), Some(done[0]));
    }
}

async fn a_site_has_so_many_places_and_is_not_deleted_before_them(store: Arc<dyn Store>) {
    let stage = Stage::new(store.clone()).await;
    let places: Vec<Place> = (0..MOST_PLACES).map(|number| place(&stage, &number.to_string(), 1)).collect();
    for place in &places {
        assert_eq!(put(&stage, place).await, PlacePut::Done);
    }
    assert_eq!(put(&stage, &place(&stage, "more", 1)).await, PlacePut::TooMany);
    assert_eq!(put(&stage, &place(&stage, "7", 2)).await, PlacePut::Done, "one that is there may change");
    for place in &places {
        assert_eq!(store.delete_site(&stage.site).await.unwrap(), SiteDeletion::HasPlaces);
        assert!(delete(&stage, place).await);
    }
    assert_eq!(store.delete_site(&stage.site).await.unwrap(), SiteDeletion::Done);
}
