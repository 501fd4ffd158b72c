//! Announced articles.

use std::{collections::BTreeMap, sync::Arc};

use sawt::{
    article::{Announced, ArticleAddress, ArticleCursor, ArticleKey, SECTION, TITLE},
    poll::{SiteId, Text, Timestamp},
    site::SiteSettings,
    store::{ArticlePutting, SiteDeletion, Store},
};

use crate::store::stage::{Stage, at_once, unused_site};

crate::registry::store_rules![
    an_article_is_kept_as_it_was_announced_and_found_by_both_names,
    an_address_names_the_article_that_was_announced_last_with_it,
    no_two_articles_have_the_same_polls_however_often_an_address_is_used_again,
    articles_are_listed_by_when_they_were_published_from_anywhere_on,
    whatever_is_announced_and_taken_back_is_what_a_plain_list_would_hold,
    articles_go_with_their_site_and_none_is_kept_without_one,
];

const MOST: usize = 1_000;

pub(crate) fn article(id: &str, url: &str, published_at: i64) -> Announced {
    Announced {
        id: id.parse().unwrap(),
        title: Text::parse("مجلس الأمة يستأنف جلساته \"غدًا\"", TITLE).unwrap(),
        url: url.parse().unwrap(),
        address: url.parse().unwrap(),
        first_address: None,
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

/// An article whose polls are named by this address.
fn first_at(url: &str, article: Announced) -> Announced {
    Announced { first_address: Some(url.parse().unwrap()), ..article }
}

/// Puts an article; as it is kept.
pub(crate) async fn put(stage: &Stage, article: &Announced) -> Announced {
    match stage.store.put_article(&stage.site, article, MOST).await.unwrap() {
        ArticlePutting::Made(article) | ArticlePutting::Replaced(article) => article,
        ArticlePutting::NoSite => panic!("the site is gone"),
    }
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
        let kept = first_at(url, article.clone());
        let putting = if is_first { ArticlePutting::Made } else { ArticlePutting::Replaced };
        let put = async || stage.store.put_article(&stage.site, &article, MOST).await.unwrap();
        assert_eq!(put().await, putting(kept.clone()));
        assert_eq!(put().await, ArticlePutting::Replaced(kept.clone()));
        let article = kept;
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
    let first = put(&stage, &article("1", here, 1)).await;
    assert_eq!(first.key(), by_address(here));
    // It moves: what named its polls still does, and its first address leads to it, but no other it had meanwhile.
    put(&stage, &article("1", "https://news.example/meanwhile", 1)).await;
    let moved = put(&stage, &article("1", there, 1)).await;
    assert_eq!(moved, first_at(here, article("1", there, 1)));
    for (address, expected) in [(here, Some(&moved)), (there, Some(&moved)), ("https://news.example/meanwhile", None)] {
        assert_eq!(find(&stage, &by_address(address)).await.as_ref(), expected, "{address}");
    }
    // Another takes the place, but not the polls.
    let second = put(&stage, &article("2", here, 2)).await;
    assert_eq!(second, article("2", here, 2));
    assert_eq!(second.key(), by_id("2"));
    assert_eq!(find(&stage, &by_address(here)).await, Some(second.clone()));
    assert_eq!(put(&stage, &article("1", there, 1)).await, moved);
    assert_eq!(find(&stage, &by_address(here)).await, Some(second.clone()), "the first one stays elsewhere");
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

async fn no_two_articles_have_the_same_polls_however_often_an_address_is_used_again(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let (editorial, archive) = ("https://news.example/editorial", "https://news.example/archive");
    for id in ["101", "102", "103"] {
        let here = put(&stage, &article(id, editorial, 1)).await;
        let moved = put(&stage, &article(id, &format!("{archive}/{id}"), 1)).await;
        let named = if id == "101" { by_address(editorial) } else { by_id(id) };
        assert_eq!((here.key(), moved.key()), (named.clone(), named), "{id}");
    }
    // Once the first one is gone, its polls are nobody's.
    assert!(stage.store.delete_article(&stage.site, &"101".parse().unwrap()).await.unwrap());
    assert_eq!(put(&stage, &article("104", editorial, 1)).await.key(), by_address(editorial));
}

async fn articles_are_listed_by_when_they_were_published_from_anywhere_on(store: Arc<dyn Store>) {
    let (stage, other) = (Stage::new(store.clone()).await, Stage::new(store).await);
    put(&other, &article("z", "https://news.example/z", 9)).await;
    for (id, published_at) in [("b", 7), ("B", 7), ("a", 7), ("c", 3), ("d", 9)] {
        put(&stage, &article(id, &format!("https://news.example/{id}"), published_at)).await;
    }
    let page = async |before: Option<(i64, &str)>, limit| {
        let before = before.map(|(published_at, id)| ArticleCursor {
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

/// Whether an address is an article's first one.
fn is_first(address: &ArticleAddress, article: &Announced) -> bool {
    article.first_address.as_ref() == Some(address)
}

impl Plain {
    fn delete(&mut self, id: &str) -> bool {
        let Some(article) = self.articles.remove(id) else { return false };
        for address in std::iter::once(&article.address).chain(&article.first_address).map(ArticleAddress::as_str) {
            if self.addresses.get(address).is_some_and(|named| named == id) {
                self.addresses.remove(address);
            }
        }
        true
    }

    fn put(&mut self, article: &Announced, most: usize) -> ArticlePutting {
        let (id, before) = (article.id.to_string(), self.articles.get(article.id.as_str()).cloned());
        self.delete(&id);
        let is_free = !self.addresses.contains_key(article.address.as_str())
            && !self.articles.values().any(|other| is_first(&article.address, other));
        let first_address = match &before {
            Some(before) => before.first_address.clone(),
            None => is_free.then(|| article.address.clone()),
        };
        let article = &Announced { first_address, ..article.clone() };
        self.articles.insert(id.clone(), article.clone());
        if let Some(first) = &article.first_address {
            self.addresses.entry(first.to_string()).or_insert_with(|| id.clone());
        }
        self.addresses.insert(article.address.to_string(), id);
        while self.articles.len() > most {
            let others = self.articles.values().filter(|other| other.id != article.id);
            let first = others.min_by_key(|other| other.cursor()).unwrap().id.to_string();
            self.delete(&first);
        }
        let putting = if before.is_some() { ArticlePutting::Replaced } else { ArticlePutting::Made };
        putting(article.clone())
    }

    /// Those published last first.
    fn listed(&self) -> Vec<Announced> {
        let mut articles: Vec<_> = self.articles.values().cloned().collect();
        articles.sort_by_key(|article| std::cmp::Reverse(article.cursor()));
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
                    stage.store.put_article(&stage.site, &article, MOST).await.unwrap();
                }
            }
        });
        at_once(changes).await;
        stage.store.put_site(&stage.site, SiteSettings::default(), &[]).await.unwrap();
        for key in article.keys() {
            assert_eq!(find(&stage, &key).await, None, "a site that is made anew has none");
        }
        assert_eq!(stage.store.articles(&stage.site, None, 10).await.unwrap(), []);
        let putting = stage.store.put_article(&stage.site, &article, MOST).await.unwrap();
        assert!(matches!(putting, ArticlePutting::Made(_)), "{putting:?}");
    }
}
