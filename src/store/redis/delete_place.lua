-- Deletes a place of a site. Safe to run twice, but that the second run deleted nothing.
--
-- KEYS: the site's places, its log
-- ARGV: id, the event
-- Answers 1 if there was such a place.

if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
append(KEYS[2], ARGV[2])
return 1
