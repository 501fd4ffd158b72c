//! The Lua scripts, and calling one by its digest.

use redis::{Cmd, Value};

use super::link::Link;
use crate::store::StoreError;

/// The first line of a script that also runs on a Redis that is full.
macro_rules! also_when_full {
    () => {
        "#!lua flags=allow-oom\n"
    };
}

/// A script and its SHA-1, by which Redis knows it.
pub(super) struct Script {
    source: &'static str,
    sha1: String,
}

/// Every script. One file per atomic change.
pub(super) struct Scripts {
    pub(super) abandon: Script,
    pub(super) announce: Script,
    pub(super) take_away: Script,
    pub(super) hide_template: Script,
    pub(super) put_template: Script,
    pub(super) note_told: Script,
    pub(super) add_key: Script,
    pub(super) ballot: Script,
    pub(super) cast: Script,
    pub(super) count_views: Script,
    pub(super) decide_answer: Script,
    pub(super) define: Script,
    pub(super) delete_article: Script,
    pub(super) delete_place: Script,
    pub(super) delete_site: Script,
    pub(super) delete_webhook: Script,
    pub(super) drop: Script,
    pub(super) drop_unvoted: Script,
    pub(super) end_session: Script,
    pub(super) hide_poll: Script,
    pub(super) forget_voters: Script,
    pub(super) forget_poll: Script,
    pub(super) join_article: Script,
    pub(super) join_site: Script,
    pub(super) labels: Script,
    pub(super) leave_article: Script,
    pub(super) list_articles: Script,
    pub(super) note_first_addresses: Script,
    pub(super) put_article: Script,
    pub(super) vouch: Script,
    pub(super) put_delivery: Script,
    pub(super) put_record: Script,
    pub(super) put_site: Script,
    pub(super) queue_deliveries: Script,
    pub(super) raise: Script,
    pub(super) ranking: Script,
    pub(super) relay: Script,
    pub(super) settle: Script,
    pub(super) retire_article: Script,
    pub(super) return_lease: Script,
    pub(super) sync_partition: Script,
    pub(super) scan: Script,
    pub(super) split: Script,
    pub(super) take_lease: Script,
    pub(super) take_quota: Script,
    pub(super) tally: Script,
    pub(super) tell_moves: Script,
    pub(super) write_transparency_log: Script,
    pub(super) publish_transparency_log: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        let script = |source| Script { source, sha1: redis::Script::new(source).get_hash().to_owned() };
        Self {
            abandon: script(include_str!("abandon.lua")),
            announce: script(concat!(also_when_full!(), include_str!("announce.lua"))),
            ballot: script(include_str!("ballot.lua")),
            cast: script(concat!(include_str!("clocks.lua"), include_str!("fields.lua"), include_str!("cast.lua"))),
            add_key: script(concat!(include_str!("outbox.lua"), include_str!("add_key.lua"))),
            take_away: script(concat!(also_when_full!(), include_str!("outbox.lua"), include_str!("take_away.lua"))),
            note_told: script(include_str!("note_told.lua")),
            put_template: script(concat!(include_str!("log.lua"), include_str!("put_template.lua"))),
            hide_template: script(concat!(
                also_when_full!(),
                include_str!("log.lua"),
                include_str!("hide_template.lua")
            )),
            count_views: script(include_str!("count_views.lua")),
            decide_answer: script(concat!(include_str!("outbox.lua"), include_str!("decide_answer.lua"))),
            define: script(concat!(include_str!("clocks.lua"), include_str!("outbox.lua"), include_str!("define.lua"))),
            delete_article: script(concat!(include_str!("unname.lua"), include_str!("delete_article.lua"))),
            delete_place: script(concat!(include_str!("log.lua"), include_str!("delete_place.lua"))),
            delete_site: script(include_str!("delete_site.lua")),
            drop: script(include_str!("drop.lua")),
            drop_unvoted: script(include_str!("drop_unvoted.lua")),
            end_session: script(include_str!("end_session.lua")),
            hide_poll: script(concat!(also_when_full!(), include_str!("outbox.lua"), include_str!("hide_poll.lua"))),
            forget_voters: script(concat!(include_str!("clocks.lua"), include_str!("forget_voters.lua"))),
            forget_poll: script(include_str!("forget_poll.lua")),
            join_article: script(include_str!("join_article.lua")),
            vouch: script(include_str!("vouch.lua")),
            join_site: script(include_str!("join_site.lua")),
            labels: script(concat!(include_str!("fields.lua"), include_str!("labels.lua"))),
            leave_article: script(concat!(also_when_full!(), include_str!("leave_article.lua"))),
            list_articles: script(include_str!("list_articles.lua")),
            note_first_addresses: script(include_str!("note_first_addresses.lua")),
            put_article: script(concat!(include_str!("unname.lua"), include_str!("put_article.lua"))),
            put_record: script(concat!(include_str!("log.lua"), include_str!("put_record.lua"))),
            put_site: script(concat!(include_str!("log.lua"), include_str!("put_site.lua"))),
            put_delivery: script(include_str!("put_delivery.lua")),
            queue_deliveries: script(include_str!("queue_deliveries.lua")),
            delete_webhook: script(concat!(include_str!("log.lua"), include_str!("delete_webhook.lua"))),
            raise: script(include_str!("raise.lua")),
            ranking: script(include_str!("ranking.lua")),
            relay: script(concat!(include_str!("log.lua"), include_str!("relay.lua"))),
            settle: script(include_str!("settle.lua")),
            retire_article: script(include_str!("retire_article.lua")),
            return_lease: script(include_str!("return_lease.lua")),
            sync_partition: script(concat!(include_str!("clocks.lua"), include_str!("sync_partition.lua"))),
            scan: script(include_str!("scan.lua")),
            split: script(include_str!("split.lua")),
            take_lease: script(include_str!("take_lease.lua")),
            take_quota: script(include_str!("take_quota.lua")),
            tally: script(concat!(include_str!("clocks.lua"), include_str!("fields.lua"), include_str!("tally.lua"))),
            tell_moves: script(concat!(
                include_str!("clocks.lua"),
                include_str!("outbox.lua"),
                include_str!("tell_moves.lua")
            )),
            write_transparency_log: script(include_str!("write_transparency_log.lua")),
            publish_transparency_log: script(include_str!("publish_transparency_log.lua")),
        }
    }
}

/// A script call being built: its keys first, then its arguments.
pub(super) struct Call<'a> {
    script: &'a Script,
    by_digest: Cmd,
    rest: Vec<&'a [u8]>,
    keys: usize,
}

impl<'a> Call<'a> {
    pub(super) fn new(script: &'a Script, keys: &[&'a [u8]]) -> Self {
        let mut by_digest = Cmd::new();
        by_digest.arg("EVALSHA").arg(&script.sha1).arg(keys.len());
        for key in keys {
            by_digest.arg(*key);
        }
        Self { script, by_digest, rest: keys.to_vec(), keys: keys.len() }
    }

    pub(super) fn arg(mut self, argument: &'a [u8]) -> Self {
        self.by_digest.arg(argument);
        self.rest.push(argument);
        self
    }

    /// Calls the script and returns its reply. A server that does not know the script, because it was restarted, failed
    /// over or got `SCRIPT FLUSH`, is sent the source instead: nothing was run yet, so nothing is run twice.
    pub(super) async fn send(self, link: &Link) -> Result<Reply, StoreError> {
        let answer = if let Some(answer) = link.call_script(&self.by_digest).await? {
            answer
        } else {
            let mut by_source = Cmd::new();
            by_source.arg("EVAL").arg(self.script.source).arg(self.keys);
            for argument in &self.rest {
                by_source.arg(*argument);
            }
            link.call(&by_source).await?
        };
        Reply::of(answer).ok_or_else(|| link.no_answer("a script"))
    }
}

/// A script's reply, read value by value.
pub(super) struct Reply {
    values: std::vec::IntoIter<Value>,
}

impl Reply {
    /// Every script returns an integer or a list. Anything else is not a script's.
    #[expect(clippy::wildcard_enum_match_arm, reason = "of the many kinds of values scripts give only these")]
    fn of(answer: Value) -> Option<Self> {
        match answer {
            Value::Array(values) => Some(Self { values: values.into_iter() }),
            Value::Int(_) => Some(Self { values: vec![answer].into_iter() }),
            _ => None,
        }
    }

    /// The next value, an integer that is not negative; `None` if it is -1, which scripts return for what does not
    /// exist.
    pub(super) fn number_if_there<T: TryFrom<i64>>(&mut self) -> Result<Option<T>, StoreError> {
        match self.int()? {
            -1 => Ok(None),
            int => in_range(int).map(Some),
        }
    }

    /// The next value, an integer.
    pub(super) fn int(&mut self) -> Result<i64, StoreError> {
        match self.values.next() {
            Some(Value::Int(int)) => Ok(int),
            other => Err(unexpected("an integer", other.as_ref())),
        }
    }

    /// The next value, an integer of another type.
    pub(super) fn number<T: TryFrom<i64>>(&mut self) -> Result<T, StoreError> {
        in_range(self.int()?)
    }

    /// The same; `None` at the end of the reply.
    pub(super) fn next_number<T: TryFrom<i64>>(&mut self) -> Result<Option<T>, StoreError> {
        if self.values.len() == 0 { Ok(None) } else { self.number().map(Some) }
    }

    /// The next value, a string that may be missing.
    pub(super) fn optional_bytes(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        match self.values.next() {
            None | Some(Value::Nil) => Ok(None),
            Some(Value::BulkString(bytes)) => Ok(Some(bytes)),
            other => Err(unexpected("a string or nothing", other.as_ref())),
        }
    }

    /// The next value, so many numbers in one string, with blanks between them.
    pub(super) fn numbers<T: FromIterator<u64>>(&mut self, count: usize) -> Result<T, StoreError> {
        let text = self.bytes()?;
        let number = |digits: &[u8]| str::from_utf8(digits).ok()?.parse().ok();
        let mut read = 0;
        let numbers = text.split(|byte| *byte == b' ').map(number).inspect(|_| read += 1).collect::<Option<T>>();
        let text = || String::from_utf8_lossy(&text);
        numbers
            .filter(|_| read == count)
            .ok_or_else(|| StoreError::Corrupt(format!("a script answered {:?} in place of {count} numbers", text())))
    }

    /// The next value, a string.
    pub(super) fn bytes(&mut self) -> Result<Vec<u8>, StoreError> {
        match self.values.next() {
            Some(Value::BulkString(bytes)) => Ok(bytes),
            other => Err(unexpected("a string", other.as_ref())),
        }
    }
}

fn in_range<T: TryFrom<i64>>(int: i64) -> Result<T, StoreError> {
    T::try_from(int).map_err(|_| StoreError::Corrupt(format!("a script answered {int}, which is out of range")))
}

fn unexpected(wanted: &str, got: Option<&Value>) -> StoreError {
    StoreError::Corrupt(format!("a script answered {got:?} in place of {wanted}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_one_text_are_as_many_as_there_should_be() {
        let read = |text: &str, count| {
            let mut reply = Reply::of(Value::Array(vec![Value::BulkString(text.as_bytes().to_vec())])).unwrap();
            reply.numbers::<Vec<u64>>(count).ok()
        };
        assert_eq!(read("7", 1), Some(vec![7]));
        assert_eq!(read("0 9007199254740992 3", 3), Some(vec![0, 9_007_199_254_740_992, 3]));
        for (wrong, count) in [("1 2", 1), ("1 2", 3), ("", 1), ("1 x", 2), ("1  2", 2), ("1 -2", 2), ("1.5", 1)] {
            assert_eq!(read(wrong, count), None, "{wrong:?}");
        }
    }
}
