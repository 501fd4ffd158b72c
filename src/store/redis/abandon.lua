-- Gives up a poll that is listed and not made: whoever is making it does not finish, for as long as is said. Safe to run
-- twice.
--
-- KEYS: poll, the same poll while it is being deleted
-- ARGV: 1 for how long, in seconds
-- Answers 1: it is given up; 0: it is there, or being deleted.

if redis.call('EXISTS', KEYS[1]) == 1 or redis.call('HEXISTS', KEYS[2], 'definition') == 1 then return 0 end
redis.call('HSET', KEYS[2], 'abandoned', 1)
redis.call('EXPIRE', KEYS[2], ARGV[1])
return 1
