-- Puts a poll's definition in place of the revision before it. Safe to run twice: what is in place already counts as
-- put.
--
-- KEYS: poll, the same poll while it is being deleted, its outbox
-- ARGV: 1 the revision it replaces (0: none), 2 its own revision, 3 phase, 4 closes_at, 5 the definition
--       6 the reshape it begins (JSON), if it begins one
--       7 its own revision if timelines begin anew with it
--       8 the moment until which it may be put; until its closing time a live poll may be replaced anyway
--       9 the caller's time
--       10 1 if it says what became of a prediction: then the poll must be closed, and otherwise must not be
--       11 when the poll was made, as its definition has it: an article's poll may have gone, and another come with its id
--       12 when it was announced, if there is something to tell, then a stage and an entry each
-- Answers {1, the revision with which timelines last began anew, or 0}: done; {0}: another revision is in force; {2}: the poll is closed; {3}: the poll is being deleted; {4}: the clocks disagree about whether it is closed;
-- {5}: the poll is not closed, and would have to be; {6}: it comes too late; {-1}: no such poll, or another with its id.

local key = KEYS[1]
if redis.call('EXISTS', KEYS[2]) == 1 then return {3} end
local head = redis.call('HMGET', key, 'revision', 'phase', 'closes_at', 'definition', 'reshape', 'reshaped', 'told')
if head[4] == ARGV[5] and (head[5] or '') == ARGV[6] then return {1, tonumber(head[6] or 0)} end
if head[1] and ARGV[1] ~= '0' and cjson.decode(head[4]).created_at ~= ARGV[11] then return {-1} end
if head[1] and head[1] ~= ARGV[1] then return {0} end
if not head[1] and ARGV[1] ~= '0' then return {-1} end
if is_late(ARGV[12], now) then return {6} end
if ARGV[10] == '1' then
  local is_over, unsure = has_come(head[2] == '1' and head[3] or '', ARGV[9])
  if head[2] ~= '2' and unsure then return {4} end
  if head[2] ~= '2' and not is_over then return {5} end
elseif head[1] then
  if head[2] == '2' then return {2} end
  for _, moment in ipairs({head[2] == '1' and head[3] or '', ARGV[8]}) do
    local is_over, unsure = has_come(moment, ARGV[9])
    if unsure then return {4} end
    if is_over then return {2} end
  end
end
redis.call('HSET', key, 'revision', ARGV[2], 'phase', ARGV[3], 'closes_at', ARGV[4], 'definition', ARGV[5])
if ARGV[6] ~= '' then redis.call('HSET', key, 'reshape', ARGV[6]) else redis.call('HDEL', key, 'reshape') end
if ARGV[7] ~= '' then redis.call('HSET', key, 'reshaped', ARGV[7]) end
if ARGV[12] ~= '' then redis.call('HSET', key, 'told', tell(KEYS[3], tonumber(head[7] or 0), 13)) end
return {1, tonumber(ARGV[7] ~= '' and ARGV[7] or head[6] or 0)}
