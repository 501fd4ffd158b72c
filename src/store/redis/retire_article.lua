-- Moves an article's poll among the old ones, whose voters are forgotten. Safe to run twice.
--
-- KEYS: of the template: its open polls, the provisional ones, the old ones, clients
-- ARGV: 1 poll
-- Answers 1 if it was open.

local since = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not since then return 0 end
redis.call('ZADD', KEYS[3], since, ARGV[1])
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[4], ARGV[1])
return 1
