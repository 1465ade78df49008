-- KEYS[1]: the copy. ARGV: the new entry, its version, ms to keep it. A later version stays, and a row of the same version stays before an entry without one.
-- What cannot be read, or ends later than any copy does, is replaced. Returns 1 when written.
if redis.call('TYPE', KEYS[1]).ok ~= 'string' then redis.call('DEL', KEYS[1]) end
local stored = redis.call('GET', KEYS[1])
if stored and redis.call('PTTL', KEYS[1]) >= 0 and redis.call('PTTL', KEYS[1]) <= tonumber(ARGV[3]) then
  local readable, entry = pcall(cjson.decode, stored)
  local version = readable and type(entry) == 'table' and tonumber(entry.version)
  if version and (version > tonumber(ARGV[2]) or (version == tonumber(ARGV[2]) and entry.row)) then return 0 end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
return 1
