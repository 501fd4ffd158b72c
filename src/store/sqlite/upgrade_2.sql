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

-- What ballots say in their voters' own words.
create table answers (
    poll integer not null,
    answer blob not null check (length(answer) = 8),
    text text not null,
    state integer not null,
    ballots integer not null check (ballots > 0),
    primary key (poll, answer)
) strict, without rowid;

create table ballot_answers (
    poll integer not null,
    voter integer not null,
    answer blob,
    primary key (poll, voter)
) strict, without rowid;

-- How often a poll was seen.
create table poll_views (
    poll integer primary key,
    views integer not null
) strict;

-- What of a site ranks by a measure in a window (`span`). Scores are counted from the window's landmark.
create table rankings (
    site text not null,
    measure integer not null,
    span integer not null,
    item text not null,
    score real not null,
    primary key (site, measure, span, item)
) strict, without rowid;

create index rankings_by_score on rankings (site, measure, span, score);

create table landmarks (
    site text not null,
    span integer not null,
    landmark integer not null,
    primary key (site, span)
) strict, without rowid;

-- The last batch of views that a writer has sent.
create table view_writers (
    writer blob primary key,
    batch integer not null,
    sent_at integer not null
) strict, without rowid;

-- Articles that a site's publisher has announced.
create table articles (
    site text not null,
    id text not null,
    published_at integer not null,
    record text not null,
    primary key (site, id)
) strict, without rowid;

create index articles_by_time on articles (site, published_at, id);

-- Which article the digest of an address names.
create table article_addresses (
    site text not null,
    address blob not null,
    article text not null,
    primary key (site, address)
) strict, without rowid;

create table article_counts (
    site text primary key,
    articles integer not null
) strict, without rowid;

-- What articles of a site are given to answer. A template without a definition is being deleted.
create table templates (
    site text not null,
    id text not null,
    definition text not null,
    primary key (site, id)
) strict, without rowid;

-- Polls of articles. `clients` has eight bytes for each client that has voted in a provisional one.
create table article_polls (
    poll text primary key,
    site text not null,
    template text not null,
    made_at integer not null,
    has_voters integer not null check (has_voters in (0, 1)),
    is_provisional integer not null check (is_provisional in (0, 1)),
    clients blob not null
) strict, without rowid;

create index article_polls_by_age on article_polls (site, template, has_voters, is_provisional, made_at);
