-- Fields of a hash as HMGET reads them, which looks through a small hash from its beginning for each. Of many fields the
-- whole hash is read once. Stands before every script that reads a tally.

local MANY = 40

local function read_fields(key, fields)
  if #fields < MANY then return redis.call('HMGET', key, unpack(fields)) end
  local all, found = redis.call('HGETALL', key), {}
  for place = 1, #all, 2 do found[all[place]] = all[place + 1] end
  local values = {}
  for place, field in ipairs(fields) do values[place] = found[field] or false end
  return values
end

