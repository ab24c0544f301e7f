-- Raises a session's fence for an existing connection, and announces that to the other holders.
-- KEYS  1 session
-- ARGV  1 not-after · 2 node · 3 sequence
-- Out   {"taken", fence} · {"missing"} · {"gone"}: it was destroyed · {"late", now} · {"corrupt"}
-- At most once: a repeat finds that its own takeover was the last one. If another process took over since, it takes over
-- again, because with the other's fence both could write (I13).
local not_after, node, sequence = unpack(ARGV)
local at = now_ms()
local found = redis.call('HMGET', key, 'm', 'h', 'f')
if not found[1] then return { redis.call('EXISTS', key) == 1 and 'gone' or 'missing' } end
local meta = unpack_meta(found[1])
if not meta then return { 'corrupt' } end
if has_passed(meta.idle, meta.absolute, at) then return { 'missing' } end
if found[3] == node .. ' ' .. sequence then return { 'taken', meta.fence } end
if at > tonumber(not_after) then return { 'late', at } end
meta.fence = take_over(meta.fence, found[2], node, sequence, at)
redis.call('HSET', key, 'm', pack_meta(meta))
return { 'taken', meta.fence }
