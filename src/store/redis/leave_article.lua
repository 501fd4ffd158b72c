-- Takes an article's poll off its template's lists and notes that it is leaving, until it is deleted. Also on
-- a Redis that is full, for that makes room. Safe to run twice.
--
-- KEYS: of the template: its open polls, the provisional ones, the old ones, clients, and the polls that are leaving
-- ARGV: 1 poll
-- Answers {since when it was on the list}, or {nil} if it was on none.

local open, provisional, old, clients, leaving = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local since = redis.call('ZSCORE', open, ARGV[1]) or redis.call('ZSCORE', old, ARGV[1])
if since then
  redis.call('ZADD', leaving, since, ARGV[1])
  for _, list in ipairs({open, provisional, old}) do redis.call('ZREM', list, ARGV[1]) end
  redis.call('HDEL', clients, ARGV[1])
end
return {redis.call('ZSCORE', leaving, ARGV[1])}
