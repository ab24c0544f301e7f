-- Raises a subject's epoch. A login that began earlier is refused, or its session is already listed.
-- KEYS  1 index · 2 epoch
-- ARGV  1 the shortest time for which the epoch is kept, ms: longer than any tombstone or denial that names the epoch, and
--       longer than the age of any decision · 2 the longest time, ms
-- Out   the epoch: the time, or the previous epoch + 1 if the clock was set back. A repeat raises the epoch again, which
--       refuses no other logins than the first run did.
local least_ms, most_ms = unpack(ARGV)
local at = now_ms()
-- Runs before the first command that may need memory, because otherwise Redis refuses the script at maxmemory.
redis.call('PEXPIRE', KEYS[2], least_ms)
remove_dead(at)
-- The epoch is the time of the destruction. So a new epoch is higher than a dropped epoch, and the time of a decision can be
-- compared with it.
local epoch = math.max(tonumber(redis.call('GET', KEYS[2]) or '0') + 1, at)
-- The epoch is kept as long as any listed session may live, because a session that the index lost is recognised by its
-- older epoch.
local last = redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')[2]
local keep = math.max(tonumber(least_ms), math.min(tonumber(most_ms), last and tonumber(last) - at or 0))
redis.call('SET', KEYS[2], epoch, 'PX', keep)
return epoch
