-- Lists a session under a subject before it becomes the subject's, and reads the subject's epoch.
-- KEYS  1 index · 2 epoch
-- ARGV  1 session id · 2 the time, ms, after which the session cannot be live; 0 if it may live for ever
-- Out   {epoch or 0, now}
-- Idempotent: an entry never gets an earlier end.
local id, last_at = unpack(ARGV)
local at = now_ms()
remove_dead(at)
local wanted = last_at == '0' and ENDLESS + at or tonumber(last_at)
local listed = redis.call('ZSCORE', key, id)
if not listed or tonumber(listed) < wanted then
  -- Removes the entry first, because otherwise Redis refuses the script at maxmemory, and a live session would end.
  if listed then redis.call('ZREM', key, id) end
  redis.call('ZADD', key, wanted, id)
end
expire_with_last(key)
return { tonumber(redis.call('GET', KEYS[2]) or '0'), at }
