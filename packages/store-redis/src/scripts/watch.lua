-- Lists subjects of one bucket as watched by a process, or removes them.
-- KEYS  1 the processes that watch subjects of the bucket
-- ARGV  1 node · 2 how long the lists are kept, ms: longer than until the process lists its subjects again · 3 "1" to remove
--       4… subjects, as numbers
-- Out   1. Idempotent.
local node, keep_ms, removes = unpack(ARGV, 1, 3)
local list = key .. ':' .. node
for first = 4, #ARGV, 500 do
  redis.call(removes == '1' and 'SREM' or 'SADD', list, unpack(ARGV, first, math.min(first + 499, #ARGV)))
end
if redis.call('PEXPIRE', list, keep_ms) == 0 then
  redis.call('SREM', key, node)
else
  redis.call('SADD', key, node)
  redis.call('PEXPIRE', key, keep_ms)
end
return 1
