-- Forgets one partition of a poll that is being deleted, in several calls. The first takes away what counts, so that no
-- ballot is counted and no bucket is added from there on; then buckets of voters are forgotten, as many as are named;
-- at last the partition is. Until then it knows how many buckets there were. Takes no memory. Safe to run twice.
--
-- KEYS: tally, minutes, answers, then the buckets to forget
-- ARGV: 1 when the poll was made: a later poll with its id is let alone; 2 "all" if these buckets were the last
-- Answers how many buckets there were; 0: nothing is left.

local tally = KEYS[1]
local head = redis.call('HMGET', tally, 'buckets', 'made')
if not head[1] or (head[2] and tonumber(head[2]) > tonumber(ARGV[1])) then return 0 end
for _, field in ipairs(redis.call('HKEYS', tally)) do
  if field ~= 'buckets' and field ~= 'made' then redis.call('HDEL', tally, field) end
end
redis.call('UNLINK', KEYS[2], KEYS[3])
if #KEYS > 3 then redis.call('UNLINK', unpack(KEYS, 4)) end
if ARGV[2] == 'all' then redis.call('DEL', tally) end
return tonumber(head[1])
