-- A checkpoint of the projection. KEYS[1]: its hash. ARGV: epoch, sequence, prefix of the fields ('' of the view that serves, 'next_' of the one that is built beside it).
-- With sequence '' it is begun when absent. Else it is moved forward, if the epoch still is the one given. Returns {epoch, sequence}, or nil when it is another.
local epoch, sequence = ARGV[3] .. 'epoch', ARGV[3] .. 'sequence'
local found = redis.call('HMGET', KEYS[1], epoch, sequence)
if ARGV[2] == '' then
  if not found[1] then
    redis.call('HSET', KEYS[1], epoch, ARGV[1], sequence, '0')
    return {ARGV[1], '0'}
  end
  return found
end
if found[1] ~= ARGV[1] then return nil end
if tonumber(found[2]) < tonumber(ARGV[2]) then redis.call('HSET', KEYS[1], sequence, ARGV[2]) end
return {found[1], ARGV[2]}
