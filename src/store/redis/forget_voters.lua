-- Forgets some buckets of voters of a partition that is closed. Its counts stay. Safe to run twice.
--
-- KEYS: tally, then the buckets to forget
-- ARGV: 1 the caller's time
-- Answers how many buckets there are; -1: no such partition; -2: it is not closed.

local head = redis.call('HMGET', KEYS[1], 'revision', 'phase', 'closes_at', 'buckets')
if not head[1] then return -1 end
if head[2] ~= '2' then
  if head[2] ~= '1' or not has_come(head[3], ARGV[1]) then return -2 end
  redis.call('HSET', KEYS[1], 'phase', 2)
end
if #KEYS > 1 then redis.call('UNLINK', unpack(KEYS, 2)) end
return tonumber(head[4])
