-- Brings one partition to a revision of its poll, unless it is there already or beyond. A closed partition stays
-- closed, whatever the revision says. If the revision decides otherwise which labels count, their ballots are moved into
-- the tally or out of it; then, and if readers begin or cease to be shown snapshots with it, the version moves on. Safe to run
-- twice.
--
-- KEYS: tally, minutes
-- ARGV: 1 revision, 2 phase, 3 opens_at, 4 closes_at, 5 changeable, 6 number of counters
--       7 "forward"; "make" to make it if it is not there; "make-anew" the same, but one that was made at another moment is let
--       alone; "back" to bring it to this revision even if it is beyond
--       8 the revision with which timelines last began anew, or 0
--       9 when the poll was made, 10 the caller's time
--       11 the labels whose ballots don't count, by their bits
--       12 the revision with which versions moved on last, or 0
-- Answers {phase, ballots on record}; {-1}: no such partition; {-2, when}: it was made then, for another poll with this id.

local tally = KEYS[1]
local head = redis.call('HMGET', tally, 'revision', 'phase', 'closes_at', 'ballots', 'made', 'uncounted', 'labels')
if ARGV[7] == 'make-anew' and head[5] and head[5] ~= ARGV[9] then return {-2, tonumber(head[5])} end
if not head[1] then
  -- One that is there without a revision is being forgotten.
  if (ARGV[7] ~= 'make' and ARGV[7] ~= 'make-anew') or redis.call('EXISTS', tally) == 1 then return {-1} end
  redis.call('HSET', tally, 'revision', ARGV[1], 'phase', ARGV[2], 'opens_at', ARGV[3], 'closes_at', ARGV[4],
    'changeable', ARGV[5], 'buckets', 1, 'version', 0, 'ballots', 0, 'made', ARGV[9])
  for index = 0, tonumber(ARGV[6]) - 1 do redis.call('HSET', tally, index, 0) end
  if ARGV[11] ~= '0' then redis.call('HSET', tally, 'labels', ARGV[11]) end
  return {tonumber(ARGV[2]), 0}
end

-- Somebody else who made the same poll may have stopped, or come first. Until one of them defines it, a partition is of
-- the earliest moment: so none is of a later one than its poll.
if ARGV[7] == 'make' and head[5] and tonumber(head[5]) > tonumber(ARGV[9]) then redis.call('HSET', tally, 'made', ARGV[9]) end

local phase, revision, uncounted = tonumber(head[2]), tonumber(head[1]), tonumber(head[6] or 0)
local ballots = tonumber(head[4]) + uncounted

-- Moves a label's ballots into the tally, or out of it.
local function move(label, by)
  local found = redis.call('HGET', KEYS[2], label .. '.b')
  if not found then return end
  redis.call('HINCRBY', tally, 'ballots', string.format('%d', by * found))
  redis.call('HINCRBY', tally, 'uncounted', string.format('%d', -by * found))
  for index = 0, tonumber(ARGV[6]) - 1 do
    local votes = redis.call('HGET', KEYS[2], label .. '.' .. index)
    if votes then redis.call('HINCRBY', tally, index, string.format('%d', by * votes)) end
  end
end

local function decide(before, after)
  for label = 1, 31 do
    local bit = 2 ^ label
    local was, is = math.floor(before / bit) % 2, math.floor(after / bit) % 2
    if was ~= is then move(label, was - is) end
  end
  redis.call('HSET', tally, 'labels', string.format('%d', after))
end

if phase == 1 and has_come(head[3], ARGV[10]) then phase = 2 end
if revision < tonumber(ARGV[1]) or ARGV[7] == 'back' then
  if phase ~= 2 then phase = tonumber(ARGV[2]) end
  redis.call('HSET', tally, 'revision', ARGV[1], 'opens_at', ARGV[3], 'closes_at', ARGV[4], 'changeable', ARGV[5])
  local before, after = tonumber(head[7] or 0), tonumber(ARGV[11])
  if before ~= after then decide(before, after) end
  -- `VERSION_STEP`: the snapshots are numbered between.
  if before ~= after or revision < tonumber(ARGV[12]) then redis.call('HINCRBY', tally, 'version', 1000000) end
  -- Its minutes add up to nothing, but their counters would mean other options from here on.
  if revision < tonumber(ARGV[8]) and ballots == 0 then redis.call('UNLINK', KEYS[2]) end
end
if phase ~= tonumber(head[2]) then redis.call('HSET', tally, 'phase', phase) end
return {phase, ballots}
