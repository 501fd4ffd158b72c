-- Takes tokens of a quota, all that are asked for or none: the generic cell rate algorithm, in whole microseconds.
-- What is kept is the moment at which every token is back. Run twice it takes twice.
--
-- KEYS: quota
-- ARGV: 1 how long one token takes to come back (microseconds), 2 the most tokens there are, 3 how many are asked for
-- Answers {0}: taken; {microseconds}: nothing was taken, and until then it will not be.

local period, most, asked = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local whole = tonumber(redis.call('GET', KEYS[1]) or nil) or now
-- A clock that was set back must not keep a client out for as long as it was set back by.
whole = math.min(math.max(whole, now), now + most * period)
local after = whole + asked * period
local early = after - (now + most * period)
if early > 0 then return {early} end
redis.call('SET', KEYS[1], string.format('%.0f', after), 'PX', math.ceil((after - now) / 1000))
return {0}
