-- The tables that came with version 3, in new files and in those that are upgraded.

-- Named spots in a site's pages, each with its calendar of polls.
create table places (
    site text not null,
    id text not null,
    record text not null,
    primary key (site, id)
) strict, without rowid;
