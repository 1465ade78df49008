-- Moves a checkpoint of the projection forward. KEYS[1]: its hash. ARGV: prefix of the fields ('' or 'next_'), epoch, sequence, MAC.
-- Returns 1, also when it is further already; 0 when it is another epoch's.
local epoch, sequence, mac = ARGV[1] .. 'epoch', ARGV[1] .. 'sequence', ARGV[1] .. 'mac'
local found = redis.call('HMGET', KEYS[1], epoch, sequence)
if found[1] ~= ARGV[2] then return 0 end
local at = tonumber(found[2])
if not at or at < tonumber(ARGV[3]) then redis.call('HSET', KEYS[1], sequence, ARGV[3], mac, ARGV[4]) end
return 1
