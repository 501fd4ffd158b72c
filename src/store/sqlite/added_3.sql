-- The tables that came with version 3, in new files and in those that are upgraded.

-- Named spots in a site's pages, each with its calendar of polls.
create table places (
    site text not null,
    id text not null,
    record text not null,
    primary key (site, id)
) strict, without rowid;

-- The logs of sites. An event's id is the time it was written, in microseconds, and later than all before it in the log.
create table events (
    site text not null,
    id integer not null,
    record text not null,
    primary key (site, id)
) strict, without rowid;

-- How far in its life the log says that a poll is: 1 once it says that it opened, 2 that it closed.
create table told_stages (
    poll integer primary key,
    stage integer not null check (stage between 0 and 2)
) strict;

-- When the clock may open or close a poll. It may have been edited since.
create table due_moves (
    poll text not null,
    at integer not null,
    primary key (poll, at)
) strict, without rowid;

create index due_moves_by_time on due_moves (at);

-- What has happened before there was a log is not told.
insert into told_stages
    select number, case
        when phase = 2 or (phase = 1 and closes_at <= unixepoch('subsec') * 1000) then 2
        when phase = 1 and (opens_at is null or opens_at <= unixepoch('subsec') * 1000) then 1
        else 0
    end from polls;
insert into due_moves
    select id, opens_at from polls
    where is_listed = 1 and phase = 1 and opens_at > unixepoch('subsec') * 1000;
insert or ignore into due_moves
    select id, closes_at from polls
    where is_listed = 1 and phase = 1 and closes_at > unixepoch('subsec') * 1000;

-- Sessions of the newsroom. What was given out to a browser is kept as its hash alone.
create table sessions (
    hash text primary key,
    expires_at integer not null,
    record text not null
) strict, without rowid;

-- The labels whose ballots don't count, by their bits: no such ballot is in `tallies` and `votes`. All are in `minutes`
-- and `minute_votes`.
alter table polls add column uncounted integer not null default 0;

-- What the ballots with a label add up to, whether they count or not; none of the clean ones. The counter is -1 for how
-- many ballots there are.
create table label_votes (
    poll integer not null,
    partition integer not null,
    label integer not null check (label between 1 and 31),
    counter integer not null,
    votes integer not null,
    primary key (poll, partition, label, counter)
) strict, without rowid;

-- By how much that moved in each minute.
create table label_minutes (
    poll integer not null,
    label integer not null check (label between 1 and 31),
    minute integer not null,
    counter integer not null,
    votes integer not null,
    primary key (poll, label, minute, counter)
) strict, without rowid;

-- Addresses of a site's that are told its events. The cursor is the place in its log behind which nothing is queued yet.
create table webhooks (
    site text not null,
    id text not null,
    cursor integer not null,
    record text not null,
    primary key (site, id)
) strict, without rowid;

-- Events on their way to webhooks. Those that wait for a try have a time at which it is due.
create table deliveries (
    site text not null,
    webhook text not null,
    event integer not null,
    due integer,
    record text not null,
    primary key (site, webhook, event)
) strict, without rowid;

create index due_deliveries on deliveries (site, webhook, due) where due is not null;

-- The transparency logs of sites, as files.
create table log_files (
    site text not null,
    name text not null,
    bytes blob not null,
    primary key (site, name)
) strict, without rowid;
