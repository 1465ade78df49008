-- ARGV: '1' to pause, '0' to resume. Waiting jobs stay where they are; a line left by BullMQ <= 5 is put back.
if ARGV[1] == '1' then
  redis.call('HSET', META, 'paused', '1')
  redis.call('DEL', MARKER)
  emit('paused')
else
  redis.call('HDEL', META, 'paused')
  meta[1] = false
  while redis.call('RPOPLPUSH', prefix .. 'paused', WAIT) do end
  emit('resumed')
  wake_when_due()
  wake()
end
trim_events()
