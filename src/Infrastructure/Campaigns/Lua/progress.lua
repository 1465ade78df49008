-- One campaign's numbers after a page. KEYS[1]: the hash. ARGV: the MAC that was read ('' = none), then field, value, ...
-- Nothing is written when another run was faster, or the hash was lost, since it was read. Returns 1 when written, else 0.
if (redis.call('HGET', KEYS[1], 'mac') or '') ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
return 1
