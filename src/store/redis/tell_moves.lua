-- Tells what the clock has made of a poll, unless it is told. Safe to run twice.
--
-- KEYS: poll, its outbox
-- ARGV: 1 the poll's revision, 2 the caller's time, 3 when it was announced, then of each move its stage, its time and the entry
-- Answers {1, 1 if something was told}; {0}: another revision is in force, or the clocks disagree; {-1}: no such poll;
-- {6}: it comes too late.

local head = redis.call('HMGET', KEYS[1], 'revision', 'told')
if not head[1] then return {-1} end
if head[1] ~= ARGV[1] then return {0} end
if is_late(ARGV[3], now) then return {6} end
local before = tonumber(head[2] or 0)
local told, is_sure = before, true
for place = 4, #ARGV, 3 do
  local stage = tonumber(ARGV[place])
  local is_made, unsure = has_come(ARGV[place + 1], ARGV[2])
  if unsure then is_sure = false end
  if is_made and stage > told then
    redis.call('RPUSH', KEYS[2], ARGV[place + 2])
    told = stage
  end
end
if tonumber(head[2] or -1) ~= told then redis.call('HSET', KEYS[1], 'told', told) end
if not is_sure then return {0} end
return {1, told > before and 1 or 0}
