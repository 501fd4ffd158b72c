-- Deletes an article, and those of its addresses that name no other by now. Takes no memory. Safe to run twice, but that
-- the second run deleted nothing.
--
-- KEYS: the site's articles, their addresses, their places
-- ARGV: id
-- Answers 1 if there was such an article.

local value = redis.call('HGET', KEYS[1], ARGV[1])
if not value then return 0 end
local function forget(digest)
  if redis.call('HGET', KEYS[2], digest) == ARGV[1] then redis.call('HDEL', KEYS[2], digest) end
end
forget(string.sub(value, 1, 16))
-- As put_article.lua writes it.
if string.byte(value, 17) == 1 then forget(string.sub(value, 18, 33)) end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
return 1
