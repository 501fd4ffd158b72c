-- Claims a voter and counts the choice.
-- KEYS: voters, tally; ARGV: voter, choice. Answers {1 if it was counted, votes for yes, votes for no}.
local counted = redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2])
if counted == 1 then redis.call('HINCRBY', KEYS[2], ARGV[2], 1) end
local votes = redis.call('HMGET', KEYS[2], 'yes', 'no')
return {counted, tonumber(votes[1] or 0), tonumber(votes[2] or 0)}
