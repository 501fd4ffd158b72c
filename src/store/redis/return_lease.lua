-- Gives a lease back. Safe to run twice.
--
-- KEYS: the lease
-- ARGV: who has it
-- Answers 1.

if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
