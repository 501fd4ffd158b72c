-- Deletes an API key or a session, and tells of it. Safe to run twice.
--
-- KEYS: where it is kept, its outbox
-- ARGV: 1 when it was announced, if there is something to tell, then a stage and an entry each
-- Answers 1: it is deleted; 0: there was none; 6: it comes too late.

if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local clock = redis.call('TIME')
if is_late(ARGV[1], clock[1] * 1000 + clock[2] / 1000) then return 6 end
redis.call('DEL', KEYS[1])
tell(KEYS[2], 0, 2)
return 1
