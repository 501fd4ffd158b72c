-- The log of a site: a stream, whose ids are times in microseconds. Stands before every script that writes one.

-- The last id of a log, also if its last events are forgotten; 0 if it has none.
local function last_id(log)
  if redis.call('EXISTS', log) == 0 then return 0 end
  local facts = redis.call('XINFO', 'STREAM', log)
  for place = 1, #facts, 2 do
    if facts[place] == 'last-generated-id' then return tonumber(string.match(facts[place + 1], '^%d+')) end
  end
  return 0
end

local function append(log, record)
  local clock = redis.call('TIME')
  local id = math.max(clock[1] * 1000000 + clock[2], last_id(log) + 1)
  redis.call('XADD', log, string.format('%.0f-0', id), 'event', record)
end

-- How long what is in a log is known as such, in seconds, if nobody says that it may be forgotten sooner.
local KNOWN = 30 * 24 * 60 * 60

-- Appends a record, unless it was appended before under this name. Returns whether it was now.
local function append_once(log, relayed, name, record)
  if redis.call('ZSCORE', relayed, name) then return false end
  append(log, record)
  local now = tonumber(redis.call('TIME')[1])
  redis.call('ZADD', relayed, now + KNOWN, name)
  redis.call('ZREMRANGEBYSCORE', relayed, '-inf', now)
  return true
end
