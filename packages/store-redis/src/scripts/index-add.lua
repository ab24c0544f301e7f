-- Lists a session under a subject before it becomes the subject's, and reads the subject's epoch.
-- KEYS  1 index · 2 epoch
-- ARGV  1 session id · 2 score: a time after which the session can't be live, or "+inf" · 3 now, less what clocks differ by
-- Out   epoch
-- Idempotent: scores only rise, so a late repeat lists at most what is listed or was.
redis.call('ZREMRANGEBYSCORE', key, '-inf', '(' .. ARGV[3])
redis.call('ZADD', key, 'GT', ARGV[2], ARGV[1])
local last = redis.call('ZREVRANGE', key, 0, 0, 'WITHSCORES')[2]
if last == 'inf' then
  redis.call('PERSIST', key)
else
  redis.call('PEXPIREAT', key, (tonumber(last)))
end
return tonumber(redis.call('GET', KEYS[2]) or '0')
