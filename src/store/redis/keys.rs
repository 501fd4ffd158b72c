//! Every key's shape, and nothing else's business.
//!
//! The braces are Redis Cluster's hash tags: what stands between them decides the hash slot. All keys of one partition
//! share a tag, so one script call can touch them all, and partitions are placed in different parts of the hash slots, so
//! one hot poll spreads evenly over the cluster.

use std::fmt::Write as _;

use crate::{
    poll::{Poll, PollId, SiteId},
    secret::KeyHash,
    site::KeyId,
    store::LeaseKey,
};

/// A poll's definition: a hash of `revision`, `phase`, `closes_at` and `definition` (JSON); while the poll is reshaped,
/// `reshape` (JSON: the poll before and after); and once it was, `reshaped`, the revision that did it.
pub(super) fn poll(id: PollId) -> String {
    format!("sawt:{{{id}}}:poll")
}

/// The definition of a poll that is being deleted, until nothing else is left of it; or `abandoned`, for a while, of one
/// whose making was given up.
pub(super) fn deleting(id: PollId) -> String {
    format!("sawt:{{{id}}}:deleting")
}

/// A partition's tally: a hash of `revision`, `phase`, `opens_at`, `closes_at`, `changeable`, `buckets`, `version`,
/// `ballots`, `made` (when its poll was, in milliseconds), one field of votes per counter, its index, and `epoch` once that was raised.
/// While it is being forgotten, `buckets` and `made` alone.
pub(super) fn tally(poll: &Poll, partition: u16) -> String {
    of_partition(poll, partition, "tally")
}

/// A partition's timeline: a hash of `MINUTE:INDEX` (minutes since the epoch, and that of a counter; `b` counts ballots) to the
/// change in that minute. `b` is there for every minute in which anything moved.
pub(super) fn minutes(poll: &Poll, partition: u16) -> String {
    of_partition(poll, partition, "minutes")
}

/// One bucket of a partition's ballots: a hash of 8-byte voter digests to what the poll's codec keeps of their ballots.
pub(super) fn voters(poll: &Poll, partition: u16, bucket: u32) -> String {
    let mut key = voters_prefix(poll, partition);
    // Writing to a String can't fail.
    let _ = write!(key, "{bucket}");
    key
}

/// What the keys of all buckets of a partition begin with; the bucket's number follows.
pub(super) fn voters_prefix(poll: &Poll, partition: u16) -> String {
    of_partition(poll, partition, "voters:")
}

/// A key of one partition. Its tag has a suffix if the partition was [placed](super::placement).
fn of_partition(Poll { id, partitions, .. }: &Poll, partition: u16, what: &str) -> String {
    match partitions.suffix(partition) {
        None => format!("sawt:{{{id}.{partition}}}:{what}"),
        Some(suffix) => format!("sawt:{{{id}.{partition}.{suffix}}}:{what}"),
    }
}

/// The channel on which a poll's tallies are told.
pub(super) fn tallies_channel(id: PollId) -> String {
    format!("{CHANNEL_START}{id}{CHANNEL_END}")
}

/// The poll of a channel made so; `None` of any other.
pub(super) fn poll_of_channel(channel: &[u8]) -> Option<PollId> {
    std::str::from_utf8(channel).ok()?.strip_prefix(CHANNEL_START)?.strip_suffix(CHANNEL_END)?.parse().ok()
}

/// The channel on which everything else is told.
pub(super) const CHANGES_CHANNEL: &str = "sawt:{changes}";

const CHANNEL_START: &str = "sawt:{";
const CHANNEL_END: &str = "}:tallies";

/// All sites that were ever put: a sorted set of ids, all with score 0, so that they sort by id.
pub(super) const SITES: &str = "sawt:{sites}";

/// A site: a hash of `origins`, `name` and `url` (JSON), `timezone`, `created_at` and `updated_at` (milliseconds), and
/// `listed` once [`SITES`] has it.
pub(super) fn site(id: &SiteId) -> String {
    format!("sawt:site:{{{id}}}")
}

/// A site's polls: a sorted set of ids by the time of their creation (milliseconds). Earlier versions wrote 0.
pub(super) fn site_polls(id: &SiteId) -> String {
    format!("sawt:site:{{{id}}}:polls")
}

/// A site's API keys: a set of key ids.
pub(super) fn site_keys(id: &SiteId) -> String {
    format!("sawt:site:{{{id}}}:keys")
}

/// What an idempotency key of a site made: `POLL REQUEST`, the poll's id and the request's hash.
pub(super) fn idempotency(id: &SiteId, key: KeyHash) -> String {
    format!("sawt:site:{{{id}}}:idempotency:{}", key.to_hex())
}

/// An API key: JSON; or nothing, for a while, of one whose making was given up.
pub(super) fn api_key(id: &KeyId) -> String {
    format!("sawt:key:{{{id}}}")
}

/// What is left of a shared quota for one client: when all of it is back, in microseconds since 1970. The key holds a
/// hash of the client, and runs out by itself.
pub(super) fn quota(name: &str, key: &LeaseKey) -> String {
    format!("sawt:quota:{{{name}.{}}}", key.to_hex())
}
