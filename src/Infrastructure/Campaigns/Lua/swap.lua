-- The next checkpoint becomes the serving one, if there is one and it is not behind. KEYS[1]: the checkpoints' hash. Returns 1 when swapped.
local found = redis.call('HMGET', KEYS[1], 'next_epoch', 'next_sequence', 'sequence')
if not found[1] or tonumber(found[2]) < tonumber(found[3] or '0') then return 0 end
redis.call('HSET', KEYS[1], 'epoch', found[1], 'sequence', found[2])
redis.call('HDEL', KEYS[1], 'next_epoch', 'next_sequence')
return 1
