-- KEYS[1]: the number's hash. ARGV: permits per window, for ms, longest life of the key ms, longest lowering ms.
-- A lowering that is still on is only ever made stricter; one that no call of ours writes counts as absent.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local longest = math.min(tonumber(ARGV[3]), tonumber(ARGV[4]))
local permits, till = tonumber(ARGV[1]), now + math.min(tonumber(ARGV[2]), longest)
if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then redis.call('DEL', KEYS[1]) end

local stored = redis.call('HMGET', KEYS[1], 'lowered_to', 'lowered_until')
local before, until_then = tonumber(stored[1]), tonumber(stored[2]) or 0
if before and before >= 0 and until_then > now and until_then <= now + longest then
  permits, till = math.min(permits, before), math.max(till, until_then)
end
redis.call('HSET', KEYS[1], 'lowered_to', permits, 'lowered_until', string.format('%.0f', till))
redis.call('PEXPIRE', KEYS[1], math.max(till - now, redis.call('PTTL', KEYS[1])))
