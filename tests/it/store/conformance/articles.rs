//! Announced articles.

use std::{collections::BTreeMap, sync::Arc};

use sawt::{
    article::{Announced, ArticleKey, ArticlePlace, SECTION, TITLE},
    poll::{SiteId, Text, Timestamp},
    site::SiteSettings,
    store::{ArticlePutting, SiteDeletion, Store},
};

use crate::store::stage::{Stage, at_once, unused_site};

crate::registry::store_rules![
    an_article_is_kept_as_it_was_announced_and_found_by_both_names,
    an_address_names_the_article_that_was_announced_last_with_it,
    articles_are_listed_by_when_they_were_published_from_anywhere_on,
    whatever_is_announced_and_taken_back_is_what_a_plain_list_would_hold,
    articles_go_with_their_site_and_none_is_kept_without_one,
];

const MOST: usize = 1_000;

fn article(id: &str, url: &str, published_at: i64) -> Announced {
    Announced {
        id: id.parse().unwrap(),
        title: Text::parse("مجلس الأمة يستأنف جلساته \"غدًا\"", TITLE).unwrap(),
        url: url.parse().unwrap(),
        address: url.parse().unwrap(),
        section: (published_at % 2 == 0).then(|| Text::parse("محليات", SECTION).unwrap()),
        published_at: Timestamp::from_millis(published_at),
        announced_at: Timestamp::from_millis(published_at + 5),
    }
}

fn by_id(id: &str) -> ArticleKey {
    ArticleKey::Id(id.parse().unwrap())
}

fn by_address(url: &str) -> ArticleKey {
    ArticleKey::Address(url.parse().unwrap())
}

async fn put(stage: &Stage, article: &Announced) -> ArticlePutting {
    stage.store.put_article(&stage.site, article, MOST).await.unwrap()
}

async fn find(stage: &Stage, key: &ArticleKey) -> Option<Announced> {
    stage.store.article(&stage.site, key).await.unwrap()
}

async fn an_article_is_kept_as_it_was_announced_and_found_by_both_names(store: Arc<dyn Store>) {
    let (stage, other) = (Stage::new(store.clone()).await, Stage::new(store).await);
    let url = "https://news.example/محليات/1?b=c";
    for published_at in [1_795_899_306_264, 1_795_899_306_265] {
        let article = article("Kuna~1.2_3-4", url, published_at);
        let is_first = published_at % 2 == 0;
        let putting = if is_first { ArticlePutting::Made } else { ArticlePutting::Replaced };
        assert_eq!(put(&stage, &article).await, putting);
        assert_eq!(put(&stage, &article).await, ArticlePutting::Replaced);
        for key in [by_id("Kuna~1.2_3-4"), by_address(url), by_address("http://NEWS.example/محليات/1/?b=c#top")] {
            assert_eq!(find(&stage, &key).await, Some(article.clone()), "{key}");
            assert_eq!(find(&other, &key).await, None, "another site's");
        }
    }
    for nobodys in [by_id("kuna~1.2_3-4"), by_address("https://news.example/محليات/1")] {
        assert_eq!(find(&stage, &nobodys).await, None);
    }
}

async fn an_address_names_the_article_that_was_announced_last_with_it(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let (here, there) = ("https://news.example/here", "https://news.example/there");
    put(&stage, &article("1", here, 1)).await;
    // It moves, and another takes its place.
    let moved = article("1", there, 1);
    put(&stage, &moved).await;
    assert_eq!((find(&stage, &by_address(here)).await, find(&stage, &by_address(there)).await), (None, Some(moved)));
    let second = article("2", here, 2);
    put(&stage, &second).await;
    assert_eq!(find(&stage, &by_address(here)).await, Some(second.clone()));
    // Two of one address: the first one's going takes nothing from the second.
    put(&stage, &article("1", here, 1)).await;
    put(&stage, &second).await;
    assert!(stage.store.delete_article(&stage.site, &"1".parse().unwrap()).await.unwrap());
    assert_eq!(find(&stage, &by_address(here)).await, Some(second));
    assert_eq!((find(&stage, &by_id("1")).await, find(&stage, &by_address(there)).await), (None, None));
    assert!(stage.store.delete_article(&stage.site, &"2".parse().unwrap()).await.unwrap());
    assert!(!stage.store.delete_article(&stage.site, &"2".parse().unwrap()).await.unwrap());
    assert_eq!(find(&stage, &by_address(here)).await, None);
}

async fn articles_are_listed_by_when_they_were_published_from_anywhere_on(store: Arc<dyn Store>) {
    let (stage, other) = (Stage::new(store.clone()).await, Stage::new(store).await);
    put(&other, &article("z", "https://news.example/z", 9)).await;
    for (id, published_at) in [("b", 7), ("B", 7), ("a", 7), ("c", 3), ("d", 9)] {
        put(&stage, &article(id, &format!("https://news.example/{id}"), published_at)).await;
    }
    let page = async |before: Option<(i64, &str)>, limit| {
        let before = before.map(|(published_at, id)| ArticlePlace {
            published_at: Timestamp::from_millis(published_at),
            id: id.parse().unwrap(),
        });
        let articles = stage.store.articles(&stage.site, before.as_ref(), limit).await.unwrap();
        articles.iter().map(|article| article.id.to_string()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(page(None, 2).await, "d b");
    assert_eq!(page(None, 100).await, "d b a B c");
    for (before, rest) in [
        ((9, "d"), "b a B c"),
        ((7, "b"), "a B c"),
        ((7, "a"), "B c"),
        ((7, "B"), "c"),
        ((3, "c"), ""),
        // Where no article stands, or stands no longer.
        ((7, "aa"), "a B c"),
        ((7, "d"), "b a B c"),
        ((8, "c"), "b a B c"),
        ((5, "d"), "c"),
        ((1, "x"), ""),
        ((99, "x"), "d b a B c"),
    ] {
        assert_eq!(page(Some(before), 100).await, rest, "{before:?}");
        assert_eq!(page(Some(before), 1).await, rest.split(' ').next().unwrap(), "{before:?}");
    }
    assert_eq!(stage.store.articles(&unused_site(), None, 10).await.unwrap(), []);
}

/// A plain list: articles by their ids, and which of them an address names.
#[derive(Default)]
struct Plain {
    articles: BTreeMap<String, Announced>,
    addresses: BTreeMap<String, String>,
}

impl Plain {
    fn delete(&mut self, id: &str) -> bool {
        let Some(article) = self.articles.remove(id) else { return false };
        let address = article.address.as_str();
        if self.addresses.get(address).is_some_and(|named| named == id) {
            self.addresses.remove(address);
        }
        true
    }

    fn put(&mut self, article: &Announced, most: usize) -> ArticlePutting {
        let is_replaced = self.delete(article.id.as_str());
        self.articles.insert(article.id.to_string(), article.clone());
        self.addresses.insert(article.address.to_string(), article.id.to_string());
        while self.articles.len() > most {
            let others = self.articles.values().filter(|other| other.id != article.id);
            let first = others.min_by_key(|other| other.place()).unwrap().id.to_string();
            self.delete(&first);
        }
        if is_replaced { ArticlePutting::Replaced } else { ArticlePutting::Made }
    }

    /// Those published last first.
    fn listed(&self) -> Vec<Announced> {
        let mut articles: Vec<_> = self.articles.values().cloned().collect();
        articles.sort_by_key(|article| std::cmp::Reverse(article.place()));
        articles
    }
}

/// Few names, few moments and little room, so that all of it meets.
async fn whatever_is_announced_and_taken_back_is_what_a_plain_list_would_hold(store: Arc<dyn Store>) {
    let (stage, mut plain) = (Stage::new(store).await, Plain::default());
    // Any numbers do, as long as each run has the same.
    let mut state = 7_u64;
    let mut below = |most: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % most
    };
    for step in 0..300 {
        let (id, url) = (format!("a{}", below(6)), format!("https://news.example/{}", below(6)));
        if below(4) == 0 {
            let deleted = stage.store.delete_article(&stage.site, &id.parse().unwrap()).await.unwrap();
            assert_eq!(deleted, plain.delete(&id), "step {step}");
        } else {
            let article = article(&id, &url, below(4).cast_signed());
            let most = 3 + usize::try_from(below(2)).unwrap();
            let putting = stage.store.put_article(&stage.site, &article, most).await.unwrap();
            assert_eq!(putting, plain.put(&article, most), "step {step}");
        }
        assert_eq!(stage.store.articles(&stage.site, None, 10).await.unwrap(), plain.listed(), "step {step}");
        let named = plain.addresses.get(&url).map(|id| plain.articles[id].clone());
        assert_eq!(find(&stage, &by_address(&url)).await, named, "step {step}");
    }
}

async fn articles_go_with_their_site_and_none_is_kept_without_one(store: Arc<dyn Store>) {
    let article = article("1", "https://news.example/1", 1);
    let nowhere: SiteId = unused_site();
    assert_eq!(store.put_article(&nowhere, &article, MOST).await.unwrap(), ArticlePutting::NoSite);
    assert_eq!(store.article(&nowhere, &by_id("1")).await.unwrap(), None);
    for _ in 0..10 {
        let stage = Stage::new(store.clone()).await;
        put(&stage, &article).await;
        let changes = (0..4).map(|number| {
            let (stage, article) = (stage.clone(), article.clone());
            async move {
                if number == 2 {
                    assert_eq!(stage.store.delete_site(&stage.site).await.unwrap(), SiteDeletion::Done);
                } else {
                    put(&stage, &article).await;
                }
            }
        });
        at_once(changes).await;
        stage.store.put_site(&stage.site, SiteSettings::default(), &[]).await.unwrap();
        for key in article.keys() {
            assert_eq!(find(&stage, &key).await, None, "a site that is made anew has none");
        }
        assert_eq!(stage.store.articles(&stage.site, None, 10).await.unwrap(), []);
        assert_eq!(put(&stage, &article).await, ArticlePutting::Made);
    }
}
