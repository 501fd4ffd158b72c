-- Writes files of a site's transparency log, if it is where the caller has seen it. Safe to run twice.
--
-- KEYS: site, the lease, the log
-- ARGV: 1 who has the lease, 2 the place that the log is at, or nothing, 3 the head then, which begins with the place that
--       it is at then; then the name and the bytes of each other file
-- Answers 1: they are written; 0: the log is elsewhere, another has the lease, or there is no such site.

local head = redis.call('HGET', KEYS[3], 'head')
if head == ARGV[3] then return 1 end
if redis.call('HEXISTS', KEYS[1], 'created_at') == 0 then return 0 end
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
local place = head and string.match(head, '^%S+') or ''
if place ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[3], 'head', ARGV[3])
for file = 4, #ARGV, 2 do redis.call('HSET', KEYS[3], ARGV[file], ARGV[file + 1]) end
return 1
