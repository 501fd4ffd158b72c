-- What is told beside a change, until it is carried to its site's log. Stands before every script that tells something.

-- How long after its announcement a change may be made, in milliseconds. The relay goes on looking for longer.
local LATE = 10000

-- Whether a change comes too late to be told: by `announced`, a time of this server's clock in microseconds, before which
-- it was not announced, or nothing if it is not told; and `moment`, the time in milliseconds.
local function is_late(announced, moment) return announced ~= '' and moment - tonumber(announced) / 1000 > LATE end

-- Appends entries to an outbox: from a place in ARGV on, a stage and an entry each. A stage that is not beyond the one
-- told already is not told again. Returns the stage that is told now.
local function tell(outbox, told, first)
  for place = first, #ARGV, 2 do
    local stage = tonumber(ARGV[place])
    if stage == 0 or stage > told then redis.call('RPUSH', outbox, ARGV[place + 1]) end
    if stage > told then told = stage end
  end
  return told
end

