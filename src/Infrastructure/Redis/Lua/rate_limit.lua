-- KEYS[1]: the number's hash. ARGV: permits wanted, permits per window, window ms, longest life of the key ms.
-- Returns { permits granted, ms until the next window, 0 when all were granted }. Redis' clock, so that hosts need not agree.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local wanted, per_window, window_ms = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])

local stored = redis.call('HMGET', KEYS[1], 'count', 'reset_at', 'lowered_to', 'lowered_until')
local count, reset_at = tonumber(stored[1]) or 0, tonumber(stored[2]) or 0
local lowered_until = tonumber(stored[4]) or 0
if now >= reset_at then count, reset_at = 0, now + window_ms end
if now < lowered_until then per_window = math.min(per_window, tonumber(stored[3])) end

local granted = math.max(0, math.min(wanted, per_window - count))
redis.call('HSET', KEYS[1], 'count', count + granted, 'reset_at', string.format('%.0f', reset_at))
redis.call('PEXPIRE', KEYS[1], math.min(math.max(reset_at, lowered_until) - now + window_ms, tonumber(ARGV[4])))
return { granted, granted < wanted and reset_at - now or 0 }
