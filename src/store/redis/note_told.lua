-- Notes which stage of a poll's life counts as told, unless something was told of it. Safe to run twice.
--
-- KEYS: poll
-- ARGV: 1 the stage
-- Answers 1 if it was noted; else 0.

if redis.call('HEXISTS', KEYS[1], 'definition') == 0 then return 0 end
return redis.call('HSETNX', KEYS[1], 'told', ARGV[1])
