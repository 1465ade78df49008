-- KEYS[1]: the number's hash. ARGV: permits that were not used, end of the window they were of in Unix ms. They are free again in that window;
-- a later one never counted them.
if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then return 0 end
local stored = redis.call('HMGET', KEYS[1], 'count', 'reset_at')
local count = tonumber(stored[1])
if not count or tonumber(stored[2]) ~= tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], 'count', math.max(0, count - tonumber(ARGV[1])))
return 1
