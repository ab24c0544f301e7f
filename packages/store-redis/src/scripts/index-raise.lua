-- Raises a subject's epoch: a login that began before it is refused, or its session is listed by now.
-- KEYS  1 index · 2 epoch
-- ARGV  1 how long the epoch is kept at least, ms: longer than any mark that names it, and than a decision
--       may wait · 2 and at most
-- Out   the epoch: the time, or the epoch before + 1 where the clock was set back. A repeat raises it once more, which
--       denies nothing that the first did not.
local least_ms, most_ms = unpack(ARGV)
local at = now_ms()
-- Before the first command that may take memory, because otherwise Redis refuses the script at maxmemory.
redis.call('PEXPIRE', KEYS[2], least_ms)
remove_dead(at)
-- An epoch is the time of its destruction, so that a new one is higher than one that was kept and forgotten, and so that a
-- decision can be compared with it by the time at which it was made.
local epoch = math.max(tonumber(redis.call('GET', KEYS[2]) or '0') + 1, at)
-- As long as a session that is listed now may live: one that the index lost is known by its older epoch as long.
local last = redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')[2]
local keep = math.max(tonumber(least_ms), math.min(tonumber(most_ms), last and tonumber(last) - at or 0))
redis.call('SET', KEYS[2], epoch, 'PX', keep)
return epoch
