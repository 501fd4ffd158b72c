-- Takes a lease, or holds on to it. Safe to run twice.
--
-- KEYS: the lease
-- ARGV: who wants it, for how many milliseconds
-- Answers 1 if they have it; 0: another has.

local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
