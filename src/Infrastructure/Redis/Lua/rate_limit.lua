-- KEYS[1]: the number's hash. ARGV: permits wanted, permits per window, window ms, longest life of the key ms, longest lowering ms.
-- Returns { permits granted, ms until the next window, 0 when all were granted, end of this window in Unix ms }. Redis' clock, so that hosts need not agree.
-- Whoever can write the hash can hold the number up for a window, and no longer: what no call of ours writes counts as absent.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local wanted, per_window, window_ms = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then redis.call('DEL', KEYS[1]) end

local stored = redis.call('HMGET', KEYS[1], 'count', 'reset_at', 'lowered_to', 'lowered_until')
local count, reset_at = tonumber(stored[1]) or 0, tonumber(stored[2]) or 0
local lowered_to, lowered_until = tonumber(stored[3]), tonumber(stored[4]) or 0
if not (now < reset_at and reset_at <= now + window_ms and count >= 0) then count, reset_at = 0, now + window_ms end
if not (lowered_to and lowered_to >= 0 and lowered_until <= now + tonumber(ARGV[5])) then lowered_until = 0 end
if now < lowered_until then per_window = math.min(per_window, lowered_to) end

local granted = math.max(0, math.min(wanted, per_window - count))
redis.call('HSET', KEYS[1], 'count', count + granted, 'reset_at', string.format('%.0f', reset_at))
if lowered_until == 0 and stored[4] then redis.call('HDEL', KEYS[1], 'lowered_to', 'lowered_until') end
redis.call('PEXPIRE', KEYS[1], math.min(math.max(reset_at, lowered_until) - now + window_ms, tonumber(ARGV[4])))
return { granted, granted < wanted and reset_at - now or 0, reset_at }
