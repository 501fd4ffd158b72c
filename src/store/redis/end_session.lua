-- Ends a session. Safe to run twice: the same call again finds by its name what it has ended.
--
-- KEYS: session, what was ended of it
-- ARGV: 1 the name of the call, 2 for how long that is known, in seconds
-- Answers {the session}, or {nil} if there was none.

local held = redis.call('GETDEL', KEYS[1])
if held then
  redis.call('SET', KEYS[2], ARGV[1] .. ' ' .. held, 'EX', ARGV[2])
  return {held}
end
local ended = redis.call('GET', KEYS[2]) or ''
local name = ARGV[1] .. ' '
if string.sub(ended, 1, #name) ~= name then return {false} end
return {string.sub(ended, #name + 1)}
