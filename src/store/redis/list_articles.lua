-- A site's articles, those published last first. Those of one moment are in the order of their ids, the last one first.
--
-- KEYS: the site's articles, their places
-- ARGV: at most so many; and, of the place behind which they are wanted, when its article was published, and its id
-- Answers their records.

if tonumber(ARGV[1]) < 1 then return {} end
local from = 0
local at, id = ARGV[2], ARGV[3]
if at then
  local score = redis.call('ZSCORE', KEYS[2], id)
  if score and tonumber(score) == tonumber(at) then
    from = redis.call('ZREVRANK', KEYS[2], id) + 1
  else
    -- No article stands there any more.
    from = redis.call('ZCOUNT', KEYS[2], '(' .. at, '+inf')
    for _, other in ipairs(redis.call('ZRANGE', KEYS[2], at, at, 'BYSCORE')) do
      if other > id then from = from + 1 end
    end
  end
end
local ids = redis.call('ZRANGE', KEYS[2], from, from + ARGV[1] - 1, 'REV')
if #ids == 0 then return {} end
return redis.call('HMGET', KEYS[1], unpack(ids))
