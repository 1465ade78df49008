-- ARGV: now ms, then per job: id, name, data, opts, delay ms, priority, lifo ('1').
-- Returns the ids that existed already; nothing was added for those.
local now, count = tonumber(ARGV[1]), (#ARGV - 1) / 7
redis.call('INCRBY', prefix .. 'id', count)

local duplicates, any_delayed = {}, false
for i = 0, count - 1 do
  local a = 2 + i * 7
  local id, delay, priority = ARGV[a], tonumber(ARGV[a + 4]), tonumber(ARGV[a + 5])
  local job = prefix .. id
  if redis.call('EXISTS', job) == 1 then
    duplicates[#duplicates + 1] = id
    emit('duplicated', 'jobId', id)
  else
    redis.call('HSET', job, 'name', ARGV[a + 1], 'data', ARGV[a + 2], 'opts', ARGV[a + 3],
      'timestamp', ARGV[1], 'delay', ARGV[a + 4], 'priority', ARGV[a + 5])
    emit('added', 'jobId', id, 'name', ARGV[a + 1])
    if delay > 0 then
      delay_until(id, now + delay)
      any_delayed = true
    else
      if priority == 0 and ARGV[a + 6] == '1' then redis.call('RPUSH', WAIT, id) else line_up(id, priority) end
      emit('waiting', 'jobId', id)
    end
  end
end

if any_delayed then wake_when_due() end
wake()
trim_events()
return duplicates
