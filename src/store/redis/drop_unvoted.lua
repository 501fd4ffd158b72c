-- Forgets a partition of a poll that nobody finishes making. One with votes is left: then it is the poll's definition that
-- its Redis has lost. Safe to run twice.
--
-- KEYS: tally
-- Answers 1: it is not there any more; 0: somebody has voted in it.

if tonumber(redis.call('HGET', KEYS[1], 'version') or 0) > 0 then return 0 end
redis.call('DEL', KEYS[1])
return 1
