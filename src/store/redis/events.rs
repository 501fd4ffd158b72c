//! The logs of sites: reading them, the relay to them, and what is due by the clock.

use async_trait::async_trait;
use redis::Cmd;

use super::{
    RedisStore, keys,
    outbox::{Entry, SETTLED_MICROS, too_late},
    script::Call,
};
use crate::{
    poll::{Poll, PollId, SiteId, Timestamp},
    site::{DueMove, Event, EventId, EventType},
    store::{Events, MoveReminder, Polls as _, Publishers as _, StoreError, record::read_event},
};

/// How many entries of an outbox, sites and polls are read at once.
const CHUNK: usize = 100;

/// How long after its time a move is looked for, in milliseconds, if the poll says nothing of it: whoever announced it
/// before may not have made it yet.
const SOUGHT_MILLIS: i64 = 60_000;

/// For how long after it was taken off its outbox the log knows the name of an entry, in seconds: for longer than
/// whoever has read it may wait to carry it (`relay.lua`).
const FORGOTTEN_AFTER_SECS: i64 = 24 * 60 * 60;

#[async_trait]
impl Events for RedisStore {
    async fn events(&self, site: &SiteId, after: Option<EventId>, limit: usize) -> Result<Vec<Event>, StoreError> {
        let start = after.map_or_else(|| "-".to_owned(), open_end);
        self.read_log(site, ("XRANGE", &start, "+"), limit).await
    }

    async fn events_before(
        &self,
        site: &SiteId,
        before: Option<EventId>,
        limit: usize,
    ) -> Result<Vec<Event>, StoreError> {
        let start = before.map_or_else(|| "+".to_owned(), open_end);
        self.read_log(site, ("XREVRANGE", &start, "-"), limit).await
    }

    async fn relay_events(&self) -> Result<Vec<SiteId>, StoreError> {
        let mut command = Cmd::new();
        command.arg("ZRANGE").arg(keys::PENDING).arg(0).arg(-1).arg("WITHSCORES");
        let pending: Vec<(String, f64)> = self.ask_for(&command).await?;
        if pending.is_empty() {
            return Ok(Vec::new());
        }
        let read_at = self.clock_time().await?.as_millis() / 1_000;
        let (mut grown, mut failure) = (Vec::new(), None);
        // Those announced first come first: what was told of one poll in two outboxes stays in order.
        for (outbox, sequence) in pending {
            // On a cluster one master may be away.
            match self.empty_outbox(&outbox, &format!("{sequence:.0}"), read_at).await {
                Ok(sites) => grown.extend(sites),
                Err(error) => failure = Some(error),
            }
        }
        grown.sort_unstable();
        grown.dedup();
        failure.map_or(Ok(grown), Err)
    }

    async fn begin_logs(&self) -> Result<(), StoreError> {
        if self.ask_for::<bool>(Cmd::new().arg("EXISTS").arg(keys::LOGS_BEGUN)).await? {
            return Ok(());
        }
        let mut after: Option<SiteId> = None;
        loop {
            let sites = self.sites(after.as_ref(), CHUNK).await?;
            for site in &sites {
                self.begin_log(&site.id).await?;
            }
            match sites.last() {
                Some(last) if sites.len() == CHUNK => after = Some(last.id.clone()),
                Some(_) | None => break,
            }
        }
        self.ask(Cmd::new().arg("SET").arg(keys::LOGS_BEGUN).arg(1)).await?;
        Ok(())
    }

    async fn due_moves(&self, limit: usize) -> Result<Vec<MoveReminder>, StoreError> {
        let now = self.clock_time().await?;
        let mut command = Cmd::new();
        command.arg("ZRANGEBYSCORE").arg(keys::DUE_MOVES).arg("-inf").arg(now.as_millis());
        let due: Vec<String> = self.ask_for(command.arg("LIMIT").arg(0).arg(limit)).await?;
        due.iter().map(|due| read_reminder(due)).collect()
    }

    async fn tell_due_moves(&self, reminder: MoveReminder) -> Result<Option<SiteId>, StoreError> {
        let told = self.tell_moves(reminder).await?;
        let is_old = self.clock_time().await?.as_millis() - reminder.at.as_millis() > SOUGHT_MILLIS;
        if told.is_settled || (is_old && told.is_sure) {
            self.ask(Cmd::new().arg("ZREM").arg(keys::DUE_MOVES).arg(write_reminder(reminder))).await?;
        }
        Ok(told.site)
    }

    async fn forget_events(&self, site: &SiteId, before: Timestamp) -> Result<(), StoreError> {
        let before = EventId::at(before).as_micros();
        self.ask(Cmd::new().arg("XTRIM").arg(keys::site_log(site)).arg("MINID").arg(before)).await?;
        Ok(())
    }
}

/// What became of a reminder.
struct MovesTold {
    /// Whose log has grown.
    site: Option<SiteId>,
    /// Whether the poll has the move that it reminds of, and that is told.
    is_settled: bool,
    /// Whether it can be said what the clock has made of the poll.
    is_sure: bool,
}

impl RedisStore {
    async fn read_log(
        &self,
        site: &SiteId,
        (command, start, end): (&str, &str, &str),
        limit: usize,
    ) -> Result<Vec<Event>, StoreError> {
        let mut range = Cmd::new();
        range.arg(command).arg(keys::site_log(site)).arg(start).arg(end).arg("COUNT").arg(limit);
        let entries: Vec<(String, Vec<Vec<u8>>)> = self.ask_for(&range).await?;
        let event = |(id, fields): (String, Vec<Vec<u8>>)| {
            let corrupt = || StoreError::Corrupt(format!("the event {id} of {site}"));
            let micros = id.split_once('-').and_then(|(micros, _)| micros.parse().ok());
            let place = micros.and_then(EventId::from_micros).ok_or_else(corrupt)?;
            let [_, record] = fields.as_slice() else { return Err(corrupt()) };
            read_event(site, place, record)
        };
        entries.into_iter().map(event).collect()
    }

    /// Notes of a site's polls what is due, and that nothing is told of what has happened.
    async fn begin_log(&self, site: &SiteId) -> Result<(), StoreError> {
        let mut before = None;
        loop {
            let polls = self.polls(site, before, CHUNK).await?;
            let now = self.clock_time().await?;
            for poll in &polls {
                let due = DueMove::of(poll);
                for due in due.iter().filter(|due| now < due.at) {
                    let reminder = write_reminder(MoveReminder { poll: poll.id, at: due.at });
                    self.ask(Cmd::new().arg("ZADD").arg(keys::DUE_MOVES).arg(due.at.as_millis()).arg(reminder)).await?;
                }
                let (key, stage) = (keys::poll(poll.id), EventType::stage_in(poll.state_at(now)).to_string());
                Call::new(&self.scripts.note_told, &[key.as_bytes()]).arg(stage.as_bytes()).send(&self.link).await?;
            }
            before = polls.last().map(Poll::list_cursor);
            if polls.len() < CHUNK {
                return Ok(());
            }
        }
    }

    /// Carries all that is in an outbox; one that is empty is looked through no more once it is settled. Returns whose
    /// logs have grown. `read_at` is a time in seconds before anything is read.
    async fn empty_outbox(&self, outbox: &str, sequence: &str, read_at: i64) -> Result<Vec<SiteId>, StoreError> {
        let mut grown = Vec::new();
        let mut is_empty = true;
        loop {
            let entries: Vec<String> = self.ask_for(Cmd::new().arg("LRANGE").arg(outbox).arg(0).arg(CHUNK - 1)).await?;
            if entries.is_empty() {
                break;
            }
            is_empty = false;
            grown.extend(self.relay(outbox, &entries, read_at).await?);
        }
        if is_empty {
            let call = Call::new(&self.scripts.settle, &[keys::PENDING.as_bytes()]).arg(outbox.as_bytes());
            call.arg(sequence.as_bytes()).arg(SETTLED_MICROS.as_bytes()).send(&self.link).await?;
        }
        Ok(grown)
    }

    /// Carries entries to their sites' logs, and takes them off their outbox. Returns whose logs have grown.
    ///
    /// Another replica may do the same at the same time, and may have read an entry that this one takes off. So its
    /// name is not forgotten with it: whoever comes late finds that the log has it.
    async fn relay(&self, outbox: &str, entries: &[String], read_at: i64) -> Result<Vec<SiteId>, StoreError> {
        let mut grown = Vec::new();
        let (read_at, known_until) = (read_at.to_string(), read_at + FORGOTTEN_AFTER_SECS);
        for text in entries {
            if let Some(Entry { name, site, event }) = Entry::read(text) {
                let names = [keys::site(&site), keys::site_log(&site), keys::relayed(&site)];
                let call = Call::new(&self.scripts.relay, &names.each_ref().map(String::as_bytes));
                let call = call.arg(read_at.as_bytes()).arg(name.as_bytes()).arg(event.as_bytes());
                match call.send(&self.link).await?.int()? {
                    -2 => return Err(StoreError::unavailable("the relay came too late after it had read")),
                    -1 | 0 => {}
                    _ => grown.push(site.clone()),
                }
                self.ask(Cmd::new().arg("LREM").arg(outbox).arg(1).arg(text)).await?;
                let known = keys::relayed(&site);
                self.ask(Cmd::new().arg("ZADD").arg(known).arg("XX").arg(known_until).arg(name)).await?;
            } else {
                tracing::error!(outbox, "an event can't be read, and is left out of its site's log");
                self.ask(Cmd::new().arg("LREM").arg(outbox).arg(1).arg(text)).await?;
            }
        }
        Ok(grown)
    }

    async fn tell_moves(&self, MoveReminder { poll: id, at }: MoveReminder) -> Result<MovesTold, StoreError> {
        let nothing = |is_sure| MovesTold { site: None, is_settled: false, is_sure };
        let Some(definition) = self.definition(id).await? else { return Ok(nothing(true)) };
        let poll = definition.poll;
        let moves = DueMove::of(&poll);
        let now = self.clock_time().await?;
        let moves: Vec<DueMove> = moves.into_iter().filter(|due| due.at <= now).collect();
        if moves.is_empty() {
            return Ok(nothing(true));
        }
        let (key, outbox, own) = (keys::poll(id), keys::poll_outbox(id), self.own_time());
        let revision = poll.revision.to_string();
        let events: Vec<_> = moves.iter().map(|due| due.event(&poll)).collect();
        let times: Vec<String> = moves.iter().map(|due| due.at.as_millis().to_string()).collect();
        let stages: Vec<String> = moves.iter().map(|due| due.kind.stage().to_string()).collect();
        let entries = self.announce_entries(&outbox, &poll.site, Some(id), &events, &[]).await?;
        let mut call = Call::new(&self.scripts.tell_moves, &[key.as_bytes(), outbox.as_bytes()])
            .arg(revision.as_bytes())
            .arg(own.as_bytes())
            .arg(entries.announced.as_bytes());
        for ((stage, time), entry) in stages.iter().zip(&times).zip(entries.texts()) {
            call = call.arg(stage.as_bytes()).arg(time.as_bytes()).arg(entry.as_bytes());
        }
        let mut reply = call.send(&self.link).await?;
        match reply.int()? {
            1 => {
                let site = (reply.int()? == 1).then(|| poll.site.clone());
                Ok(MovesTold { site, is_settled: moves.iter().any(|due| due.at == at), is_sure: true })
            }
            6 => Err(too_late()),
            0 => Ok(nothing(false)),
            _ => Ok(nothing(true)),
        }
    }
}

/// An end of a range of a log that does not belong to it.
fn open_end(place: EventId) -> String {
    format!("({}-0", place.as_micros())
}

fn write_reminder(MoveReminder { poll, at }: MoveReminder) -> String {
    format!("{poll} {}", at.as_millis())
}

fn read_reminder(text: &str) -> Result<MoveReminder, StoreError> {
    let read = |(poll, at): (&str, &str)| {
        let at = Timestamp::from_millis(at.parse().ok()?);
        Some(MoveReminder { poll: poll.parse::<PollId>().ok()?, at })
    };
    text.split_once(' ').and_then(read).ok_or_else(|| StoreError::Corrupt(format!("a move that is due: {text}")))
}
