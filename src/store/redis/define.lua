-- Puts a poll's definition in place of the revision before it. Safe to run twice: what is in place already counts as
-- put.
--
-- KEYS: poll
-- ARGV: 1 the revision it replaces (0: none), 2 its own revision, 3 phase, 4 closes_at, 5 the definition
-- Answers {1}: done; {0, revision}: this other revision is in force; {2}: the poll is closed; {-1}: no such poll.

local key = KEYS[1]
local head = redis.call('HMGET', key, 'revision', 'phase', 'closes_at', 'definition')
if head[4] == ARGV[5] then return {1} end
if head[1] and head[1] ~= ARGV[1] then return {0, tonumber(head[1])} end
if not head[1] and ARGV[1] ~= '0' then return {-1} end
if head[1] then
  local closed = head[2] == '2'
  if head[2] == '1' and head[3] ~= '' then
    local clock = redis.call('TIME')
    closed = tonumber(head[3]) <= clock[1] * 1000 + math.floor(clock[2] / 1000)
  end
  if closed then return {2} end
end
redis.call('HSET', key, 'revision', ARGV[2], 'phase', ARGV[3], 'closes_at', ARGV[4], 'definition', ARGV[5])
return {1}
