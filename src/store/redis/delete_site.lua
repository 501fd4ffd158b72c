-- Deletes a site that nothing is listed of. Takes no memory. Safe to run twice, but that the second run deleted nothing.
--
-- KEYS: site, its polls, its keys, its templates, its places, its webhooks, then what goes with it
-- Answers 1: it is deleted; 0: there is no such site; 2: something is listed.

if redis.call('HEXISTS', KEYS[1], 'created_at') == 0 then return 0 end
if redis.call('EXISTS', KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]) > 0 then return 2 end
redis.call('UNLINK', KEYS[1], unpack(KEYS, 7))
return 1
