-- Renews a process's lease, or sets it if it is missing.
-- KEYS  1 lease
-- ARGV  1 lifetime, ms · 2 the mark to set
-- Out   {the value of the key}: if it differs from the previous reply, the lease was lost meanwhile
-- Idempotent. Works at maxmemory too: PEXPIRE and DEL need no memory, and after a first write Redis runs the other writes.
local lease_ms, new_mark = unpack(ARGV)
local mark = redis.call('GET', key)
if mark and redis.call('PEXPIRE', key, lease_ms) == 1 then return { mark } end
redis.call('DEL', key)
redis.call('SET', key, new_mark, 'PX', lease_ms)
return { new_mark }
