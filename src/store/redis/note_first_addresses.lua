-- Notes the first addresses of some of a site's articles, which an earlier version kept in their records alone. Safe to
-- run twice. `put_article.lua` says how they are kept.
--
-- KEYS: the site's articles, their addresses
-- ARGV: where to go on; 0 at first
-- Answers where to go on; 0 once all are noted.

local reply = redis.call('HSCAN', KEYS[1], ARGV[1], 'COUNT', 200)
local found = reply[2]
for at = 1, #found, 2 do
  local id, value = found[at], found[at + 1]
  local first = string.sub(value, 18, 33)
  if string.byte(value, 17) ~= 1 then
    local kept = cjson.decode(string.sub(value, 17)).first_address
    first = kept and kept ~= cjson.null and string.sub(value, 1, 16)
  end
  if first then redis.call('HSETNX', KEYS[2], 'f' .. first, id) end
end
if reply[1] == '0' then redis.call('HSET', KEYS[2], 'f', '') end
return {reply[1]}
