-- ARGV: now ms, then per job: id, token, set ('completed' or 'failed'), value (return value as JSON, or the reason),
-- keep count (-1 all), keep age s (-1 for ever), removed at a time, stack, stacks kept, attempts allowed.
-- Returns one code per job: 0, or release()'s.
local STRIDE = 10
local now = tonumber(ARGV[1])
local COMPANIONS = { '', ':lock', ':logs', ':dependencies', ':processed', ':failed', ':unsuccessful' }

local function forget(id)
  local keys = {}
  for i, suffix in ipairs(COMPANIONS) do keys[i] = prefix .. id .. suffix end
  redis.call('DEL', unpack(keys))
end

local function forget_all(set, ids)
  for _, id in ipairs(ids) do
    forget(id)
    redis.call('ZREM', set, id)
  end
end

local function trim(rule)
  if rule.age >= 0 then
    forget_all(rule.set, redis.call('ZRANGEBYSCORE', rule.set, '-inf', int(now - rule.age * 1000), 'LIMIT', 0, rule.limit))
  end
  local extra = rule.count >= 0 and math.min(redis.call('ZCARD', rule.set) - rule.count, rule.limit) or 0
  if extra > 0 then forget_all(rule.set, redis.call('ZRANGE', rule.set, 0, extra - 1)) end
end

-- A deduplication key without an expiry lives as long as its job runs.
local function free_deduplication(id)
  local did = redis.call('HGET', prefix .. id, 'deid')
  if not did then return end
  local owned = prefix .. 'de:' .. did
  if redis.call('PTTL', owned) == -1 and redis.call('GET', owned) == id then redis.call('DEL', owned) end
end

local codes, rules, finished = {}, {}, 0
for a = 2, #ARGV, STRIDE do
  local id, set, value, count = ARGV[a], ARGV[a + 2], ARGV[a + 3], tonumber(ARGV[a + 4])
  local code = release(id, ARGV[a + 1])
  codes[#codes + 1] = code
  if code == 0 then
    local job = prefix .. id
    finished = finished + 1
    free_deduplication(id)
    local made = one_more(job, 'atm')
    if set == 'completed' then
      redis.call('HSET', job, 'returnvalue', value, 'finishedOn', ARGV[1])
      emit('completed', 'jobId', id, 'returnvalue', value, 'prev', 'active')
    else
      record_failure(id, value, ARGV[a + 7], tonumber(ARGV[a + 8]))
      redis.call('HSET', job, 'finishedOn', ARGV[1])
      redis.call('HDEL', job, 'defa')
      emit('failed', 'jobId', id, 'failedReason', value, 'prev', 'active')
      if made >= tonumber(ARGV[a + 9]) then emit('retries-exhausted', 'jobId', id, 'attemptsMade', made) end
    end
    if count == 0 then
      forget(id)
    else
      redis.call('ZADD', prefix .. set, ARGV[1], id)
      rules[set .. ARGV[a + 4] .. '/' .. ARGV[a + 5]] =
        { set = prefix .. set, count = count, age = tonumber(ARGV[a + 5]), limit = tonumber(ARGV[a + 6]) }
    end
  end
end

for _, rule in pairs(rules) do trim(rule) end
if finished > 0 then
  if idle() and redis.call('LLEN', ACTIVE) == 0 then emit('drained') end
  wake()
  trim_events()
end
return codes
