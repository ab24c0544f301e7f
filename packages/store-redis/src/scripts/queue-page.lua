-- Reads the first entries of a queue.
-- KEYS  1 queue
-- ARGV  1 how many
-- Out   id, time, id, time, …
local entries = ARGV[1]
return redis.call('ZRANGE', key, 0, entries - 1, 'WITHSCORES')
