-- Adds the buckets that one partition is due, one at a time: each takes its share of the voters of the bucket it splits
-- from.
-- Safe to run twice: the second run finds the buckets there and does nothing.
--
-- KEYS: tally, then for each bucket that may be added: the one it splits from, and itself
-- ARGV: 1 the number of buckets the caller knows
-- Answers the number of buckets now; -1: no such poll.

local tally = KEYS[1]
local head = redis.call('HMGET', tally, 'buckets', 'ballots', 'uncounted')
-- A partition that counts nothing is being forgotten.
if not head[2] then return -1 end
local buckets = tonumber(head[1])
if buckets ~= tonumber(ARGV[1]) then return buckets end

local TARGET = 64
local CHUNK = 200

local wanted = math.ceil((tonumber(head[2]) + tonumber(head[3] or 0)) / TARGET)

local function in_chunks(command, key, arguments)
  for first = 1, #arguments, CHUNK do
    redis.call(command, key, unpack(arguments, first, math.min(first + CHUNK - 1, #arguments)))
  end
end

for place = 2, #KEYS, 2 do
  if buckets >= wanted then break end
  local from, to = KEYS[place], KEYS[place + 1]
  local m = 1
  while m * 2 <= buckets do m = m * 2 end
  local voters = redis.call('HGETALL', from)
  local leaving, arriving = {}, {}
  for field = 1, #voters, 2 do
    if struct.unpack('<I4', voters[field]) % (m * 2) == buckets then
      leaving[#leaving + 1] = voters[field]
      arriving[#arriving + 1] = voters[field]
      arriving[#arriving + 1] = voters[field + 1]
    end
  end
  in_chunks('HSET', to, arriving)
  in_chunks('HDEL', from, leaving)
  buckets = buckets + 1
end
redis.call('HSET', tally, 'buckets', buckets)
return buckets
