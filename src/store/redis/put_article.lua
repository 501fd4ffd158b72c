-- Keeps an article of a site, in place of the one with its id, with its addresses and its place. Safe to run twice, but
-- that the second run finds what the first one has put.
--
-- A value is the digest of the address; if the first address is another one, a byte 1 and its digest; and the record.
-- Among the addresses is also, as 'f' and its digest, each that is an article's first one: it names that article's polls
-- wherever the article stands. An 'f' alone says that all of them are there: an earlier version kept none.
--
-- KEYS: site, its articles, their addresses, their places
-- ARGV: 1 id, 2 digest of the address, 3 record, 4 when it was published, 5 how many articles the site may have,
--       6 digest of the first address, or nothing, 7 the value that it replaces, or nothing
-- Answers 1: it is kept; 0: another value is there, or another article has the first address; -1: there is no such site;
--         -2: first addresses are not all there.

if redis.call('HEXISTS', KEYS[1], 'created_at') == 0 then return -1 end
if redis.call('HEXISTS', KEYS[3], 'f') == 0 then
  if redis.call('EXISTS', KEYS[2]) == 1 then return -2 end
  redis.call('HSET', KEYS[3], 'f', '')
end

local id, digest, first = ARGV[1], ARGV[2], ARGV[6]
if (redis.call('HGET', KEYS[2], id) or '') ~= ARGV[7] then return 0 end
if ARGV[7] == '' and first ~= '' then
  for _, named in ipairs(redis.call('HMGET', KEYS[3], first, 'f' .. first)) do if named then return 0 end end
end
if ARGV[7] ~= '' then unname(KEYS[3], id, ARGV[7]) end
local other = ''
if first ~= '' and first ~= digest then other = '\1' .. first end
redis.call('HSET', KEYS[2], id, digest .. other .. ARGV[3])
if first ~= '' then
  redis.call('HSETNX', KEYS[3], first, id)
  redis.call('HSETNX', KEYS[3], 'f' .. first, id)
end
redis.call('HSET', KEYS[3], digest, id)
redis.call('ZADD', KEYS[4], ARGV[4], id)

for _ = 1, redis.call('ZCARD', KEYS[4]) - tonumber(ARGV[5]) do
  local first = redis.call('ZRANGE', KEYS[4], 0, 1)
  local gone = first[1] ~= id and first[1] or first[2]
  if not gone then break end
  local record = redis.call('HGET', KEYS[2], gone)
  if record then unname(KEYS[3], gone, record) end
  redis.call('HDEL', KEYS[2], gone)
  redis.call('ZREM', KEYS[4], gone)
end
return 1
