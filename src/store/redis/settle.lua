-- Stops looking through an outbox that was found empty, unless something was announced since. Sequence numbers may be
-- ahead of a clock that was set back: one that is, counts from now on. Safe to run twice.
--
-- KEYS: pending
-- ARGV: 1 the outbox, 2 the last sequence number that was found, 3 how old it must be, in microseconds
-- Answers 1 if nothing is looked for any more; else 0.

local clock = redis.call('TIME')
local sequence = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not sequence or tonumber(sequence) ~= tonumber(ARGV[2]) then return 0 end
local age = clock[1] * 1000000 + clock[2] - tonumber(sequence)
if age < 0 then redis.call('ZADD', KEYS[1], string.format('%.0f', tonumber(sequence) + age), ARGV[1]) end
if age < tonumber(ARGV[3]) then return 0 end
return redis.call('ZREM', KEYS[1], ARGV[1])
