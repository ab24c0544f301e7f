-- Lists a session under a subject before it becomes the subject's, and reads the subject's epoch.
-- KEYS  1 index · 2 epoch
-- ARGV  1 entry · 2 a time after which the session can't be live, 0 for never · 3 how many entries to look at
-- Out   {epoch, now, entry…}: some that are listed, for the caller to see whether their sessions are still there
-- Idempotent: nothing is unlisted, and the index only stays longer, so a late repeat lists at most what is listed or was.
local left = redis.call('PTTL', key)
redis.call('ZADD', key, 0, ARGV[1])
local untill = tonumber(ARGV[2])
if untill == 0 then
  if left >= 0 then redis.call('PERSIST', key) end
elseif left == -2 or (left >= 0 and now_ms() + left < untill) then
  redis.call('PEXPIREAT', key, ARGV[2])
end
local reply = redis.call('ZRANDMEMBER', key, '-' .. ARGV[3])
table.insert(reply, 1, now_ms())
table.insert(reply, 1, tonumber(redis.call('GET', KEYS[2]) or '0'))
return reply
