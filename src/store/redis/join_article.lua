-- Puts an article's poll on its template's list, before anything else of it is written. If the list is full, the oldest
-- provisional poll leaves it. Safe to run twice: one that is on the list stays there.
--
-- KEYS: site, its templates, its announced articles; then of the template: its open polls, the provisional ones, the old
--       ones, clients, and the polls that are leaving
-- ARGV: 1 template, 2 poll, 3 the announced article, or nothing: then the poll is provisional, 4 the most open polls
-- Answers {1, polls that are leaving …}: it is on the list; {2, poll}: the same poll is leaving, and must be gone first;
--       {0}: there is no such template; {-2}: the article is not announced; {3}: the list is full.

local open, provisional, old, clients, leaving = KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local poll = ARGV[2]
if redis.call('HEXISTS', KEYS[1], 'created_at') == 0 then return {0} end
if (redis.call('HGET', KEYS[2], ARGV[1]) or '') == '' then return {0} end
if ARGV[3] ~= '' and redis.call('HEXISTS', KEYS[3], ARGV[3]) == 0 then return {-2} end
if redis.call('SISMEMBER', leaving, poll) == 1 then return {2, poll} end
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
if redis.call('ZSCORE', old, poll) then return {1} end
if not redis.call('ZSCORE', open, poll) then
  if redis.call('ZCARD', open) >= tonumber(ARGV[4]) then
    local oldest = redis.call('ZRANGE', provisional, 0, 0)[1]
    if not oldest then return {3} end
    redis.call('SADD', leaving, oldest)
    redis.call('ZREM', provisional, oldest)
    redis.call('ZREM', open, oldest)
    redis.call('HDEL', clients, oldest)
  end
  redis.call('ZADD', open, now, poll)
  if ARGV[3] == '' then redis.call('ZADD', provisional, now, poll) end
end
return {1, unpack(redis.call('SRANDMEMBER', leaving, 2))}
