//! Sites and API keys.

use std::{slice, sync::Arc};

use sawt::{
    article::AddressRules,
    poll::{Disclosure, IncidentPolicy, PollDefaults, ResultsPolicy, SiteId, Text, Timestamp, WorkPolicy},
    site::{Actor, ApiKey, NAME, NewEvent, NewKey, Scope, Scopes, Site, SiteLook, SiteSettings},
    store::{Creation, SiteDeletion, SiteReplacement, Store, StoreError},
};

use crate::store::stage::{Stage, at_once, unused_site, yes_or_no};

crate::registry::store_rules![
    contact_prepares_the_default_site_and_may_be_made_again,
    a_site_is_made_once_and_then_replaced,
    of_two_who_change_a_site_at_once_the_second_is_told,
    a_site_nobody_put_is_none,
    a_key_is_kept_as_it_was_made,
    keys_are_listed_for_their_site_oldest_first,
    a_revoked_key_is_gone_at_once,
    sites_are_listed_by_id_from_anywhere_on,
    a_site_is_deleted_only_if_it_has_neither_polls_nor_keys,
    nothing_is_made_on_a_site_that_is_not_there,
    what_is_made_while_its_site_is_deleted_keeps_the_site_or_is_refused,
    a_site_put_while_it_is_deleted_is_listed_if_it_is_there,
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
        look: SiteLook { accent: name.map(|_| "#8a1c2b".parse().unwrap()), ..SiteLook::default() },
        addresses: AddressRules {
            parameters: name.map(|_| "amp".to_owned()).into_iter().collect(),
            ..AddressRules::default()
        },
        disclosure: name.map(|name| Disclosure { asked_by: Text::parse(name, NAME).ok(), ..Disclosure::default() }),
        incidents: name.map_or_else(IncidentPolicy::default, |_| IncidentPolicy::Hold),
        proof_of_work: name.map_or_else(WorkPolicy::default, |_| WorkPolicy::Always),
        poll_defaults: name.map_or_else(PollDefaults::default, |_| PollDefaults {
            results: Some(ResultsPolicy::AfterVote),
            language: "fr".parse().ok(),
        }),
    };
    let before = store.now().await.unwrap();
    let name = Some("جريدة \"الراي\"");
    let first = settings(&["https://news.example"], "Asia/Kuwait", name, Some("https://news.example/"));
    let (made, is_new) = store.put_site(&id, first.clone(), &[]).await.unwrap();
    let after = store.now().await.unwrap();
    assert!(is_new && (before..=after).contains(&made.created_at), "made by the store's clock");
    let Site { created_at, .. } = made;
    assert_eq!(made, Site { id: id.clone(), settings: first, created_at, updated_at: created_at });
    assert_eq!(store.site(&id).await.unwrap(), Some(made));

    let other = settings(&["http://localhost:3000", "https://xn--mgbh0fb.example"], "UTC", None, None);
    for _ in 0..2 {
        let (replaced, is_new) = store.put_site(&id, other.clone(), &[]).await.unwrap();
        assert!(!is_new);
        assert_eq!((replaced.created_at, &replaced.settings), (created_at, &other));
        assert!(replaced.updated_at >= after);
        assert_eq!(store.site(&id).await.unwrap(), Some(replaced));
    }
}

async fn of_two_who_change_a_site_at_once_the_second_is_told(store: Arc<dyn Store>) {
    let id = unused_site();
    let settings = |zone: &str| SiteSettings { timezone: zone.parse().unwrap(), ..SiteSettings::default() };
    let gone = store.replace_site(&id, settings("UTC"), None, &[]).await.unwrap();
    assert_eq!((gone, store.site(&id).await.unwrap()), (SiteReplacement::Gone, None), "none is made");
    let (read, _) = store.put_site(&id, settings("UTC"), &[]).await.unwrap();
    let version = Some(read.updated_at);
    let told = [NewEvent::of_site(Some(&read), &settings("Asia/Kuwait"), &Actor::Admin, read.updated_at)];
    let SiteReplacement::Done(first) = store.replace_site(&id, settings("Asia/Kuwait"), version, &told).await.unwrap()
    else {
        panic!("it was as it was read");
    };
    assert!(first.updated_at > read.updated_at && first.created_at == read.created_at);
    assert_eq!(store.site(&id).await.unwrap().as_ref(), Some(&first));
    let second = store.replace_site(&id, settings("Africa/Cairo"), version, &told).await.unwrap();
    assert_eq!(second, SiteReplacement::Changed(first.clone()));
    // The answer to the first may have been lost: the same again is answered alike, and changes nothing.
    let again = store.replace_site(&id, settings("Asia/Kuwait"), version, &told).await.unwrap();
    assert_eq!(again, SiteReplacement::Done(first.clone()));
    assert_eq!(store.site(&id).await.unwrap(), Some(first.clone()));
    let told = store.events(&id, None, 10).await.unwrap();
    assert_eq!(told.len(), 1, "one change was made, and told: {told:?}");
    // Changes within one millisecond, or by a clock that was set back, have a version each.
    let mut last = first.updated_at;
    for zone in ["UTC", "Asia/Kuwait", "UTC", "Asia/Kuwait"] {
        let SiteReplacement::Done(site) = store.replace_site(&id, settings(zone), None, &[]).await.unwrap() else {
            panic!("it is there, whatever its version");
        };
        let (put, _) = store.put_site(&id, settings(zone), &[]).await.unwrap();
        assert!(last < site.updated_at && site.updated_at < put.updated_at);
        last = put.updated_at;
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
            assert!(stage.store.add_key(&key, &[]).await.unwrap());
            assert_eq!(stage.store.key(&key.id).await.unwrap(), Some(key.clone()));
        }
    }
    assert_eq!(stage.store.keys(&stage.site).await.unwrap().len(), 2);
}

async fn keys_are_listed_for_their_site_oldest_first(store: Arc<dyn Store>) {
    let (stage, other) = (Stage::new(store.clone()).await, Stage::new(store).await);
    let keys: Vec<ApiKey> = (0..5).map(|age| key(&stage.site, None, 1_700_000_000_000 + age)).collect();
    for place in [3, 0, 4, 1, 2] {
        assert!(stage.store.add_key(&keys[place], &[]).await.unwrap());
    }
    let others = key(&other.site, None, 1_600_000_000_000);
    assert!(stage.store.add_key(&others, &[]).await.unwrap());
    assert_eq!(stage.store.keys(&stage.site).await.unwrap(), keys);
    assert_eq!(stage.store.keys(&other.site).await.unwrap(), [others]);
}

async fn a_revoked_key_is_gone_at_once(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let (revoked, kept) = (key(&stage.site, None, 1), key(&stage.site, None, 2));
    for key in [&revoked, &kept] {
        assert!(stage.store.add_key(key, &[]).await.unwrap());
    }
    assert!(stage.store.revoke_key(&revoked.id, &[]).await.unwrap());
    assert_eq!(stage.store.key(&revoked.id).await.unwrap(), None);
    assert_eq!(stage.store.keys(&stage.site).await.unwrap(), slice::from_ref(&kept));
    assert!(!stage.store.revoke_key(&revoked.id, &[]).await.unwrap());
    assert_eq!(stage.store.key(&kept.id).await.unwrap(), Some(kept));
}

async fn sites_are_listed_by_id_from_anywhere_on(store: Arc<dyn Store>) {
    let base = unused_site();
    let ids: Vec<SiteId> = (1..=5).map(|number| format!("{base}-{number}").parse().unwrap()).collect();
    for place in [3, 0, 4, 1, 2] {
        store.put_site(&ids[place], SiteSettings::default(), &[]).await.unwrap();
    }
    assert_eq!(store.delete_site(&ids[1]).await.unwrap(), SiteDeletion::Done);
    let page = async |after: &SiteId, limit| {
        let sites = store.sites(Some(after), limit).await.unwrap();
        sites.into_iter().map(|site| site.id).collect::<Vec<_>>()
    };
    assert_eq!(page(&base, 2).await, [ids[0].clone(), ids[2].clone()], "after one that need not be there");
    assert_eq!(page(&ids[2], 2).await, [ids[3].clone(), ids[4].clone()]);
    assert!(!page(&ids[4], 100).await.contains(&ids[4]));
    let first = store.sites(None, 1).await.unwrap();
    assert!(first.len() == 1 && first[0].id <= ids[0]);
    assert_eq!(store.sites(Some(&base), 1).await.unwrap(), [store.site(&ids[0]).await.unwrap().unwrap()]);
}

async fn a_site_is_deleted_only_if_it_has_neither_polls_nor_keys(store: Arc<dyn Store>) {
    let stage = Stage::new(store).await;
    let delete = async || stage.store.delete_site(&stage.site).await.unwrap();
    let (poll, key) = (stage.poll(yes_or_no()).await, key(&stage.site, None, 1));
    assert!(stage.store.add_key(&key, &[]).await.unwrap());
    assert_eq!(delete().await, SiteDeletion::HasPolls);
    assert!(stage.store.delete_poll(poll.id, &[]).await.unwrap());
    assert_eq!(delete().await, SiteDeletion::HasKeys);
    assert!(stage.store.site(&stage.site).await.unwrap().is_some());
    assert!(stage.store.revoke_key(&key.id, &[]).await.unwrap());
    assert_eq!(delete().await, SiteDeletion::Done);
    assert_eq!(stage.store.site(&stage.site).await.unwrap(), None);
    assert_eq!(delete().await, SiteDeletion::Gone);
    let (_, is_made) = stage.store.put_site(&stage.site, SiteSettings::default(), &[]).await.unwrap();
    assert!(is_made, "and another may have its id");
}

async fn nothing_is_made_on_a_site_that_is_not_there(store: Arc<dyn Store>) {
    let stage = Stage { store, site: unused_site() };
    let (poll, key) = (stage.draw_up(yes_or_no()).await, key(&stage.site, None, 1));
    assert_eq!(stage.store.create_poll(&poll, None, &[]).await.unwrap(), Creation::NoSite);
    assert_eq!((stage.store.poll(poll.id).await.unwrap(), stage.store.owner(poll.id).await.unwrap()), (None, None));
    assert!(!stage.store.add_key(&key, &[]).await.unwrap());
    assert_eq!(stage.store.key(&key.id).await.unwrap(), None);
}

/// Or nobody would find it again.
async fn what_is_made_while_its_site_is_deleted_keeps_the_site_or_is_refused(store: Arc<dyn Store>) {
    for round in 0..30 {
        let stage = Stage::new(store.clone()).await;
        let (poll, key) = (stage.draw_up(yes_or_no()).await, key(&stage.site, None, 1));
        let has_key = round % 2 == 0;
        let make = tokio::spawn({
            let (stage, poll, key) = (stage.clone(), poll.clone(), key.clone());
            async move {
                let made = if has_key {
                    stage.store.add_key(&key, &[]).await
                } else {
                    stage.store.create_poll(&poll, None, &[]).await.map(|creation| creation != Creation::NoSite)
                };
                match made {
                    Err(StoreError::Unavailable(_)) => None,
                    made => Some(made.unwrap()),
                }
            }
        });
        let deletions = at_once((0..3).map(|_| {
            let stage = stage.clone();
            async move { stage.store.delete_site(&stage.site).await.unwrap() }
        }))
        .await;
        let is_made = make.await.unwrap();
        let is_there = if has_key {
            stage.store.key(&key.id).await.unwrap().is_some()
        } else {
            stage.store.poll(poll.id).await.unwrap().is_some()
        };
        let has_site = stage.store.site(&stage.site).await.unwrap().is_some();
        assert_eq!(is_made.unwrap_or_default(), is_there, "round {round}");
        assert!(has_site || !is_there, "round {round}: it is without a site");
        assert_eq!(!has_site, deletions.contains(&SiteDeletion::Done), "round {round}: {deletions:?}");
        let listed = stage.store.polls(&stage.site, None, 2).await.unwrap().len()
            + stage.store.keys(&stage.site).await.unwrap().len();
        assert_eq!(listed, usize::from(is_there), "round {round}");
    }
}

async fn a_site_put_while_it_is_deleted_is_listed_if_it_is_there(store: Arc<dyn Store>) {
    for _ in 0..20 {
        let (id, before) = (unused_site(), unused_site());
        let id: SiteId = format!("{before}-{id}").parse().unwrap();
        let change = |number: u32| {
            let (store, id) = (store.clone(), id.clone());
            async move {
                if number.is_multiple_of(2) {
                    _ = store.put_site(&id, SiteSettings::default(), &[]).await.unwrap();
                } else {
                    _ = store.delete_site(&id).await.unwrap();
                }
            }
        };
        at_once((0..8).map(change)).await;
        let listed = store.sites(Some(&before), 1).await.unwrap().first().is_some_and(|site| site.id == id);
        assert_eq!(listed, store.site(&id).await.unwrap().is_some());
    }
}
