-- Writes entries of an outbox into a site's log, but for those that are there. Safe to run twice.
--
-- KEYS: site, log, relayed
-- ARGV: of each entry its name and the event
-- Answers how many were written; -1: there is no such site.

if redis.call('HEXISTS', KEYS[1], 'created_at') == 0 then return -1 end
local written = 0
for place = 1, #ARGV, 2 do
  if append_once(KEYS[2], KEYS[3], ARGV[place], ARGV[place + 1]) then written = written + 1 end
end
return written
