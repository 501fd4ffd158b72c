-- Forgets the definition of a poll of which nothing else is left. Takes no memory. Safe to run twice: another poll with
-- its id may be being deleted by then, and stays so.
--
-- KEYS: the poll while it is being deleted
-- ARGV: 1 its definition
-- Answers 1 if it was there.

if redis.call('HGET', KEYS[1], 'definition') ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
