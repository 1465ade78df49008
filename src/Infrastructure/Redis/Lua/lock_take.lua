-- KEYS[1]: the lock. ARGV: token, ms to hold it, longest ms anybody holds one. Returns 1 when it is ours now.
-- What ends later than any holder of ours would, or never, or is no text, was written by somebody else and keeps nobody out.
local left = redis.call('PTTL', KEYS[1])
local holds = left > 0 and left <= tonumber(ARGV[3]) and redis.call('TYPE', KEYS[1]).ok == 'string'
if holds then return 0 end
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
