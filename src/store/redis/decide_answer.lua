-- Decides what readers are shown of a text that ballots say. Safe to run twice.
--
-- KEYS: answers
-- ARGV: 1 which text (8 bytes), 2 the letter of what is shown
-- Answers what is kept of the text; nothing if no ballot says it.

local kept = redis.call('HGET', KEYS[1], ARGV[1])
if not kept then return {false} end
local decided = ARGV[2] .. string.sub(kept, 2)
redis.call('HSET', KEYS[1], ARGV[1], decided)
return {decided}
