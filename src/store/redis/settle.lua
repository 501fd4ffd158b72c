-- Brings one partition to a revision of its poll, unless it is there already or beyond. A closed partition stays
-- closed, whatever the revision says. Safe to run twice.
--
-- KEYS: tally, minutes
-- ARGV: 1 revision, 2 phase, 3 opens_at, 4 closes_at, 5 changeable, 6 number of options, 7 "create" to make it if it
--       is not there, "back" to bring it to this revision even if it is beyond, "forget minutes" to forget its
--       timeline if it is a draft without ballots at this very revision
-- Answers {phase, ballots}; {-1}: no such partition.

local tally = KEYS[1]
local head = redis.call('HMGET', tally, 'revision', 'phase', 'closes_at', 'ballots')
if not head[1] then
  if ARGV[7] ~= 'create' then return {-1} end
  redis.call('HSET', tally, 'revision', ARGV[1], 'phase', ARGV[2], 'opens_at', ARGV[3], 'closes_at', ARGV[4],
    'changeable', ARGV[5], 'buckets', 1, 'version', 0, 'ballots', 0)
  for slot = 0, tonumber(ARGV[6]) - 1 do redis.call('HSET', tally, slot, 0) end
  return {tonumber(ARGV[2]), 0}
end

local phase = tonumber(head[2])
if phase == 1 and head[3] ~= '' then
  local clock = redis.call('TIME')
  if tonumber(head[3]) <= clock[1] * 1000 + math.floor(clock[2] / 1000) then phase = 2 end
end
if tonumber(head[1]) < tonumber(ARGV[1]) or ARGV[7] == 'back' then
  if phase ~= 2 then phase = tonumber(ARGV[2]) end
  redis.call('HSET', tally, 'revision', ARGV[1], 'opens_at', ARGV[3], 'closes_at', ARGV[4], 'changeable', ARGV[5])
end
redis.call('HSET', tally, 'phase', phase)
if ARGV[7] == 'forget minutes' and phase == 0 and tonumber(head[4]) == 0
  and redis.call('HGET', tally, 'revision') == ARGV[1] then
  redis.call('DEL', KEYS[2])
end
return {phase, tonumber(head[4])}
