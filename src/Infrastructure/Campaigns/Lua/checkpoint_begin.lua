-- Begins a checkpoint at 0, over whatever stands there. KEYS[1]: its hash. ARGV: prefix of the fields ('' of the view that serves, 'next_' of the one that is built beside it),
-- the MAC that was read ('' = none), epoch, MAC. Returns 1 when begun, 0 when somebody was faster.
if (redis.call('HGET', KEYS[1], ARGV[1] .. 'mac') or '') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1] .. 'epoch', ARGV[3], ARGV[1] .. 'sequence', '0', ARGV[1] .. 'mac', ARGV[4])
return 1
