-- Shows readers a site's transparency log as it is, if it is at a place. Safe to run twice.
--
-- KEYS: the log
-- ARGV: 1 the place, 2 'show'; or 'mark': write something of it, so that one can wait for replicas to have all up to that
-- Answers 1: it is done; 0: the log is elsewhere.

local head = redis.call('HGET', KEYS[1], 'head')
if not head or string.match(head, '^%S+') ~= ARGV[1] then return 0 end
if ARGV[2] == 'show' then
  redis.call('HSET', KEYS[1], 'published', head)
else
  redis.call('HSET', KEYS[1], 'awaited', ARGV[1])
end
return 1
