-- Renews a process's lease, or sets it if it is missing.
-- KEYS  1 lease
-- ARGV  1 lifetime, ms · 2 the mark to set
-- Out   {the mark that the key has}: a different mark than before means that the lease was lost meanwhile
-- Idempotent. Works at maxmemory too: PEXPIRE needs no memory, and a script that has written may go on writing.
local lease_ms, new_mark = unpack(ARGV)
local mark = redis.call('GET', key)
if mark and redis.call('PEXPIRE', key, lease_ms) == 1 then return { mark } end
redis.call('DEL', key)
redis.call('SET', key, new_mark, 'PX', lease_ms)
return { new_mark }
