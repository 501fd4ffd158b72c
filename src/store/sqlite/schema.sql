-- The embedded store's file, as of version 2. Times are milliseconds since 1970-01-01T00:00:00Z; records are JSON.

create table sites (
    id text primary key,
    record text not null
) strict, without rowid;

create table keys (
    id text primary key,
    site text not null,
    created_at integer not null,
    record text not null
) strict, without rowid;

create index keys_by_site on keys (site, created_at, id);

-- Beside the definition stand the columns that decide about ballots.
create table polls (
    number integer primary key, -- what the tables below know a poll by: shorter than its id
    id text not null unique,
    site text not null,
    revision integer not null,
    phase integer not null check (phase between 0 and 2), -- draft, live, closed
    opens_at integer,
    closes_at integer,
    changeable integer not null check (changeable in (0, 1)),
    codec integer not null check (codec between 0 and 2), -- index, bits, bytes
    created_at integer not null,
    definition text not null,
    is_listed integer not null default 1 check (is_listed in (0, 1)) -- an article's poll is in no list
) strict;

create unique index polls_by_site on polls (site, created_at, id) where is_listed = 1;

-- One row per voter: `voter` is the eight bytes of the digest, `counters` the number that the poll's codec makes of them,
-- with the ballot's label above the lowest 32 bits.
create table ballots (
    poll integer not null,
    voter integer not null,
    counters integer not null,
    primary key (poll, voter)
) strict, without rowid;

-- The same of polls whose codec makes bytes.
create table byte_ballots (
    poll integer not null,
    voter integer not null,
    counters blob not null,
    primary key (poll, voter)
) strict, without rowid;

create table tallies (
    poll integer not null,
    partition integer not null,
    version integer not null default 0,
    ballots integer not null default 0 check (ballots >= 0),
    epoch integer not null default 0, -- how often votes were found to be lost
    primary key (poll, partition)
) strict, without rowid;

create table votes (
    poll integer not null,
    partition integer not null,
    counter integer not null, -- its index
    votes integer not null default 0 check (votes >= 0),
    primary key (poll, partition, counter)
) strict, without rowid;

-- By how much the tally moved in each minute since 1970. A changed or withdrawn ballot takes away in the minute it was
-- changed, so a number may be negative, and the sum over all minutes is the tally.
create table minutes (
    poll integer not null,
    minute integer not null,
    ballots integer not null,
    primary key (poll, minute)
) strict, without rowid;

create table minute_votes (
    poll integer not null,
    minute integer not null,
    counter integer not null,
    votes integer not null,
    primary key (poll, minute, counter)
) strict, without rowid;

-- Which poll a publisher's request made.
create table idempotency (
    site text not null,
    key text not null,
    request text not null,
    poll text not null,
    made_at integer not null,
    primary key (site, key)
) strict, without rowid;

create index idempotency_by_age on idempotency (made_at);

create table secrets (
    name text primary key,
    value text not null
) strict, without rowid;
