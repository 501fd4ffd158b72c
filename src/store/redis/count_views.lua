-- Counts a batch of views, and what moves a site's rankings. A batch that its writer has sent before changes nothing, so
-- it is safe to run twice. ../views.rs says how scores decay.
--
-- KEYS: 1 site, 2 its polls, 3 the views of its polls, 4 the writer's last batch, 5 landmarks, then the rankings: those
--   of the first measure, a window each, then those of the next; then of each template whose polls were seen its open
--   polls and the old ones
-- ARGV: 1 the batch's number, 2 how long a writer is remembered (seconds), 3 the most items in a ranking, 4 the least
--   score, 5 how many windows a landmark holds, 6 after how many quiet ones a ranking is forgotten, 7 how many measures
--   there are, 8 how many windows, then how long each is (milliseconds); how many polls were seen, then of each its id,
--   its views, and the place of its template among those in KEYS, or 0 if it has none; then of each move its measure, its
--   item and the count
-- Answers 1; 0: there is no such site.

if redis.call('HEXISTS', KEYS[1], 'created_at') == 0 then return 0 end
if (tonumber(redis.call('GET', KEYS[4]) or nil) or 0) >= tonumber(ARGV[1]) then return 1 end
redis.call('SET', KEYS[4], ARGV[1], 'EX', ARGV[2])

local most, least, longest, quiet = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local measures, windows = tonumber(ARGV[7]), tonumber(ARGV[8])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local length, weight = {}, {}

local function ranking(measure, window) return KEYS[5 + measure * windows + window] end

-- Forgets what is low, what is too much, and in the end all of it.
local function trim(key, window)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', string.format('(%.17g', least * weight[window]))
  local over = redis.call('ZCARD', key) - most
  if over > 0 then redis.call('ZREMRANGEBYRANK', key, 0, over - 1) end
  redis.call('PEXPIRE', key, length[window] * quiet)
end

for window = 1, windows do
  length[window] = tonumber(ARGV[8 + window])
  local landmark = tonumber(redis.call('HGET', KEYS[5], window) or nil)
  local passed = landmark and (now - landmark) / length[window] or -1
  weight[window] = math.exp(math.max(passed, 0))
  if passed < 0 or passed > longest then
    weight[window] = 1
    for measure = 0, measures - 1 do
      local key = ranking(measure, window)
      if passed > 0 then redis.call('ZUNIONSTORE', key, 1, key, 'WEIGHTS', string.format('%.17g', math.exp(-passed))) end
      trim(key, window)
    end
    redis.call('HSET', KEYS[5], window, now)
  end
end

local function is_listed(poll, template)
  if template == 0 then return redis.call('ZSCORE', KEYS[2], poll) end
  local open = 5 + measures * windows + 2 * template - 1
  return redis.call('ZSCORE', KEYS[open], poll) or redis.call('ZSCORE', KEYS[open + 1], poll)
end

local at = 9 + windows
for _ = 1, tonumber(ARGV[at]) do
  if is_listed(ARGV[at + 1], tonumber(ARGV[at + 3])) then redis.call('HINCRBY', KEYS[3], ARGV[at + 1], ARGV[at + 2]) end
  at = at + 3
end

local moved = {}
at = at + 1
while ARGV[at] do
  local measure, item, count = tonumber(ARGV[at]), ARGV[at + 1], tonumber(ARGV[at + 2])
  if string.sub(item, 1, 2) ~= 'p:' or is_listed(string.sub(item, 3), 0) then
    for window = 1, windows do
      redis.call('ZINCRBY', ranking(measure, window), string.format('%.17g', count * weight[window]), item)
    end
    moved[measure] = true
  end
  at = at + 3
end
for measure in pairs(moved) do
  for window = 1, windows do trim(ranking(measure, window), window) end
end
return 1
