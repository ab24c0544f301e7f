-- Reads the first entries of a queue.
-- KEYS  1 queue
-- ARGV  1 how many
-- Out   id, time, id, time, …
return redis.call('ZRANGE', key, 0, ARGV[1] - 1, 'WITHSCORES')
