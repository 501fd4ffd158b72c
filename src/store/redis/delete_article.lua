-- Deletes an article, and its address unless that names another by now. Takes no memory. Safe to run twice, but that
-- the second run deleted nothing.
--
-- KEYS: the site's articles, their addresses, their places
-- ARGV: id
-- Answers 1 if there was such an article.

local record = redis.call('HGET', KEYS[1], ARGV[1])
if not record then return 0 end
local digest = string.sub(record, 1, 16)
if redis.call('HGET', KEYS[2], digest) == ARGV[1] then redis.call('HDEL', KEYS[2], digest) end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
return 1
