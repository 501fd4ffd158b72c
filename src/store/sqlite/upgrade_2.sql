-- Makes version 2 of a file of version 1: polls have a codec where they had a kind, and the time by which they are
-- listed; and what was called a slot is a counter. No ballot is touched, however many there are.

alter table ballots rename column choices to counters;
alter table votes rename column slot to counter;
alter table minute_votes rename column slot to counter;

create table byte_ballots (
    poll integer not null,
    voter integer not null,
    counters blob not null,
    primary key (poll, voter)
) strict, without rowid;

create table polls_2 (
    number integer primary key,
    id text not null unique,
    site text not null,
    revision integer not null,
    phase integer not null check (phase between 0 and 2),
    opens_at integer,
    closes_at integer,
    changeable integer not null check (changeable in (0, 1)),
    codec integer not null check (codec between 0 and 2),
    created_at integer not null,
    definition text not null,
    is_listed integer not null default 1 check (is_listed in (0, 1))
) strict;

-- The codes of the two kinds are those of their codecs.
insert into polls_2
    select number, id, site, revision, phase, opens_at, closes_at, changeable, kind,
        cast(round((julianday(definition ->> '$.created_at') - 2440587.5) * 86400000) as integer), definition, 1
    from polls;
drop table polls;
alter table polls_2 rename to polls;
create unique index polls_by_site on polls (site, created_at, id) where is_listed = 1;
