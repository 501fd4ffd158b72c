-- Puts a delivery in place of the revision before it. Safe to run twice.
--
-- KEYS: the lease, the webhook's deliveries, those that are due
-- ARGV: 1 who holds the lease, or nothing, 2 the event, 3 the revision before this one, 4 the record, 5 when it is due, or
--       nothing
-- Answers 1 if it is in place.

if ARGV[1] ~= '' and redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local before = redis.call('HGET', KEYS[2], ARGV[2])
if not before then return 0 end
if before == ARGV[4] then return 1 end
if string.match(before, '^%d+') ~= ARGV[3] then return 0 end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[4])
if ARGV[5] ~= '' then redis.call('ZADD', KEYS[3], ARGV[5], ARGV[2]) else redis.call('ZREM', KEYS[3], ARGV[2]) end
return 1
