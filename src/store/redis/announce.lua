-- Says that something is about to be told: its outbox is looked through from now on. Gives a sequence number that names
-- what is told: the time in microseconds, or one more than the last number. Also on a Redis that is full, for a deletion
-- makes room. Safe to run twice: each number counts.
--
-- KEYS: pending, the last sequence number, due
-- ARGV: 1 the outbox, then of each move that will be due what to keep and its time (milliseconds)
-- Answers {the sequence number, the time in microseconds}.

local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local sequence = now
local last = tonumber(redis.call('GET', KEYS[2]) or 0)
if sequence <= last then sequence = last + 1 end
local text = string.format('%.0f', sequence)
redis.call('SET', KEYS[2], text)
redis.call('ZADD', KEYS[1], text, ARGV[1])
for place = 2, #ARGV, 2 do redis.call('ZADD', KEYS[3], ARGV[place + 1], ARGV[place]) end
return {sequence, now}
