-- ARGV: now ms, token, lock ms, jobs wanted, worker name.
-- Returns { ms to wait because of the rate limit or 0, ms at which the next delayed job is due or 0, job... },
-- each job { id, its fields in the order of FIELDS }.
local now, token, lock_ms, wanted = tonumber(ARGV[1]), ARGV[2], ARGV[3], tonumber(ARGV[4])
local PROMOTED_MAX, UNLIMITED = 1000, 9007199254740991
local FIELDS = { 'name', 'data', 'opts', 'timestamp', 'priority', 'atm', 'ats', 'stc', 'defa', 'rjk', 'parentKey' }

local due = redis.call('ZRANGEBYSCORE', DELAYED, '-inf', int(now * 4096 + 4095), 'LIMIT', 0, PROMOTED_MAX)
if #due > 0 then
  redis.call('ZREM', DELAYED, unpack(due))
  for _, id in ipairs(due) do
    if is_job(id) then
      line_up(id, tonumber(redis.call('HGET', prefix .. id, 'priority')) or 0)
      redis.call('HSET', prefix .. id, 'delay', '0')
      emit('waiting', 'jobId', id, 'prev', 'delayed')
    end
  end
end

local function next_due()
  local first = redis.call('ZRANGE', DELAYED, 0, 0, 'WITHSCORES')
  return first[2] and math.floor(tonumber(first[2]) / 4096) or 0
end

local function nothing(limited_ms)
  if #due > 0 then
    wake()
    trim_events()
  end
  return { limited_ms, next_due() }
end

if meta[1] then return nothing(0) end
if concurrency > 0 then wanted = math.min(wanted, concurrency - redis.call('LLEN', ACTIVE)) end
if wanted <= 0 then return nothing(0) end

-- `limiter` counts the starts of this window; a manual limit writes 2^53-1 into it.
local limit = tonumber(meta[3]) or UNLIMITED
local started = tonumber(redis.call('GET', prefix .. 'limiter')) or 0
if started >= limit then
  local left = redis.call('PTTL', prefix .. 'limiter')
  if left > 0 then return nothing(left) end
  redis.call('DEL', prefix .. 'limiter')
  started = 0
end
wanted = math.min(wanted, limit - started)

local function pop(count)
  local ids = redis.call('RPOP', WAIT, count) or {}
  if #ids == count then return ids end
  local prioritized = redis.call('ZPOPMIN', PRIORITIZED, count - #ids)
  if #prioritized == 0 then redis.call('DEL', PRIORITY_COUNTER) end
  for i = 1, #prioritized, 2 do ids[#ids + 1] = prioritized[i] end
  return ids
end

local taken = {}
for _, id in ipairs(pop(wanted)) do
  local job = prefix .. id
  if is_job(id) then
    redis.call('LPUSH', ACTIVE, id)
    redis.call('SET', job .. ':lock', token, 'PX', lock_ms)
    redis.call('HSET', job, 'processedOn', ARGV[1], 'pb', ARGV[5])
    one_more(job, 'ats')
    emit('active', 'jobId', id, 'prev', 'waiting')
    taken[#taken + 1] = { id, redis.call('HMGET', job, unpack(FIELDS)) }
  end
end
if #taken == 0 then return nothing(0) end

if limit < UNLIMITED and meta[4] then
  redis.call('INCRBY', prefix .. 'limiter', #taken)
  if started == 0 then redis.call('PEXPIRE', prefix .. 'limiter', meta[4]) end
end
wake()
trim_events()
return { 0, next_due(), unpack(taken) }
