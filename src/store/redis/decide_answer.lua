-- Decides what readers are shown of a text that ballots say, and tells of it if that is another decision. Safe to run
-- twice.
--
-- KEYS: answers, their outbox
-- ARGV: 1 which text (8 bytes), 2 the letter of what is shown, 3 when it was announced, if there is something to tell, then a stage and
--       an entry each
-- Answers {1, what is kept of the text}; {0}: no ballot says it; {6}: it comes too late.

local kept = redis.call('HGET', KEYS[1], ARGV[1])
if not kept then return {0} end
local decided = ARGV[2] .. string.sub(kept, 2)
if decided ~= kept then
  local clock = redis.call('TIME')
  if is_late(ARGV[3], clock[1] * 1000 + clock[2] / 1000) then return {6} end
  redis.call('HSET', KEYS[1], ARGV[1], decided)
  tell(KEYS[2], 0, 4)
end
return {1, decided}
