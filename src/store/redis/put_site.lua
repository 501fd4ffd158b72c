-- Puts a site: makes it, or replaces its settings. Safe to run twice, but that the second run made nothing.
--
-- KEYS: site, its log, relayed
-- ARGV: 1 "if-missing" to leave one that is there as it is, 2 the name and 3 the event that tells of it, or nothing, then
--       of each setting the field and the value
-- Answers {1 if it was made, created_at, updated_at}.

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local made = redis.call('HSETNX', KEYS[1], 'created_at', now)
if made == 1 or ARGV[1] ~= 'if-missing' then
  redis.call('HSET', KEYS[1], 'updated_at', now, unpack(ARGV, 4))
  if ARGV[2] ~= '' then append_once(KEYS[2], KEYS[3], ARGV[2], ARGV[3]) end
end
local times = redis.call('HMGET', KEYS[1], 'created_at', 'updated_at')
return {made, tonumber(times[1]), tonumber(times[2])}
