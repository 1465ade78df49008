-- KEYS[1]: the number's hash. ARGV: permits that were not used. They are free again in this window; in a later one they never were taken.
if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then return 0 end
local count = tonumber(redis.call('HGET', KEYS[1], 'count'))
if count then redis.call('HSET', KEYS[1], 'count', math.max(0, count - tonumber(ARGV[1]))) end
return 1
