-- Gives one partition the epoch after that of a position, if it is behind that position: the store has lost what was seen
-- then. Safe to run twice: the first run takes the partition beyond that position.
--
-- KEYS: tally
-- ARGV: 1 epoch and 2 version of the position
-- Answers 1: raised; 0: it is not behind; -1: no such partition.

local head = redis.call('HMGET', KEYS[1], 'version', 'epoch')
if not head[1] then return -1 end
local epoch, seen = tonumber(head[2] or 0), tonumber(ARGV[1])
if epoch > seen or (epoch == seen and tonumber(head[1]) >= tonumber(ARGV[2])) then return 0 end
redis.call('HSET', KEYS[1], 'epoch', string.format('%d', seen + 1))
return 1
