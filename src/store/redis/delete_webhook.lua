-- Deletes a webhook of a site with its deliveries. Safe to run twice, but that the second run deleted nothing.
--
-- KEYS: the site's webhooks, their cursors, its log, the webhook's deliveries, those that are due, all in order
-- ARGV: id, the event
-- Answers 1 if there was such a webhook.

if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('UNLINK', KEYS[4], KEYS[5], KEYS[6])
append(KEYS[3], ARGV[2])
return 1
