-- Reads one voter's ballot.
--
-- KEYS: tally, bucket of voters
-- ARGV: 1 digest
-- Answers {buckets, code or nil}; the caller looks again if that many buckets put the voter elsewhere. {-1}: no such
-- partition.

local buckets = redis.call('HGET', KEYS[1], 'buckets')
if not buckets then return {-1} end
return {tonumber(buckets), tonumber(redis.call('HGET', KEYS[2], ARGV[1]) or nil)}
