-- Puts a site: makes it, or replaces its settings. Safe to run twice, but that the second run made nothing.
--
-- KEYS: site, its log, relayed
-- ARGV: 1 "if-missing" to leave one that is there as it is; "if-there" to make none; a time to replace only what was
--       updated at that time, or has all this already; 2 the name and 3 the event that tells of it, or nothing; then of
--       each setting the field and the value
-- Answers {1 if it was made, 0 if it is there, -1 if it has changed, -2 if there is none; created_at, updated_at}.

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local version = tonumber(ARGV[1])
local made = 0
local changed = false
if version or ARGV[1] == 'if-there' then
  local updated_at = redis.call('HGET', KEYS[1], 'updated_at')
  if not updated_at then return {-2, 0, 0} end
  local same = true
  for i = 4, #ARGV, 2 do
    if redis.call('HGET', KEYS[1], ARGV[i]) ~= ARGV[i + 1] then same = false end
  end
  if not same and version and tonumber(updated_at) ~= version then return {-1, 0, 0} end
  changed = not same
  if changed then
    redis.call('HSET', KEYS[1], 'updated_at', math.max(now, updated_at + 1), unpack(ARGV, 4))
  end
else
  made = redis.call('HSETNX', KEYS[1], 'created_at', now)
  changed = made == 1 or ARGV[1] ~= 'if-missing'
  if changed then
    local updated_at = redis.call('HGET', KEYS[1], 'updated_at')
    -- It grows with each change, whatever the clock says.
    redis.call('HSET', KEYS[1], 'updated_at', math.max(now, (updated_at or 0) + 1), unpack(ARGV, 4))
  end
end
if changed and ARGV[2] ~= '' then append_once(KEYS[2], KEYS[3], ARGV[2], ARGV[3]) end
local times = redis.call('HMGET', KEYS[1], 'created_at', 'updated_at')
return {made, tonumber(times[1]), tonumber(times[2])}
