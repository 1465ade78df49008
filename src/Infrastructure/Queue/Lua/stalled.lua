-- ARGV: now ms, sweep interval ms, times a job may stall.
-- Returns the ids put back; nothing when somebody swept within the interval.
local PAGE = 1000
if not redis.call('SET', prefix .. 'stalled-check', ARGV[1], 'NX', 'PX', ARGV[2]) then return {} end

local recovered = {}
for _, id in ipairs(redis.call('SMEMBERS', STALLED)) do
  local job = prefix .. id
  if redis.call('EXISTS', job .. ':lock') == 0 and redis.call('LREM', ACTIVE, -1, id) > 0
    and is_job(id) then
    local stalls = one_more(job, 'stc')
    if stalls > tonumber(ARGV[3]) and redis.call('HEXISTS', job, 'rjk') == 0 then
      redis.call('HSET', job, 'defa', 'job stalled more than allowable limit')
    end
    redis.call('RPUSH', WAIT, id)
    emit('waiting', 'jobId', id, 'prev', 'active')
    emit('stalled', 'jobId', id)
    recovered[#recovered + 1] = id
  end
end

-- Everything active is suspect until its owner renews the lock.
redis.call('DEL', STALLED)
for from = 0, redis.call('LLEN', ACTIVE) - 1, PAGE do
  redis.call('SADD', STALLED, unpack(redis.call('LRANGE', ACTIVE, from, from + PAGE - 1)))
end
if #recovered > 0 then
  wake()
  trim_events()
end
return recovered
