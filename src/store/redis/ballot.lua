-- Reads one voter's ballot.
--
-- KEYS: tally, bucket of voters
-- ARGV: 1 digest
-- Answers {buckets, what is on record or nil}; the caller looks again if that many buckets put the voter elsewhere. {-1}: no such
-- partition.

-- A partition without a revision is being forgotten.
local head = redis.call('HMGET', KEYS[1], 'revision', 'buckets')
if not head[1] then return {-1} end
return {tonumber(head[2]), redis.call('HGET', KEYS[2], ARGV[1])}
