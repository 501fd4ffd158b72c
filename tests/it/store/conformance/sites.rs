//! Sites and API keys.

use std::{slice, sync::Arc};

use sawt::{
    poll::{SiteId, Text, Timestamp},
    site::{ApiKey, NAME, NewKey, Scope, Scopes, Site, SiteSettings},
    store::Store,
};

use crate::store::stage::{Stage, unused_site};

crate::registry::store_rules![
    contact_prepares_the_default_site_and_may_be_made_again,
    a_site_is_made_once_and_then_replaced,
    a_site_nobody_put_is_none,
    a_key_is_kept_as_it_was_made,
    keys_are_listed_for_their_site_oldest_first,
    a_revoked_key_is_gone_at_once,
];

async fn contact_prepares_the_default_site_and_may_be_made_again(store: Arc<dyn Store>) {
    store.contact().await.unwrap();
    let site = store.site(&SiteId::default()).await.unwrap();
    assert!(site.is_some());
    store.contact().await.unwrap();
    assert_eq!(store.site(&SiteId::default()).await.unwrap(), site);
}

async fn a_site_is_made_once_and_then_replaced(store: Arc<dyn Store>) {
    let id = unused_site();
    let settings = |origins: &[&str], timezone: &str, name: Option<&str>, url: Option<&str>| SiteSettings {
        origins: origins.iter().map(|name| name.parse().unwrap()).collect(),
        timezone: timezone.parse().unwrap(),
        name: name.map(|name| Text::parse(name, NAME).unwrap()),
        url: url.map(|url| url.parse().unwrap()),
    };
    let before = store.now().await.unwrap();
    let name = Some("جريدة \"الراي\"");
    let first = settings(&["https://news.example"], "Asia/Kuwait", name, Some("https://news.example/"));
    let (made, is_new) = store.put_site(&id, first.clone()).await.unwrap();
    let after = store.now().await.unwrap();
    assert!(is_new && (before..=after).contains(&made.created_at), "made by the store's clock");
    let Site { created_at, .. } = made;
    assert_eq!(made, Site { id: id.clone(), settings: first, created_at, updated_at: created_at });
    assert_eq!(store.site(&id).await.unwrap(), Some(made));

    let other = settings(&["http://localhost:3000", "https://xn--mgbh0fb.example"], "UTC", None, None);
    for _ in 0..2 {
        let (replaced, is_new) = store.put_site(&id, other.clone()).await.unwrap();
        assert!(!is_new);
        assert_eq!((replaced.created_at, &replaced.settings), (created_at, &other));
        assert!(replaced.updated_at >= after);
        assert_eq!(store.site(&id).await.unwrap(), Some(replaced));
    }
}

async fn a_site_nobody_put_is_none(store: Arc<dyn Store>) {
    assert_eq!(store.site(&unused_site()).await.unwrap(), None);
    assert!(store.polls(&unused_site(), None, 10).await.unwrap().is_empty());
    assert!(store.keys(&unused_site()).await.unwrap().is_empty());
}

fn key(site: &SiteId, name: Option<&str>, created_at: i64) -> ApiKey {
    let scopes = Scopes::from(vec![Scope::PollsWrite, Scope::ResultsRead]);
    NewKey::generate(site.clone(), scopes, name.map(str::to_owned), Timestamp::from_millis(created_at)).key
}

async fn a_key_is_kept_as_it_was_made(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    for name in [None, Some("مفتاح \"المحرر\"")] {
        let key = key(&stage.site, name, 1_700_000_000_123);
        assert_eq!(stage.store.key(&key.id).await.unwrap(), None);
        for _ in 0..2 {
            stage.store.add_key(&key).await.unwrap();
            assert_eq!(stage.store.key(&key.id).await.unwrap(), Some(key.clone()));
        }
    }
    assert_eq!(stage.store.keys(&stage.site).await.unwrap().len(), 2);
}

async fn keys_are_listed_for_their_site_oldest_first(store: Arc<dyn Store>) {
    let (stage, other) = (Stage::new(store.clone()).await, Stage::new(store).await);
    let keys: Vec<ApiKey> = (0..5).map(|age| key(&stage.site, None, 1_700_000_000_000 + age)).collect();
    for place in [3, 0, 4, 1, 2] {
        stage.store.add_key(&keys[place]).await.unwrap();
    }
    let others = key(&other.site, None, 1_600_000_000_000);
    stage.store.add_key(&others).await.unwrap();
    assert_eq!(stage.store.keys(&stage.site).await.unwrap(), keys);
    assert_eq!(stage.store.keys(&other.site).await.unwrap(), [others]);
}

async fn a_revoked_key_is_gone_at_once(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let (revoked, kept) = (key(&stage.site, None, 1), key(&stage.site, None, 2));
    for key in [&revoked, &kept] {
        stage.store.add_key(key).await.unwrap();
    }
    assert!(stage.store.revoke_key(&revoked.id).await.unwrap());
    assert_eq!(stage.store.key(&revoked.id).await.unwrap(), None);
    assert_eq!(stage.store.keys(&stage.site).await.unwrap(), slice::from_ref(&kept));
    assert!(!stage.store.revoke_key(&revoked.id).await.unwrap());
    assert_eq!(stage.store.key(&kept.id).await.unwrap(), Some(kept));
}
