-- Applies ballots of one partition: claims voters, counts, advances the version, in one atomic step.
-- Safe to run twice: what the first run counted, the second finds on record.
--
-- KEYS: tally, minutes, then the buckets of voters that the ballots lie in
-- ARGV: 1 the revision the caller knows
--       2 the number of buckets the caller knows
--       3 the number of counters
--       4 the ballots: the label to cast with or 255 to withdraw (u8), index of the bucket in KEYS (u16), digest (8
--         bytes), and the counters as the codec keeps them: a number (u32), or how many bytes there are (u8) and these; to withdraw 0.
--         Integers are little-endian
--       5 the codec: a ballot is the index of one counter ("0"), the bits of several ("1"), or 0xFF and a byte for the
--         index of each ("2"). What is on record of it is that number in digits, or those bytes; with a label, a
--         character 64 above it comes after the digits, or 0xFE and the label come before the bytes
--       6 the caller's time
--       7 how many counters, from index 0 on, have a timeline
--       8 of an article's poll, whose id may come again, when it was made, as the caller knows it; else nothing
--       9 in a poll with open answers, the most different texts that it keeps: then the last of KEYS are its answers
--       10, 11, … there, for each ballot, the id (8 bytes) and the text of what it says, or nothing
-- Answers {-1}: no such poll; {0, revision}: another revision is in force, or this one of a later poll with the same id;
--       {2, buckets}: there are so many buckets now, and a ballot named lies in another one; nothing was done in these cases; or
--       {1, outcomes, recorded, time, phase, open, epoch, version, ballots, buckets, splits due, votes}
-- where outcomes has a letter per ballot (c counted, r repeated, h changed, w withdrawn, n no ballot, a already voted,
-- x not open, u the clocks disagree about whether it is), a capital one if the text was not kept; recorded has what is
-- on record for each a: its length in a byte, and itself; and votes has those of counter 0, 1, … in one text, since each
-- value of a reply costs its reader.
--
-- What a ballot does to a record is `Action::apply` in src/poll/ballot.rs, and here the same.

local TARGET = 64

-- Redis prints a number that it is given to 17 digits, as a fraction; a whole one is printed here for a quarter of that.
local function text(number) return string.format('%d', number) end

local tally, minutes = KEYS[1], KEYS[2]
local counters, timed = tonumber(ARGV[3]), tonumber(ARGV[7])
local fields = {'revision', 'phase', 'opens_at', 'closes_at', 'changeable', 'buckets', 'version', 'ballots',
  'epoch'}
local named = #fields
for index = 0, counters - 1 do fields[named + index + 1] = text(index) end
if ARGV[8] ~= '' then fields[#fields + 1] = 'made' end
local head = read_fields(tally, fields)
if not head[1] then return {-1} end
local made_at = ARGV[8] ~= '' and head[#fields]
if head[1] ~= ARGV[1] or made_at and made_at ~= ARGV[8] and tonumber(made_at) > tonumber(ARGV[8]) then
  return {0, tonumber(head[1])}
end

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
local packed, codec = ARGV[4], ARGV[5]
local format = codec == '2' and '<BI2c8Bc0' or '<BI2c8I4'
if buckets ~= tonumber(ARGV[2]) then
  local m = 1
  while m * 2 <= buckets do m = m * 2 end
  local first = 1
  while first <= #packed do
    local _, index, digest, _, after = struct.unpack(format, packed, first)
    first = after
    local hash = struct.unpack('<I4', digest)
    local bucket = hash % (m * 2)
    if bucket >= buckets then bucket = hash % m end
    if tonumber(string.match(KEYS[index], '%d+$')) ~= bucket then return {2, buckets} end
  end
end

-- By how much counters move: of all ballots; and, once there is one with a label, of each label, where `b` counts them.
local change, of_labels = {}, nil

-- `kept` is what a ballot says: a number, or bytes.
local function count(kept, by, change)
  if codec == '0' then
    change[kept] = (change[kept] or 0) + by
  elseif codec == '1' then
    local bits, index = kept, 0
    while bits > 0 do
      if bits % 2 == 1 then change[index] = (change[index] or 0) + by end
      bits = math.floor(bits / 2)
      index = index + 1
    end
  else
    for place = 2, #kept do
      local index = string.byte(kept, place)
      change[index] = (change[index] or 0) + by
    end
  end
end

local function count_label(label, kept, by)
  of_labels = of_labels or {}
  local moved = of_labels[label] or {b = 0}
  of_labels[label] = moved
  moved.b = moved.b + by
  count(kept, by, moved)
end

local function with_label(value, label)
  if label == 0 then return value end
  if codec == '2' then return string.char(254, label) .. value end
  return (string.gsub(value, '^%d+', '%0' .. string.char(64 + label)))
end

-- Few different ones come in one batch. So what is written of those with a label is made once, and those that are counted
-- are counted together: by label, and by what would be written without it.
local labelled = nil

local function make_labelled(label, value, kept)
  labelled = labelled or {}
  labelled[label] = labelled[label] or {}
  local made = {written = with_label(value, label), kept = kept, counted = 0}
  labelled[label][value] = made
  return made
end

-- Texts are counted as their ballots are. On record a ballot that brought one has a colon after its counters, and the
-- text's id, or nothing if the text was not kept.
local answers, most_answers = ARGV[9] and KEYS[#KEYS], tonumber(ARGV[9] or 0)

-- Of texts that ballots with a label say, it is also counted beside the timeline how many.
local function say(id, by, said, label)
  local shown, ballots = 'w', 0
  local known = redis.call('HGET', answers, id)
  if known then shown, ballots, said = string.match(known, '^(%l)(%d+):(.*)$') end
  ballots = ballots + by
  if ballots > 0 then
    redis.call('HSET', answers, id, shown .. text(ballots) .. ':' .. said)
  else
    redis.call('HDEL', answers, id)
  end
  if label ~= 0 then
    local field = text(label) .. '.t' .. id
    if redis.call('HINCRBY', minutes, field, text(by)) == 0 then redis.call('HDEL', minutes, field) end
  end
end

local function take_back(on_record, label)
  if answers then
    local kept, id = string.match(on_record, '^(%d+):?(.*)$')
    if id ~= '' then say(id, -1, nil, label) end
    on_record = kept
  end
  local kept = codec == '2' and on_record or tonumber(on_record)
  count(kept, -1, change)
  if label ~= 0 then count_label(label, kept, -1) end
end

-- The label that a changed ballot keeps: one that does not count, or else the worse.
local held
local function kept_label(one, other)
  local least, most = math.min(one, other), math.max(one, other)
  if least == 0 or least == most then return most end
  held = held or tonumber(redis.call('HGET', tally, 'labels') or 0)
  local function is_held(label) return math.floor(held / 2 ^ label) % 2 == 1 end
  if is_held(least) and not is_held(most) then return least end
  return most
end

local outcomes, recorded = {}, {}
-- Few different ones come in one batch, so their numbers are printed once.
local values = {}
local place, n = 1, 0
while place <= #packed do
  local label, index, digest, kept
  label, index, digest, kept, place = struct.unpack(format, packed, place)
  local withdraw = label == 255
  local value = values[kept]
  if not value then
    value = codec == '2' and kept or text(kept)
    values[kept] = value
  end
  n = n + 1
  local key = KEYS[index]
  local outcome
  local said, left_out
  if answers and not withdraw and ARGV[9 + n] ~= '' then
    said = string.sub(ARGV[9 + n], 1, 8)
    left_out = value .. ':'
    if redis.call('HEXISTS', answers, said) == 1 or redis.call('HLEN', answers) < most_answers then
      value = left_out .. said
    else
      value = left_out
    end
  end
  local written, made = value, nil
  if label ~= 0 and not withdraw then
    made = labelled and labelled[label] and labelled[label][value] or make_labelled(label, value, kept)
    written = made.written
  end
  if open and not unsure and not withdraw and redis.call('HSETNX', key, digest, written) == 1 then
    outcome = 'c'
    ballots = ballots + 1
    version = version + 1
    count(kept, 1, change)
    if made then made.counted = made.counted + 1 end
    if said and value ~= left_out then say(said, 1, string.sub(ARGV[9 + n], 9), label) end
  else
    local found = redis.call('HGET', key, digest)
    local on_record, label_before = found, 0
    if found and codec == '2' then
      if string.byte(found) == 254 then on_record, label_before = string.sub(found, 3), string.byte(found, 2) end
    elseif found then
      local digits, letter, rest = string.match(found, '^(%d+)([A-_])(.*)$')
      if digits then on_record, label_before = digits .. rest, string.byte(letter) - 64 end
    end
    if said and not changeable and on_record == left_out then value = left_out end
    if not withdraw and on_record == value then
      outcome = 'r'
    elseif withdraw and not on_record then
      outcome = 'n'
    elseif unsure then
      outcome = 'u'
    elseif not open then
      outcome = 'x'
    elseif not changeable then
      outcome = 'a'
      recorded[#recorded + 1] = string.char(#found) .. found
    elseif withdraw then
      outcome = 'w'
      redis.call('HDEL', key, digest)
      ballots = ballots - 1
      version = version + 1
      take_back(on_record, label_before)
    else
      outcome = 'h'
      label = kept_label(label_before, label)
      redis.call('HSET', key, digest, with_label(value, label))
      version = version + 1
      -- What is said anew comes first: so a text that goes on is never gone.
      if said and value ~= left_out then say(said, 1, string.sub(ARGV[9 + n], 9), label) end
      take_back(on_record, label_before)
      count(kept, 1, change)
      if label ~= 0 then count_label(label, kept, 1) end
    end
  end
  if said and value == left_out and string.find('crh', outcome, 1, true) then outcome = string.upper(outcome) end
  outcomes[n] = outcome
end
for label, values in pairs(labelled or {}) do
  for _, made in pairs(values) do
    if made.counted > 0 then count_label(label, made.kept, made.counted) end
  end
end

local votes = {}
for place = 1, counters do votes[place] = head[named + place] or '0' end
-- Ballots on record that don't count, as far as it was looked.
local uncounted, uncounted_before = 0, 0
if version ~= version_before then
  local minute = text(math.floor(now / 60000)) .. ':'
  local set = {'version', text(version), 'ballots', text(ballots)}
  local aside
  if of_labels then
    aside = {b = 0}
    local found = redis.call('HMGET', tally, 'labels', 'uncounted')
    local bits = tonumber(found[1] or 0)
    local names, moves = {}, {}
    for label, moved in pairs(of_labels) do
      local counts = math.floor(bits / 2 ^ label) % 2 == 0
      for name, by in pairs(moved) do
        if by ~= 0 then
          local field = text(label) .. '.' .. name
          names[#names + 1], moves[#moves + 1] = field, by
          if name == 'b' or name < timed then names[#names + 1], moves[#moves + 1] = minute .. field, by end
          if not counts then aside[name] = (aside[name] or 0) + by end
        end
      end
    end
    -- Two commands for all cost less than one for each. Lua passes at most some thousands of arguments at once.
    for first = 1, #names, 1000 do
      local last = math.min(first + 999, #names)
      local before, after = redis.call('HMGET', minutes, unpack(names, first, last)), {}
      for place = first, last do
        after[#after + 1] = names[place]
        after[#after + 1] = text((before[place - first + 1] or 0) + moves[place])
      end
      redis.call('HSET', minutes, unpack(after))
    end
    uncounted_before = tonumber(found[2] or 0)
    uncounted = uncounted_before + aside.b
    set = {'version', text(version), 'ballots', text(ballots - aside.b), 'uncounted', text(uncounted)}
  end
  for place = 1, counters do
    local by = change[place - 1]
    if by then
      local name = fields[named + place]
      if by ~= 0 and place <= timed then redis.call('HINCRBY', minutes, minute .. name, text(by)) end
      if aside then by = by - (aside[place - 1] or 0) end
      if by ~= 0 then
        votes[place] = text(votes[place] + by)
        set[#set + 1] = name
        set[#set + 1] = votes[place]
      end
    end
  end
  redis.call('HSET', tally, unpack(set))
  -- Also by nothing: whoever reads the timeline finds the minutes by this field.
  redis.call('HINCRBY', minutes, minute .. 'b', text(ballots - ballots_before))
  if aside then ballots = ballots - aside.b end
end

-- One bucket more for every TARGET ballots. The call that crosses a multiple says so; the others only once several
-- are owed, in case the one that should have split did not live to do it. Only a call with labels looks for ballots that
-- don't count: so while there are many, buckets may become up to twice as large.
ballots_before = ballots_before + uncounted_before
local on_record = ballots + uncounted
local due = math.ceil(on_record / TARGET) - buckets
if due < 4 and math.ceil(ballots_before / TARGET) == math.ceil(on_record / TARGET) then due = 0 end

return {1, table.concat(outcomes), table.concat(recorded), now, phase, open and 1 or 0, tonumber(head[9] or 0), version,
  ballots, buckets, due, table.concat(votes, ' ')}
