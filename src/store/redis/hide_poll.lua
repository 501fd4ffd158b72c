-- Marks a poll as being deleted: its definition goes to another key, and so it is there for nobody from here on. Takes no
-- memory but for what is told of it, so that a full Redis can be made less full. Safe to run twice: what is marked stays
-- so.
--
-- KEYS: poll, the same poll while it is being deleted, its outbox
-- ARGV: 1 when it was announced, if there is something to tell, 2 the definition that is meant, or nothing: then whichever is there;
--       then a stage and an entry each
-- Answers 1: one is marked; 0: there is no such poll; 6: it comes too late.

local clock = redis.call('TIME')
local is_meant = ARGV[2] == '' or redis.call('HGET', KEYS[1], 'definition') == ARGV[2]
if is_meant and redis.call('EXISTS', KEYS[2]) == 0 and redis.call('EXISTS', KEYS[1]) == 1 then
  if is_late(ARGV[1], clock[1] * 1000 + clock[2] / 1000) then return 6 end
  redis.call('RENAME', KEYS[1], KEYS[2])
  tell(KEYS[3], 0, 3)
end
return redis.call('EXISTS', KEYS[2])
