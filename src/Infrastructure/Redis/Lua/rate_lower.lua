-- KEYS[1]: the number's hash. ARGV: permits per window, for ms, longest life of the key ms.
-- A lowering that is still on is only ever made stricter.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local permits, till = tonumber(ARGV[1]), now + math.min(tonumber(ARGV[2]), tonumber(ARGV[3]))

local stored = redis.call('HMGET', KEYS[1], 'lowered_to', 'lowered_until')
if (tonumber(stored[2]) or 0) > now then
  permits, till = math.min(permits, tonumber(stored[1])), math.max(till, tonumber(stored[2]))
end
redis.call('HSET', KEYS[1], 'lowered_to', permits, 'lowered_until', string.format('%.0f', till))
redis.call('PEXPIRE', KEYS[1], math.max(till - now, redis.call('PTTL', KEYS[1])))
