-- Writes entries of an outbox into a site's log, but for those that are there. Safe to run twice.
--
-- KEYS: site, log, relayed
-- ARGV: 1 when the entries were read, in seconds, then of each its name and the event
-- Answers how many were written; -1: there is no such site; -2: they were read too long ago. Another replica may have
-- carried them since, and the log may have forgotten their names.

-- How long ago they may have been read, in seconds: for less long than the names of entries are known that are taken off
-- their outbox (`FORGOTTEN_AFTER_SECS`).
local OLD = 60 * 60

if redis.call('HEXISTS', KEYS[1], 'created_at') == 0 then return -1 end
if redis.call('TIME')[1] - tonumber(ARGV[1]) > OLD then return -2 end
local written = 0
for place = 2, #ARGV, 2 do
  if append_once(KEYS[2], KEYS[3], ARGV[place], ARGV[place + 1]) then written = written + 1 end
end
return written
