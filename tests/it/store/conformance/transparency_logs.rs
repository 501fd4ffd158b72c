//! Transparency logs: one history, written in one step.

use std::{sync::Arc, time::Duration};

use sawt::{
    poll::SiteId,
    store::{LOG_HEAD, LOG_PUBLISHED, LogWrite, SiteDeletion, Store},
};

use crate::store::stage::Stage;

crate::registry::store_rules![
    of_those_who_go_on_from_one_place_of_a_log_one_does,
    a_log_is_written_by_who_has_its_lease_and_goes_with_its_site,
    a_log_is_published_as_it_is_and_never_as_it_was,
];

const LEASE: Duration = Duration::from_mins(1);

fn write(holder: &str, before: Option<&str>, after: &str) -> LogWrite {
    let file = |name: &str| (name.to_owned(), format!("{name} of {holder}\0\u{e9}").into_bytes());
    LogWrite {
        holder: holder.to_owned(),
        before: before.map(str::to_owned),
        after: after.to_owned(),
        head: format!("{{\"by\":\"{holder}\"}}").into_bytes(),
        files: vec![file("1/entries/0"), file("1/leaf/0")],
    }
}

async fn read(store: &dyn Store, site: &SiteId, name: &str) -> Option<String> {
    let found = store.log_files(site, &[name.to_owned(), "not there".to_owned()]).await.unwrap();
    let [file, None] = found.as_slice() else { panic!("{found:?}") };
    file.clone().map(|file| String::from_utf8(file).unwrap())
}

async fn of_those_who_go_on_from_one_place_of_a_log_one_does(store: Arc<dyn Store>) {
    let Stage { store, site } = Stage::new(store).await;
    assert_eq!(read(&*store, &site, LOG_HEAD).await, None);
    assert!(store.lease_log(&site, "one", LEASE).await.unwrap());
    assert!(!store.write_log(&site, &write("one", Some("1.4"), "1.5")).await.unwrap(), "it is elsewhere");
    // Whoever has no answer asks again.
    for _ in 0..2 {
        assert!(store.write_log(&site, &write("one", None, "1.2")).await.unwrap());
    }
    assert_eq!(read(&*store, &site, LOG_HEAD).await.as_deref(), Some("1.2 {\"by\":\"one\"}"));
    assert!(!store.write_log(&site, &write("one", None, "1.3")).await.unwrap(), "it has begun already");
    let mut both = [write("one", Some("1.2"), "1.3"), write("one", Some("1.2"), "1.4")];
    both[1].files[0].1 = b"the other's".to_vec();
    let done = futures_util::future::join_all(both.iter().map(|write| store.write_log(&site, write))).await;
    let done: Vec<bool> = done.into_iter().map(Result::unwrap).collect();
    assert!(done[0] != done[1], "{done:?}");
    let (head, entries) = (read(&*store, &site, LOG_HEAD).await, read(&*store, &site, "1/entries/0").await);
    let expected = if done[0] { ("1.3 ", "1/entries/0 of one\0é") } else { ("1.4 ", "the other's") };
    assert!(head.unwrap().starts_with(expected.0));
    assert_eq!(entries.as_deref(), Some(expected.1), "all of one's files, and none of the other's");
}

async fn a_log_is_written_by_who_has_its_lease_and_goes_with_its_site(store: Arc<dyn Store>) {
    let Stage { store, site } = Stage::new(store).await;
    assert!(store.lease_log(&site, "one", LEASE).await.unwrap());
    assert!(store.lease_log(&site, "one", LEASE).await.unwrap(), "held on to");
    assert!(!store.lease_log(&site, "two", LEASE).await.unwrap());
    assert!(!store.write_log(&site, &write("two", None, "1.1")).await.unwrap());
    store.return_log(&site, "two").await.unwrap();
    assert!(store.write_log(&site, &write("one", None, "1.1")).await.unwrap());
    store.return_log(&site, "one").await.unwrap();
    assert!(store.lease_log(&site, "two", LEASE).await.unwrap());
    assert!(!store.write_log(&site, &write("one", Some("1.1"), "1.2")).await.unwrap());
    assert!(store.write_log(&site, &write("two", Some("1.1"), "1.2")).await.unwrap());
    assert_eq!(store.delete_site(&site).await.unwrap(), SiteDeletion::Done);
    assert_eq!(read(&*store, &site, LOG_HEAD).await, None);
    assert!(!store.write_log(&site, &write("two", None, "1.3")).await.unwrap(), "the site is gone");
}

async fn a_log_is_published_as_it_is_and_never_as_it_was(store: Arc<dyn Store>) {
    let Stage { store, site } = Stage::new(store).await;
    assert!(!store.publish_log(&site, "1.2").await.unwrap(), "there is none");
    assert!(store.lease_log(&site, "one", LEASE).await.unwrap());
    assert!(store.write_log(&site, &write("one", None, "1.2")).await.unwrap());
    assert_eq!(read(&*store, &site, LOG_PUBLISHED).await, None);
    assert!(!store.publish_log(&site, "1.20").await.unwrap());
    for _ in 0..2 {
        assert!(store.publish_log(&site, "1.2").await.unwrap());
        assert_eq!(read(&*store, &site, LOG_PUBLISHED).await, read(&*store, &site, LOG_HEAD).await);
    }
    assert!(store.write_log(&site, &write("one", Some("1.2"), "1.3")).await.unwrap());
    assert!(read(&*store, &site, LOG_PUBLISHED).await.unwrap().starts_with("1.2 "));
    assert!(!store.publish_log(&site, "1.2").await.unwrap(), "whoever waited for so long is too late");
    assert!(store.publish_log(&site, "1.3").await.unwrap());
    assert_eq!(store.delete_site(&site).await.unwrap(), SiteDeletion::Done);
    assert!(!store.publish_log(&site, "1.3").await.unwrap());
    assert_eq!(read(&*store, &site, LOG_PUBLISHED).await, None);
}
