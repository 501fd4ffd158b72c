-- Marks a poll as being deleted: its definition goes to another key, and so it is there for nobody from here on. Takes no
-- memory, so that a full Redis can be made less full. Safe to run twice: what is marked stays so.
--
-- KEYS: poll, the same poll while it is being deleted
-- Answers 1: it is marked; 0: there is no such poll.

if redis.call('EXISTS', KEYS[2]) == 0 and redis.call('EXISTS', KEYS[1]) == 1 then redis.call('RENAME', KEYS[1], KEYS[2]) end
return redis.call('EXISTS', KEYS[2])
