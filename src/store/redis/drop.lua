-- Forgets one partition's tally and timeline, and tells how many buckets of voters are left to forget. Once the tally
-- is gone nothing is counted and no bucket is added.
--
-- KEYS: tally, minutes
-- Answers the number of buckets; 0: no such partition.

local buckets = tonumber(redis.call('HGET', KEYS[1], 'buckets') or 0)
redis.call('DEL', KEYS[1], KEYS[2])
return buckets
