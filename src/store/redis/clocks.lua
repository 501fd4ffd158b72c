-- What time it is, and whether a moment has come. Stands before every script that asks.
--
-- The store's clock decides. But one that has jumped would close a poll for good, so a clock that is far from the
-- caller's decides nothing alone: then a moment has come once both say so, and what one of them says is unsure.

local APART = 5000
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

-- Whether a moment (milliseconds, or nothing: never) has come, and whether that is unsure. `own` is the caller's time.
local function has_come(moment, own)
  if moment == '' then return false, false end
  local by_store, by_caller = tonumber(moment) <= now, tonumber(moment) <= tonumber(own)
  local unsure = by_store ~= by_caller and math.abs(now - tonumber(own)) > APART
  return by_store and not unsure, unsure
end

