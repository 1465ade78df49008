-- The next checkpoint becomes the serving one, if there is one. KEYS[1]: the checkpoints' hash. Returns 1 when swapped.
local found = redis.call('HMGET', KEYS[1], 'next_epoch', 'next_sequence', 'next_mac')
if not (found[1] and found[2] and found[3]) then return 0 end
redis.call('HSET', KEYS[1], 'epoch', found[1], 'sequence', found[2], 'mac', found[3])
redis.call('HDEL', KEYS[1], 'next_epoch', 'next_sequence', 'next_mac')
return 1
