//! The form of every key.
//!
//! The braces are Redis Cluster's hash tags: the text between them decides the hash slot. All keys of one partition
//! share a tag, so one script can touch them all; partitions are placed in different parts of the hash slots, so a hot
//! poll spreads evenly over the cluster.

use std::fmt::Write as _;

use crate::{
    article::TemplateId,
    poll::{Partitions, Poll, PollId, SiteId},
    secret::{KeyHash, hex},
    site::{KeyId, Realm, WebhookId},
    store::{Measure, QuotaKey, TrendingWindow, WriterId},
};

/// A poll's definition: a hash of `revision`, `phase`, `closes_at` and `definition` (JSON); during a reshape also
/// `reshape` (JSON: the poll before and after), and after one `reshaped`, its revision. `told` is the stage of its life
/// that its site's log has reached, if that was ever told.
pub(super) fn poll(id: PollId) -> String {
    format!("sawt:{{{id}}}:poll")
}

/// The definition of a poll that is being deleted, until all else is gone; or, for a while, `abandoned`, if the making
/// of a poll was given up.
pub(super) fn deleting(id: PollId) -> String {
    format!("sawt:{{{id}}}:deleting")
}

/// What is told of a poll until it is carried to its site's log: a list of entries, each its name (a sequence number, a
/// point, and a number), the site, and the event (JSON), between spaces.
pub(super) fn poll_outbox(id: PollId) -> String {
    format!("sawt:{{{id}}}:outbox")
}

/// Outboxes that are looked through: a sorted set of their keys by the last sequence number that was given for each.
pub(super) const PENDING: &str = "sawt:{events}:pending";

/// The last sequence number that was given.
pub(super) const LAST_SEQUENCE: &str = "sawt:{events}:ticket";

/// Moves of polls that are due by the clock: a sorted set of `POLL MILLISECONDS` by the time.
pub(super) const DUE_MOVES: &str = "sawt:{events}:due";

/// Is there once polls that were made before there were logs are known to them.
pub(super) const LOGS_BEGUN: &str = "sawt:{events}:begun";

/// What is told of a key, as [`poll_outbox`].
pub(super) fn key_outbox(id: &KeyId) -> String {
    format!("sawt:key:{{{id}}}:outbox")
}

/// What is told of a partition's texts, as [`poll_outbox`].
pub(super) fn answers_outbox(poll: &Poll, partition: u16) -> String {
    of_partition(poll, partition, "outbox")
}

/// A partition's tally: a hash of `revision`, `phase`, `opens_at`, `closes_at`, `changeable`, `buckets`, `version`,
/// `ballots`, `made` (when its poll was made, in milliseconds, or when its making was first begun), one field of votes
/// per counter, named by its index, and `epoch` once that was raised; `labels`, once some don't count, has their bits,
/// and `uncounted` how many ballots these have, which are not in `ballots` and votes. While it is being deleted, only
/// `buckets` and `made`.
pub(super) fn tally(poll: &Poll, partition: u16) -> String {
    of_partition(poll, partition, "tally")
}

/// The same, of a poll of which only the id and the partitions are known.
pub(super) fn tally_of(id: PollId, partitions: &Partitions, partition: u16) -> String {
    of_one(id, partitions, partition, "tally")
}

/// A partition's timeline: a hash of `MINUTE:INDEX` (minutes since the epoch, and a counter's index; `b` counts
/// ballots) to the change in that minute, whether ballots count or not. `b` is there for every minute with any change.
/// Of ballots with a label there is also the change in the minute, `MINUTE:LABEL.INDEX`, and the sum, `LABEL.INDEX`;
/// and of texts how many of these say each, `LABEL.tID`.
pub(super) fn minutes(poll: &Poll, partition: u16) -> String {
    of_partition(poll, partition, "minutes")
}

/// What a partition's ballots say in voters' own words: a hash of 8-byte ids to a letter for what readers are shown of
/// each text, how many ballots say it, a colon, and the text.
pub(super) fn answers(poll: &Poll, partition: u16) -> String {
    of_partition(poll, partition, "answers")
}

/// One bucket of a partition's ballots: a hash of 8-byte voter digests to each ballot, as the poll's codec writes it.
/// A ballot with a label has a character 64 above the label after the digits, or 0xFE and the label before the bytes.
/// One that brought a text has a colon after that, and the text's id, unless the text was not kept.
pub(super) fn voters(poll: &Poll, partition: u16, bucket: u32) -> String {
    let mut key = voters_prefix(poll, partition);
    // Writing to a String can't fail.
    let _ = write!(key, "{bucket}");
    key
}

/// The common beginning of all bucket keys of a partition; the bucket's number follows.
pub(super) fn voters_prefix(poll: &Poll, partition: u16) -> String {
    of_partition(poll, partition, "voters:")
}

/// A key of one partition. Its tag has a suffix if the partition was [placed](super::placement).
fn of_partition(Poll { id, partitions, .. }: &Poll, partition: u16, what: &str) -> String {
    of_one(*id, partitions, partition, what)
}

fn of_one(id: PollId, partitions: &Partitions, partition: u16, what: &str) -> String {
    match partitions.suffix(partition) {
        None => format!("sawt:{{{id}.{partition}}}:{what}"),
        Some(suffix) => format!("sawt:{{{id}.{partition}.{suffix}}}:{what}"),
    }
}

/// The channel for a poll's tallies.
pub(super) fn tallies_channel(id: PollId) -> String {
    format!("{CHANNEL_START}{id}{CHANNEL_END}")
}

/// The poll of such a channel; `None` for any other.
pub(super) fn poll_of_channel(channel: &[u8]) -> Option<PollId> {
    std::str::from_utf8(channel).ok()?.strip_prefix(CHANNEL_START)?.strip_suffix(CHANNEL_END)?.parse().ok()
}

/// The channel for everything else.
pub(super) const CHANGES_CHANNEL: &str = "sawt:{changes}";

const CHANNEL_START: &str = "sawt:{";
const CHANNEL_END: &str = "}:tallies";

/// All sites that were ever put: a sorted set of ids, all with score 0, so that they sort by id.
pub(super) const SITES: &str = "sawt:{sites}";

/// A site: a hash of `origins`, `name`, `url`, `look` and `addresses` (JSON), `timezone`, `created_at` and `updated_at`
/// (milliseconds), and `listed` once [`SITES`] has it.
pub(super) fn site(id: &SiteId) -> String {
    format!("sawt:site:{{{id}}}")
}

/// A site's polls: a sorted set of ids by the time they were created (milliseconds). Earlier versions wrote 0.
pub(super) fn site_polls(id: &SiteId) -> String {
    format!("sawt:site:{{{id}}}:polls")
}

/// A site's API keys: a set of key ids.
pub(super) fn site_keys(id: &SiteId) -> String {
    format!("sawt:site:{{{id}}}:keys")
}

/// How often a site's polls were seen: a hash of ids to views.
pub(super) fn site_views(id: &SiteId) -> String {
    format!("sawt:site:{{{id}}}:views")
}

/// What of a site ranks by a measure in a window: a sorted set of items.
pub(super) fn ranking(id: &SiteId, measure: Measure, window: TrendingWindow) -> String {
    format!("sawt:site:{{{id}}}:trending:{}:{}", measure.as_str(), window.as_str())
}

/// The moment that a site's scores are counted from: a hash of a window's number to milliseconds.
pub(super) fn landmarks(id: &SiteId) -> String {
    format!("sawt:site:{{{id}}}:landmarks")
}

/// The number of the last batch of views that a writer has sent for a site; expires by itself.
pub(super) fn last_batch(id: &SiteId, writer: WriterId) -> String {
    format!("sawt:site:{{{id}}}:batch:{}", hex(&writer.0))
}

/// A site's announced articles: a hash of ids to records, each the digest of the article's address and then JSON.
pub(super) fn site_articles(id: &SiteId) -> String {
    format!("sawt:site:{{{id}}}:articles")
}

/// Which article an address names: a hash of the addresses' digests to ids, as `put_article.lua` has it.
pub(super) fn site_addresses(id: &SiteId) -> String {
    format!("sawt:site:{{{id}}}:addresses")
}

/// The order of a site's articles: a sorted set of ids by the time they were published (milliseconds).
pub(super) fn site_article_places(id: &SiteId) -> String {
    format!("sawt:site:{{{id}}}:places")
}

/// A site's templates: a hash of ids to definitions (JSON); an empty one is being deleted.
pub(super) fn templates(id: &SiteId) -> String {
    format!("sawt:site:{{{id}}}:templates")
}

/// The polls of a template. Sorted sets of polls by the moment they were made, which no two share: those that take
/// votes; of these the provisional ones; those whose voters are forgotten. Then a hash of provisional polls to eight
/// bytes for each client that has voted there; and again a sorted set, of polls that are being deleted.
pub(super) fn article_polls(site: &SiteId, template: &TemplateId) -> [String; 5] {
    ["open", "provisional", "old", "clients", "going"]
        .map(|what| format!("sawt:site:{{{site}}}:template:{template}:{what}"))
}

/// A site's places: a hash of ids to records, each its revision, a space, and then JSON.
pub(super) fn places(id: &SiteId) -> String {
    format!("sawt:site:{{{id}}}:calendars")
}

/// Sites that have webhooks, and perhaps some that had: a set.
pub(super) const SITES_WITH_WEBHOOKS: &str = "sawt:{events}:webhooks";

/// A site's webhooks: a hash of ids to records, each its revision, a space, and then JSON.
pub(super) fn webhooks(id: &SiteId) -> String {
    format!("sawt:site:{{{id}}}:webhooks")
}

/// The cursors of a site's webhooks: a hash of ids to ids of events.
pub(super) fn webhook_cursors(id: &SiteId) -> String {
    format!("sawt:site:{{{id}}}:webhook-cursors")
}

/// Who delivers for a site, until it expires.
pub(super) fn webhook_lease(id: &SiteId) -> String {
    format!("sawt:site:{{{id}}}:webhook-lease")
}

/// A webhook's deliveries: a hash of ids of events to records, each its revision, a space, and then JSON; those that
/// wait, a sorted set by when they are due (milliseconds); and all, a sorted set by the event.
pub(super) fn deliveries(site: &SiteId, webhook: &WebhookId) -> [String; 3] {
    ["deliveries", "due", "kept"].map(|what| format!("sawt:site:{{{site}}}:webhook:{webhook}:{what}"))
}

/// Who writes a site's transparency log, until it expires.
pub(super) fn transparency_lease(id: &SiteId) -> String {
    format!("sawt:site:{{{id}}}:transparency-lease")
}

/// A site's transparency log: a hash of files by their names, and `awaited`, the place that replicas were waited for
/// at.
pub(super) fn transparency_log(id: &SiteId) -> String {
    format!("sawt:site:{{{id}}}:transparency")
}

/// A site's log: a stream, each entry with one field, `event` (JSON).
pub(super) fn site_log(id: &SiteId) -> String {
    format!("sawt:site:{{{id}}}:events")
}

/// Which entries are in a site's log and may be carried to it again: a sorted set of names by the time until which they
/// are known (seconds).
pub(super) fn relayed(id: &SiteId) -> String {
    format!("sawt:site:{{{id}}}:relayed")
}

/// The poll that an idempotency key of a site made: `POLL REQUEST`, the poll's id and the request's hash.
pub(super) fn idempotency(id: &SiteId, key: KeyHash) -> String {
    format!("sawt:site:{{{id}}}:idempotency:{}", key.to_hex())
}

/// An API key: JSON; for a while empty, if its making was given up.
pub(super) fn api_key(id: &KeyId) -> String {
    format!("sawt:key:{{{id}}}")
}

/// A session of the newsroom, by the hash of what its browser holds: JSON; expires by itself.
pub(super) fn session(hash: KeyHash) -> String {
    format!("sawt:session:{{{}}}", hash.to_hex())
}

/// A session that was ended a moment ago: the name of the call that ended it, a space, and the session (JSON).
pub(super) fn ended_session(hash: KeyHash) -> String {
    format!("sawt:session:{{{}}}:ended", hash.to_hex())
}

/// What is told of a session, as [`poll_outbox`].
pub(super) fn session_outbox(hash: KeyHash) -> String {
    format!("sawt:session:{{{}}}:outbox", hash.to_hex())
}

/// The sessions of those who have business in a realm: a sorted set of the hashes by when each ends, in milliseconds.
/// Those that were ended may still be listed.
pub(super) fn sessions_in(realm: &Realm) -> String {
    match realm {
        Realm::Everywhere => "sawt:{*}:sessions".to_owned(),
        Realm::Site(site) => format!("sawt:sessions:{{{site}}}"),
    }
}

/// A shared quota of one client: when it is whole again, in microseconds since 1970. The key holds a hash of the
/// client, and expires by itself.
pub(super) fn quota(name: &str, key: &QuotaKey) -> String {
    format!("sawt:quota:{{{name}.{}}}", key.to_hex())
}
