-- Reads one partition's tally, and marks the partition closed for good if its time has come. A store that takes no
-- writes is read all the same.
--
-- KEYS: tally
-- ARGV: 1 the number of counters, 2 the caller's time
-- Answers {revision, time, phase, open, epoch, version, ballots, votes}, where votes has those of counter 0, 1, … in one text;
-- {-1}: no such partition.

local tally = KEYS[1]
local fields = {'revision', 'phase', 'opens_at', 'closes_at', 'version', 'ballots', 'epoch'}
local named = #fields
for index = 0, tonumber(ARGV[1]) - 1 do fields[named + index + 1] = string.format('%d', index) end
local head = read_fields(tally, fields)
if not head[1] then return {-1} end
local phase = tonumber(head[2])
if phase == 1 and has_come(head[4], ARGV[2]) then
  phase = 2
  redis.pcall('HSET', tally, 'phase', 2)
end
local open = phase == 1 and (head[3] == '' or has_come(head[3], ARGV[2]))
local votes = {}
for place = named + 1, #fields do votes[place - named] = head[place] or '0' end
return {tonumber(head[1]), now, phase, open and 1 or 0, tonumber(head[7] or 0), tonumber(head[5]), tonumber(head[6]),
  table.concat(votes, ' ')}
