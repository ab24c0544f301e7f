-- Lists a session under a subject before it becomes the subject's, and reads the subject's epoch.
-- KEYS  1 index · 2 epoch
-- ARGV  1 session id · 2 a time after which the session can't be live, ms; 0 for never
-- Out   {epoch or 0, now}
-- Idempotent: a session is never listed for less time than before.
local at = now_ms()
remove_dead(at)
local wanted = ARGV[2] == '0' and ENDLESS + at or tonumber(ARGV[2])
local listed = redis.call('ZSCORE', key, ARGV[1])
if not listed or tonumber(listed) < wanted then
  -- Taken out first, because otherwise Redis refuses the script at maxmemory, and a live session would end.
  if listed then redis.call('ZREM', key, ARGV[1]) end
  redis.call('ZADD', key, wanted, ARGV[1])
end
expire_with_last()
return { tonumber(redis.call('GET', KEYS[2]) or '0'), at }
