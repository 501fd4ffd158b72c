-- Writes entries of an outbox into a site's log, but for those that are there. Safe to run twice.
--
-- KEYS: site, log, relayed
-- ARGV: 1 for how long an entry is known as relayed, in seconds, then of each entry its name and the event
-- Answers how many were written; -1: there is no such site.

if redis.call('HEXISTS', KEYS[1], 'created_at') == 0 then return -1 end
local now = tonumber(redis.call('TIME')[1])
local written = 0
for place = 2, #ARGV, 2 do
  if not redis.call('ZSCORE', KEYS[3], ARGV[place]) then
    append(KEYS[2], ARGV[place + 1])
    redis.call('ZADD', KEYS[3], now, ARGV[place])
    written = written + 1
  end
end
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now - tonumber(ARGV[1]))
return written
