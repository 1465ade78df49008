-- ARGV: now ms, then per job: id, token, delay ms, attempt counted ('1', else it goes to the front), reason, stack, stacks kept.
-- Returns one code per job: 0, or release()'s.
local STRIDE = 7
local now = tonumber(ARGV[1])

local codes, any_delayed, moved = {}, false, 0
for a = 2, #ARGV, STRIDE do
  local id, delay, counted = ARGV[a], tonumber(ARGV[a + 2]), ARGV[a + 3] == '1'
  local code = release(id, ARGV[a + 1])
  codes[#codes + 1] = code
  if code == 0 then
    local job = prefix .. id
    moved = moved + 1
    if counted then
      one_more(job, 'atm')
      record_failure(id, ARGV[a + 4], ARGV[a + 5], tonumber(ARGV[a + 6]))
    end
    if delay > 0 then
      redis.call('HSET', job, 'delay', ARGV[a + 2])
      delay_until(id, now + delay)
      any_delayed = true
    else
      local priority = tonumber(redis.call('HGET', job, 'priority')) or 0
      if priority == 0 and not counted then redis.call('RPUSH', WAIT, id) else line_up(id, priority) end
      emit('waiting', 'jobId', id, 'prev', 'active')
    end
  end
end

if moved > 0 then
  if any_delayed then wake_when_due() end
  wake()
  trim_events()
end
return codes
