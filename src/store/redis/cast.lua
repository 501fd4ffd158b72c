-- Applies ballots of one partition: claims voters, counts, advances the version, in one atomic step.
-- Safe to run twice: what the first run counted, the second finds on record.
--
-- KEYS: tally, minutes, then the buckets of voters that the ballots lie in
-- ARGV: 1 the revision the caller knows
--       2 the number of buckets the caller knows
--       3 the number of options
--       4 the ballots, 15 bytes each: 0 to cast or 1 to withdraw (u8), index of the bucket in KEYS (u16), digest
--         (8 bytes), code of the choices (u32; 0 to withdraw); integers are little-endian
--       5 the kind's code: whether that of choices is a set of bits ("1") or one slot ("0")
--       6 the caller's time
-- Answers {-1}: no such poll; {0, revision}: another revision is in force; {2, buckets}: there are so many buckets now,
--       and a ballot named lies in another one; nothing was done in these cases; or
--       {1, outcomes, recorded, time, phase, open, epoch, version, ballots, buckets, splits due, votes of slot 0, 1, …}
-- where outcomes has a letter per ballot (c counted, r repeated, h changed, w withdrawn, n no ballot, a already voted,
-- x not open, u the clocks disagree about whether it is) and recorded lists the codes for each a.
--
-- What a ballot does to a record is `Action::apply` in src/poll/ballot.rs, and here the same.

local TARGET = 64

-- Redis prints a number that it is given to 17 digits, as a fraction; a whole one is printed here for a quarter of that.
local function text(number) return string.format('%d', number) end

local tally, minutes = KEYS[1], KEYS[2]
local options = tonumber(ARGV[3])
local fields = {'revision', 'phase', 'opens_at', 'closes_at', 'changeable', 'buckets', 'version', 'ballots',
  'epoch'}
local named = #fields
for slot = 0, options - 1 do fields[named + slot + 1] = text(slot) end
local head = redis.call('HMGET', tally, unpack(fields))
if not head[1] then return {-1} end
if head[1] ~= ARGV[1] then return {0, tonumber(head[1])} end

local phase = tonumber(head[2])
local open, unsure = phase == 1, false
if open then
  local is_over, is_over_unsure = has_come(head[4], ARGV[6])
  local has_begun, has_begun_unsure = true, false
  if head[3] ~= '' then has_begun, has_begun_unsure = has_come(head[3], ARGV[6]) end
  if is_over then
    -- Closed is final, wherever the clock goes from here.
    phase = 2
    redis.pcall('HSET', tally, 'phase', 2)
  end
  open, unsure = has_begun and not is_over, is_over_unsure or has_begun_unsure
end
local changeable = head[5] == '1'
local buckets = tonumber(head[6])
local version, ballots = tonumber(head[7]), tonumber(head[8])
local ballots_before, version_before = ballots, version

-- Linear hashing (Litwin 1980): with n buckets and m the power of two at most n, a hash goes to its remainder by 2m,
-- or if that bucket is not there yet, to its remainder by m.
local packed = ARGV[4]
if buckets ~= tonumber(ARGV[2]) then
  local m = 1
  while m * 2 <= buckets do m = m * 2 end
  for first = 1, #packed, 15 do
    local _, index, hash = struct.unpack('<BI2I4', packed, first)
    local bucket = hash % (m * 2)
    if bucket >= buckets then bucket = hash % m end
    if tonumber(string.match(KEYS[index], '%d+$')) ~= bucket then return {2, buckets} end
  end
end

local change = {}
local is_set = ARGV[5] == '1'
local function count(code, by)
  if not is_set then
    change[code] = (change[code] or 0) + by
    return
  end
  local slot = 0
  while code > 0 do
    if code % 2 == 1 then change[slot] = (change[slot] or 0) + by end
    code = math.floor(code / 2)
    slot = slot + 1
  end
end

local outcomes, recorded = {}, {}
-- Few different codes come in one batch.
local values = {}
local place, n = 1, 0
while place <= #packed do
  local withdraw, index, digest, code
  withdraw, index, digest, code, place = struct.unpack('<BI2c8I4', packed, place)
  withdraw = withdraw == 1
  local value = values[code]
  if not value then
    value = text(code)
    values[code] = value
  end
  n = n + 1
  local key = KEYS[index]
  local outcome
  if open and not unsure and not withdraw and redis.call('HSETNX', key, digest, value) == 1 then
    outcome = 'c'
    ballots = ballots + 1
    version = version + 1
    count(code, 1)
  else
    local on_record = tonumber(redis.call('HGET', key, digest) or nil)
    if not withdraw and on_record == code then
      outcome = 'r'
    elseif withdraw and not on_record then
      outcome = 'n'
    elseif unsure then
      outcome = 'u'
    elseif not open then
      outcome = 'x'
    elseif not changeable then
      outcome = 'a'
      recorded[#recorded + 1] = on_record
    elseif withdraw then
      outcome = 'w'
      redis.call('HDEL', key, digest)
      ballots = ballots - 1
      version = version + 1
      count(on_record, -1)
    else
      outcome = 'h'
      redis.call('HSET', key, digest, value)
      version = version + 1
      count(on_record, -1)
      count(code, 1)
    end
  end
  outcomes[n] = outcome
end

local votes = {}
for slot = 1, options do votes[slot] = tonumber(head[named + slot] or 0) end
if version ~= version_before then
  local minute = text(math.floor(now / 60000)) .. ':'
  local set = {'version', text(version), 'ballots', text(ballots)}
  for slot = 0, options - 1 do
    local by = change[slot]
    if by and by ~= 0 then
      local name = fields[named + slot + 1]
      votes[slot + 1] = votes[slot + 1] + by
      set[#set + 1] = name
      set[#set + 1] = text(votes[slot + 1])
      redis.call('HINCRBY', minutes, minute .. name, text(by))
    end
  end
  redis.call('HSET', tally, unpack(set))
  -- Also by nothing: whoever reads the timeline finds the minutes by this field.
  redis.call('HINCRBY', minutes, minute .. 'b', text(ballots - ballots_before))
end

-- One bucket more for every TARGET ballots. The call that crosses a multiple says so; the others only once several
-- are owed, in case the one that should have split did not live to do it.
local due = math.ceil(ballots / TARGET) - buckets
if due < 4 and math.ceil(ballots_before / TARGET) == math.ceil(ballots / TARGET) then due = 0 end

local answer = {1, table.concat(outcomes), table.concat(recorded, ','), now, phase, open and 1 or 0,
  tonumber(head[9] or 0), version, ballots, buckets, due}
for slot = 1, options do answer[#answer + 1] = votes[slot] end
return answer
