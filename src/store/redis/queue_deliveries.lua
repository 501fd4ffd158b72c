-- Queues events for a webhook, and moves its cursor. Safe to run twice.
--
-- KEYS: the lease, the webhooks' cursors, the webhook's deliveries, those that are due, all in order
-- ARGV: 1 who holds the lease, 2 the webhook's id, 3 where its cursor is, 4 where it is then, 5 how many may wait,
--       6 how many are kept, then of each delivery the event, the record and when it is due
-- Answers 1: they are queued; 0: another has the lease, the cursor is elsewhere, or there is no such webhook; -1: so many
-- wait already.

if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local cursor = redis.call('HGET', KEYS[2], ARGV[2])
if cursor == ARGV[4] then return 1 end
if cursor ~= ARGV[3] then return 0 end
if redis.call('ZCARD', KEYS[4]) >= tonumber(ARGV[5]) then return -1 end
for place = 7, #ARGV, 3 do
  redis.call('HSET', KEYS[3], ARGV[place], ARGV[place + 1])
  redis.call('ZADD', KEYS[4], ARGV[place + 2], ARGV[place])
  redis.call('ZADD', KEYS[5], ARGV[place], ARGV[place])
end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[4])
local too_many = redis.call('ZCARD', KEYS[5]) - tonumber(ARGV[6])
if too_many > 0 then
  for _, event in ipairs(redis.call('ZRANGE', KEYS[5], 0, -1)) do
    if too_many <= 0 then break end
    if not redis.call('ZSCORE', KEYS[4], event) then
      redis.call('ZREM', KEYS[5], event)
      redis.call('HDEL', KEYS[3], event)
      too_many = too_many - 1
    end
  end
end
return 1
