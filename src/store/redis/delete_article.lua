-- Deletes an article, and those of its addresses that name no other by now. Takes no memory. Safe to run twice, but that
-- the second run deleted nothing.
--
-- KEYS: the site's articles, their addresses, their places
-- ARGV: id
-- Answers 1 if there was such an article.

local value = redis.call('HGET', KEYS[1], ARGV[1])
if not value then return 0 end
unname(KEYS[2], ARGV[1], value)
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
return 1
