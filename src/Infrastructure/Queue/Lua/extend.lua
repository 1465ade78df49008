-- ARGV: lock ms, then per job: id, token. Returns the ids whose lock is gone or somebody else's.
local lost = {}
for a = 2, #ARGV, 2 do
  local id, lock = ARGV[a], prefix .. ARGV[a] .. ':lock'
  if redis.call('GET', lock) == ARGV[a + 1] then
    redis.call('PEXPIRE', lock, ARGV[1])
    redis.call('SREM', STALLED, id)
  else
    lost[#lost + 1] = id
  end
end
return lost
