-- What ranks highest. Writes nothing.
--
-- KEYS: 1 landmarks, 2 the ranking
-- ARGV: 1 the window's number, 2 how long it is (milliseconds), 3 the most items
-- Answers items, each followed by its score now, the highest first.

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local landmark = tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or nil) or now
local weight = math.exp(-math.max(now - landmark, 0) / tonumber(ARGV[2]))
local ranked = redis.call('ZREVRANGE', KEYS[2], 0, ARGV[3] - 1, 'WITHSCORES')
for place = 2, #ranked, 2 do ranked[place] = string.format('%.17g', tonumber(ranked[place]) * weight) end
return ranked
