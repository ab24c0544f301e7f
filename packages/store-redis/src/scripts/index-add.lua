-- Lists a session under a subject before it becomes the subject's, and reads the subject's epoch.
-- KEYS  1 index · 2 epoch
-- ARGV  1 session id · 2 a time after which the session can't be live, ms; 0 for never
-- Out   {epoch or 0, now}
-- Idempotent: a session is never listed for less time than before.
local id, last_at = unpack(ARGV)
local at = now_ms()
remove_dead(at)
local wanted = last_at == '0' and ENDLESS + at or tonumber(last_at)
local listed = redis.call('ZSCORE', key, id)
if not listed or tonumber(listed) < wanted then
  -- Taken out first, because otherwise Redis refuses the script at maxmemory, and a live session would end.
  if listed then redis.call('ZREM', key, id) end
  redis.call('ZADD', key, wanted, id)
end
expire_with_last()
return { tonumber(redis.call('GET', KEYS[2]) or '0'), at }
