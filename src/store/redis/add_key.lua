-- Keeps a key, unless there is one of this id, and tells of it. Safe to run twice.
--
-- KEYS: the key, its outbox
-- ARGV: 1 what is kept, 2 when it was announced, if there is something to tell, then a stage and an entry each
-- Answers {1}: it is kept; {0, what is kept}: there is one; {6}: it comes too late.

local held = redis.call('GET', KEYS[1])
if held then return {0, held} end
local clock = redis.call('TIME')
if is_late(ARGV[2], clock[1] * 1000 + clock[2] / 1000) then return {6} end
redis.call('SET', KEYS[1], ARGV[1])
tell(KEYS[2], 0, 3)
return {1}
