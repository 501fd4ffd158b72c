-- Reads the ballots of one partition by their labels.
--
-- KEYS: tally, minutes
-- ARGV: 1 the number of counters
-- Answers {revision, labels whose ballots don't count, then what counts in all: 0, ballots, votes of counter 0, 1, …, and
-- the same of each label that has ballots or had some}; {-1}: no such partition.

local fields = {'revision', 'labels', 'ballots'}
local counters = {'b'}
for index = 0, tonumber(ARGV[1]) - 1 do
  fields[#fields + 1] = string.format('%d', index)
  counters[#counters + 1] = string.format('%d', index)
end
local head = read_fields(KEYS[1], fields)
if not head[1] then return {-1} end
local answer = {tonumber(head[1]), tonumber(head[2] or 0), 0}
for place = 3, #fields do answer[#answer + 1] = tonumber(head[place] or 0) end
local known = {}
for label = 1, 31 do known[label] = label .. '.b' end
for label, ballots in ipairs(redis.call('HMGET', KEYS[2], unpack(known))) do
  if ballots then
    answer[#answer + 1] = label
    for _, name in ipairs(counters) do
      answer[#answer + 1] = tonumber(redis.call('HGET', KEYS[2], label .. '.' .. name) or 0)
    end
  end
end
return answer
