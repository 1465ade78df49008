-- Prepended to every script of the queue. KEYS[1] is the key prefix "bull:<queue>:".
-- Layout and events: BullMQ >= 5.53, docs/decisions/0020-queue-keys.md. Job data and options pass through as text.
local prefix = KEYS[1]
local WAIT, ACTIVE, DELAYED = prefix .. 'wait', prefix .. 'active', prefix .. 'delayed'
local PRIORITIZED, PRIORITY_COUNTER = prefix .. 'prioritized', prefix .. 'pc'
local STALLED, MARKER, EVENTS, META = prefix .. 'stalled', prefix .. 'marker', prefix .. 'events', prefix .. 'meta'

local meta = redis.call('HMGET', META, 'paused', 'concurrency', 'max', 'duration', 'opts.maxLenEvents')
local concurrency = tonumber(meta[2]) or 0

local function int(n) return string.format('%.0f', n) end

-- What lies under a job's id may have been written by anybody: one odd value must not keep the others of its batch from being taken or settled.
local function is_job(id) return redis.call('TYPE', prefix .. id).ok == 'hash' end

local function one_more(job, field)
  local made = redis.pcall('HINCRBY', job, field, 1)
  if type(made) == 'number' then return made end
  redis.call('HSET', job, field, '1')
  return 1
end

local function emit(event, ...) redis.call('XADD', EVENTS, '*', 'event', event, ...) end

-- Once per script instead of once per event; a script writes at most a few thousand.
local function trim_events()
  local max = meta[5]
  if not max then
    max = '10000'
    redis.call('HSET', META, 'opts.maxLenEvents', max)
  end
  redis.call('XTRIM', EVENTS, 'MAXLEN', '~', max)
end

local function idle()
  return redis.call('LLEN', WAIT) == 0 and redis.call('ZCARD', PRIORITIZED) == 0
end

-- Leaves one token for one sleeping worker, if there is something it may take.
local function wake()
  if meta[1] or idle() then return end
  if concurrency > 0 and redis.call('LLEN', ACTIVE) >= concurrency then return end
  redis.call('ZADD', MARKER, 0, '0')
end

-- Leaves the time (ms) at which the earliest delayed job is due.
local function wake_when_due()
  local first = redis.call('ZRANGE', DELAYED, 0, 0, 'WITHSCORES')
  if first[2] then redis.call('ZADD', MARKER, int(math.floor(tonumber(first[2]) / 4096)), '1') end
end

local function prioritize(id, priority)
  local n = redis.call('INCR', PRIORITY_COUNTER)
  redis.call('ZADD', PRIORITIZED, int(priority * 4294967296 + n % 4294967296), id)
end

-- To the back of its line; a job with a priority has its own line.
local function line_up(id, priority)
  if priority > 0 then prioritize(id, priority) else redis.call('LPUSH', WAIT, id) end
end

-- Jobs due in the same millisecond keep their order; from the 4096th on they share a score.
local function delay_until(id, due)
  local first = due * 4096
  local last = redis.call('ZREVRANGEBYSCORE', DELAYED, int(first + 4095), int(first), 'WITHSCORES', 'LIMIT', 0, 1)
  local score = first
  if last[2] then score = math.min(tonumber(last[2]) + 1, first + 4095) end
  redis.call('ZADD', DELAYED, int(score), id)
  emit('delayed', 'jobId', id, 'delay', int(due))
end

-- Takes an active job out of its owner's hands. 0, or -1 no job, -2 no lock, -3 not active, -4 children pending, -6 other owner.
local function release(id, token)
  local job = prefix .. id
  if not is_job(id) then return -1 end
  local owner = redis.call('GET', job .. ':lock')
  if not owner then return -2 end
  if owner ~= token then return -6 end
  local pending = redis.pcall('SCARD', job .. ':dependencies')
  if type(pending) == 'number' and pending > 0 then return -4 end
  redis.call('DEL', job .. ':lock')
  redis.call('SREM', STALLED, id)
  if redis.call('LREM', ACTIVE, -1, id) == 0 then return -3 end
  return 0
end

-- Appends one attempt's stack (plain text) to the job's JSON array, keeping the last `limit`.
local function record_failure(id, reason, stack, limit)
  local job, lines = prefix .. id, {}
  local ok, stored = pcall(cjson.decode, redis.call('HGET', job, 'stacktrace') or '[]')
  if ok and type(stored) == 'table' then lines = stored end
  if stack ~= '' then lines[#lines + 1] = stack end
  while #lines > limit do table.remove(lines, 1) end
  local text = #lines == 0 and '[]' or cjson.encode(lines)
  redis.call('HSET', job, 'failedReason', reason, 'stacktrace', text)
end
