-- Renews a process's lease, or sets it if it is missing.
-- KEYS  1 lease
-- ARGV  1 lifetime, ms · 2 the value to set
-- Out   {the value of the key}: if it differs from the previous reply, the lease was lost meanwhile
-- Idempotent. Works at maxmemory too: PEXPIRE and DEL need no memory, and after a first write Redis runs the other writes.
local lease_ms, new_value = unpack(ARGV)
-- A value of another type is replaced, because only this process has this key, and would be without a lease for ever.
local value = redis.pcall('GET', key)
-- Another error, such as a right that is missing, is the reply. Otherwise each renewal would replace a valid lease, without a report.
if type(value) == 'table' and not string.find(value.err, 'WRONGTYPE', 1, true) then return value end
if type(value) == 'string' and redis.call('PEXPIRE', key, lease_ms) == 1 then return { value } end
redis.call('DEL', key)
redis.call('SET', key, new_value, 'PX', lease_ms)
return { new_value }
