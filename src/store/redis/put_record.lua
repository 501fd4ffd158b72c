-- Keeps a place or a webhook of a site in the revision after the one before it. Safe to run twice: what is in place already
-- counts as put.
--
-- KEYS: site, its places or webhooks, its log, then of webhooks their cursors
-- ARGV: 1 id, 2 the revision before this one (0: none), 3 its own revision, 4 record, 5 how many the site may have,
--       6 the event, 7 of a webhook the cursor of a new one; but it begins behind all that is in the log
-- Answers 1: it is kept; 0 and the revision in force, or -1 without one: it is another; -1: there is no such site; -2:
-- the site has as many as it may.

if redis.call('HEXISTS', KEYS[1], 'created_at') == 0 then return {-1} end
local kept = ARGV[3] .. ' ' .. ARGV[4]
local before = redis.call('HGET', KEYS[2], ARGV[1])
if before == kept then return {1} end
local revision = before and string.match(before, '^%d+') or '0'
if revision ~= ARGV[2] then return {0, before and tonumber(revision) or -1} end
if not before and redis.call('HLEN', KEYS[2]) >= tonumber(ARGV[5]) then return {-2} end
redis.call('HSET', KEYS[2], ARGV[1], kept)
if KEYS[4] and not before then
  -- The log is ahead of a clock that was set back.
  local cursor = math.max(tonumber(ARGV[7]), last_id(KEYS[3]))
  redis.call('HSET', KEYS[4], ARGV[1], string.format('%016.0f', cursor))
end
append(KEYS[3], ARGV[6])
return {1}
