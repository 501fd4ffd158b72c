-- The tables that came with version 2, in new files and in those that are upgraded: readers' own words, views, articles.

-- What readers are shown of a text is a letter's code: w(aiting), s(hown), h(idden).
create table answers (
    poll integer not null,
    answer blob not null check (length(answer) = 8),
    text text not null,
    state integer not null,
    ballots integer not null check (ballots > 0), -- that say it
    primary key (poll, answer)
) strict, without rowid;

-- The text of a ballot that came with one: null if it was not kept.
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
