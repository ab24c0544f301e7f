-- Removes entries of a queue, if they are unchanged since they were read.
-- KEYS  1 queue
-- ARGV  id, time, id, time, … as queue-page.lua returns them
-- Out   how many entries were removed
local removed = 0
for index = 1, #ARGV, 2 do
  if redis.call('ZSCORE', key, ARGV[index]) == ARGV[index + 1] then
    removed = removed + redis.call('ZREM', key, ARGV[index])
  end
end
return removed
