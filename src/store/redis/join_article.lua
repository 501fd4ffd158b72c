-- Puts an article's poll on its template's list, before anything else of it is written. If the list is full, the oldest
-- provisional poll leaves it. Safe to run twice: one that is on the list stays there, since the same moment.
--
-- KEYS: site, its templates, its announced articles; then of the template: its open polls, the provisional ones, the old
--       ones, clients, and the polls that are leaving
-- ARGV: 1 template, 2 poll, 3 the announced article, or nothing: then the poll is provisional, 4 the most open polls
-- Answers {1, since when it is on the list, polls that are leaving, each followed by since when it was there …};
--       {2, since when}: the same poll is leaving, and must be gone first; {0}: there is no such template;
--       {-2}: the article is not announced; {3}: the list is full.

local open, provisional, old, clients, leaving = KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local poll = ARGV[2]
if redis.call('HEXISTS', KEYS[1], 'created_at') == 0 then return {0} end
if (redis.call('HGET', KEYS[2], ARGV[1]) or '') == '' then return {0} end
if ARGV[3] ~= '' and redis.call('HEXISTS', KEYS[3], ARGV[3]) == 0 then return {-2} end
local left = redis.call('ZSCORE', leaving, poll)
if left then return {2, left} end
local clock = redis.call('TIME')
local reply = {1}
local function delete(words) for _, word in ipairs(words) do reply[#reply + 1] = word end end
local since = redis.call('ZSCORE', open, poll) or redis.call('ZSCORE', old, poll)
if not since then
  -- Later than all others, so that no two of them, and no poll twice, stand there since the same moment.
  local function last(list) return tonumber(redis.call('ZRANGE', list, -1, -1, 'WITHSCORES')[2] or nil) or 0 end
  local now = math.max(clock[1] * 1000 + math.floor(clock[2] / 1000), last(open) + 1, last(leaving) + 1)
  if redis.call('ZCARD', open) >= tonumber(ARGV[4]) then
    local oldest = redis.call('ZRANGE', provisional, 0, 0, 'WITHSCORES')
    if not oldest[1] then return {3} end
    redis.call('ZADD', leaving, oldest[2], oldest[1])
    redis.call('ZREM', provisional, oldest[1])
    redis.call('ZREM', open, oldest[1])
    redis.call('HDEL', clients, oldest[1])
    delete(oldest)
  end
  since = string.format('%.0f', now)
  redis.call('ZADD', open, since, poll)
  if ARGV[3] == '' then redis.call('ZADD', provisional, since, poll) end
end
table.insert(reply, 2, since)
-- Whoever takes one off the list deletes it. What others did not finish is deleted by whoever makes a poll, each another
-- one: a flood of new polls would all come to the same, and leave the rest.
local left_over = redis.call('ZCARD', leaving)
if left_over > 0 then
  local place = clock[2] % left_over
  delete(redis.call('ZRANGE', leaving, place, place, 'WITHSCORES'))
end
return reply
