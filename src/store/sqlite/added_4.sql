-- What came with version 4, in new files and in those that are upgraded.

-- Whose polls an address names: also where another article stands by now, or none.
create index articles_by_first_address on articles (site, record ->> '$.first_address');
