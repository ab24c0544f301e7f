-- Raises the epoch beside a shared index, so that logins in flight fail in the processes that write the shared indexes.
-- KEYS  1 epoch
-- ARGV  1 how long the epoch is kept, ms · 2 the lowest allowed epoch
-- Out   the epoch
local keep_ms, least = unpack(ARGV)
redis.call('PEXPIRE', key, keep_ms)
local epoch = math.max(tonumber(redis.call('GET', key) or '0') + 1, tonumber(least))
redis.call('SET', key, epoch, 'PX', keep_ms)
return epoch
