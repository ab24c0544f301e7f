-- Shortens the entries of sessions that were destroyed, or that do not exist and were listed for ever.
-- KEYS  1 index
-- ARGV  1 not-after · 2 how long the entries stay, ms: as long as a tombstone, since a failover may lose that
--       3… session id, its score as it was read or "" for any
-- Out   1 · {"late", now}
-- A late call is refused, because it could shorten the entry of a new session with the same id.
local not_after, stay_ms = unpack(ARGV, 1, 2)
local at = now_ms()
if at > tonumber(not_after) then return { 'late', at } end
remove_dead(at)
local ends = at + tonumber(stay_ms)
for index = 3, #ARGV, 2 do
  local listed = tonumber(redis.call('ZSCORE', key, ARGV[index]) or '0')
  local is_as_read = ARGV[index + 1] == '' or tonumber(ARGV[index + 1]) == listed
  if listed > ends and is_as_read then
    -- Removes the entry first, because otherwise Redis refuses the script at maxmemory.
    redis.call('ZREM', key, ARGV[index])
    redis.call('ZADD', key, ends, ARGV[index])
  end
end
expire_with_last(key)
return 1
