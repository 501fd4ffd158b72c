-- Reads the ballots in some buckets of one partition, in one step with how many buckets there are.
--
-- KEYS: tally, then the buckets
-- ARGV: 1 the number of buckets the caller knows
-- Answers {1, each voter's digest and what is on record of the ballot}; {0, buckets}: there are so many buckets now, and nothing was read; {-1}: no such
-- partition.

-- A partition without a revision is being forgotten.
local head = redis.call('HMGET', KEYS[1], 'revision', 'buckets')
if not head[1] then return {-1} end
if head[2] ~= ARGV[1] then return {0, tonumber(head[2])} end
local answer = {1}
for place = 2, #KEYS do
  for _, part in ipairs(redis.call('HGETALL', KEYS[place])) do answer[#answer + 1] = part end
end
return answer
