-- One campaign's numbers after a page. KEYS[1]: the hash. ARGV: epoch, the position that was read with that epoch ('' = none), then field, value, ...
-- Nothing is written when another run was faster, or the hash was lost, since it was read. Returns 1 when written, else 0.
local found = redis.call('HMGET', KEYS[1], 'epoch', 'position')
local position = ''
if found[1] == ARGV[1] then position = found[2] end
if position ~= ARGV[2] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], unpack(ARGV, 3))
return 1
