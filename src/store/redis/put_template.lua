-- Puts a template of a site, and tells of it. Safe to run twice, but that the second run made nothing.
--
-- KEYS: its site's templates, the site's log, relayed
-- ARGV: 1 its id, 2 its definition, 3 the name and 4 the event that tells of it, or nothing
-- Answers 1 if it is new; else 0.

local is_new = redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
if ARGV[3] ~= '' then append_once(KEYS[2], KEYS[3], ARGV[3], ARGV[4]) end
return is_new
