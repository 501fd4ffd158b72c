-- Takes an article's names from its site's addresses, but those that name another by now. `put_article.lua` says what a
-- value is.
local function unname(addresses, id, value)
  local first = string.byte(value, 17) == 1 and string.sub(value, 18, 33) or string.sub(value, 1, 16)
  for _, name in ipairs({string.sub(value, 1, 16), first, 'f' .. first}) do
    if redis.call('HGET', addresses, name) == id then redis.call('HDEL', addresses, name) end
  end
end
