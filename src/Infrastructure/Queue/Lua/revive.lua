-- ARGV: now ms, longest delay ms, then ids of jobs that ought to be waiting or running.
-- Forgets what lies under such an id and is in no line (ended, lost by a wipe, or written by a stranger), or is delayed for longer than any job is, so that it can be added again.
-- Returns the forgotten ids.
local now, delay_max = tonumber(ARGV[1]), tonumber(ARGV[2])
local COMPANIONS = { '', ':lock', ':logs', ':dependencies', ':processed', ':failed', ':unsuccessful' }

-- A line of another type holds nothing.
local function found(...)
  local reply = redis.pcall(...)
  return reply and not (type(reply) == 'table' and reply.err)
end

local function in_line(id)
  if redis.call('TYPE', prefix .. id).ok ~= 'hash' then return false end
  local due = redis.pcall('ZSCORE', DELAYED, id)
  if type(due) == 'string' then return math.floor(tonumber(due) / 4096) <= now + delay_max end
  return found('ZSCORE', PRIORITIZED, id) or found('LPOS', ACTIVE, id) or found('LPOS', WAIT, id) or found('LPOS', prefix .. 'paused', id)
end

local forgotten = {}
for a = 3, #ARGV do
  local id = ARGV[a]
  if redis.call('EXISTS', prefix .. id) == 1 and not in_line(id) then
    for _, suffix in ipairs(COMPANIONS) do redis.call('DEL', prefix .. id .. suffix) end
    for _, set in ipairs({ 'delayed', 'completed', 'failed' }) do redis.pcall('ZREM', prefix .. set, id) end
    forgotten[#forgotten + 1] = id
  end
end
return forgotten
