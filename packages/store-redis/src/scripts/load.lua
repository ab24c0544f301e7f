-- Reads a session; changes nothing.
-- KEYS  1 session
-- Out   {"loaded", now, all} · {"gone", reason or false} · {"missing"} · {"corrupt"}
local at = now_ms()
local found = redis.call('HMGET', key, 'm', 't', 'r')
if not found[1] then
  if found[2] then return { 'gone', found[3] } end
  return { 'missing' }
end
local meta = unpack_meta(found[1])
if not meta then return { 'corrupt' } end
if expired(meta, at) then return { 'missing' } end
return { 'loaded', at, redis.call('HGETALL', key) }
