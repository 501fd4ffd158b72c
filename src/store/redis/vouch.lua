-- Notes who vouches for a provisional poll. Safe to run twice.
--
-- KEYS: of the template: the open polls, the provisional ones, clients
-- ARGV: 1 poll, 2 the client, in eight bytes, or nothing for the publisher, 3 from how many clients on a poll stays
-- Answers 1: it is provisional still; 0: it is not; 2: it is not among the open ones.

if not redis.call('ZSCORE', KEYS[2], ARGV[1]) then return redis.call('ZSCORE', KEYS[1], ARGV[1]) and 0 or 2 end
if ARGV[2] ~= '' then
  local known = redis.call('HGET', KEYS[3], ARGV[1]) or ''
  for place = 1, #known, 8 do
    if string.sub(known, place, place + 7) == ARGV[2] then return 1 end
  end
  if #known / 8 + 1 < tonumber(ARGV[3]) then
    redis.call('HSET', KEYS[3], ARGV[1], known .. ARGV[2])
    return 1
  end
end
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[1])
return 0
