-- Enters a login of a subject into the order of its logins. The session is listed in the subject's index before.
-- KEYS  1 order of logins · 2 index
-- ARGV  1 session id
-- Out   {now, id, number, …}: all logins, the oldest first. A repeat makes the login the newest again.
local session = ARGV[1]
local at = now_ms()
local first = redis.call('ZRANGE', key, 0, 63)
-- A session that the index does not list is dead.
for _, id in ipairs(first) do
  if not redis.call('ZSCORE', KEYS[2], id) then redis.call('ZREM', key, id) end
end
local last = tonumber(redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')[2] or '0')
redis.call('ZADD', key, math.max(last + 1, at), session)
expire_with_last(KEYS[2])
local answer = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
table.insert(answer, 1, tostring(at))
return answer
