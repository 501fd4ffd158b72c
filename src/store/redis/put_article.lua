-- Keeps an article of a site, in place of the one with its id, with its address and its place. Safe to run twice, but
-- that the second run made nothing.
--
-- KEYS: site, its articles, their addresses, their places
-- ARGV: id, digest of the address, record, when it was published, how many articles the site may have
-- Answers 1: it is new; 0: it replaced one; -1: there is no such site.

if redis.call('HEXISTS', KEYS[1], 'created_at') == 0 then return -1 end

local function unname(id, record)
  local digest = string.sub(record, 1, 16)
  if redis.call('HGET', KEYS[3], digest) == id then redis.call('HDEL', KEYS[3], digest) end
end

local id = ARGV[1]
local before = redis.call('HGET', KEYS[2], id)
if before then unname(id, before) end
redis.call('HSET', KEYS[2], id, ARGV[2] .. ARGV[3])
redis.call('HSET', KEYS[3], ARGV[2], id)
redis.call('ZADD', KEYS[4], ARGV[4], id)

for _ = 1, redis.call('ZCARD', KEYS[4]) - tonumber(ARGV[5]) do
  local first = redis.call('ZRANGE', KEYS[4], 0, 1)
  local gone = first[1] ~= id and first[1] or first[2]
  if not gone then break end
  local record = redis.call('HGET', KEYS[2], gone)
  if record then unname(gone, record) end
  redis.call('HDEL', KEYS[2], gone)
  redis.call('ZREM', KEYS[4], gone)
end
return before and 0 or 1
