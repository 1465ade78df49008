-- KEYS[1]: a number and a person. ARGV: ms between two messages, messages that may go at once.
-- Returns 0 when one may go now, else the ms after which it may. Holds the time (Redis' clock, ms) at which all that went is paid for.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local paid = redis.call('TYPE', KEYS[1]).ok == 'string' and tonumber(redis.call('GET', KEYS[1])) or now
if paid < now or paid > now + burst * interval then paid = now end
local wait = paid - now - (burst - 1) * interval
if wait > 0 then return wait end
redis.call('SET', KEYS[1], string.format('%.0f', paid + interval), 'PX', string.format('%.0f', paid + interval - now))
return 0
