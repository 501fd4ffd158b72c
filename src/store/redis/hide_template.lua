-- Begins to delete a template, and tells of it: it is there for nobody from here on. Also on a Redis that is full,
-- for that makes room. Safe to run twice: what is hidden stays so.
--
-- KEYS: its site's templates, the site's log, relayed
-- ARGV: 1 its id, 2 the name and 3 the event that tells of it, or nothing
-- Answers 1; 0: there is no such template.

local kept = redis.call('HGET', KEYS[1], ARGV[1])
if not kept then return 0 end
if kept ~= '' then
  redis.call('HSET', KEYS[1], ARGV[1], '')
  if ARGV[2] ~= '' then append_once(KEYS[2], KEYS[3], ARGV[2], ARGV[3]) end
end
return 1
