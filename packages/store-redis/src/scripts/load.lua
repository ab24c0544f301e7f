-- Reads a session; changes nothing.
-- KEYS  1 session
-- Out   {"loaded", now, all} · {"gone", reason or false} · {"missing"} · {"corrupt"}
local at = now_ms()
local found = redis.call('HMGET', key, 'm', 't', 'r')
if not found[1] then
  if found[2] then return { 'gone', found[3] } end
  return { 'missing' }
end
local version, _, _, _, _, idle, absolute = split_meta(found[1])
if not version then return { 'corrupt' } end
if has_passed(tonumber(idle, 36), tonumber(absolute, 36), at) then return { 'missing' } end
return { 'loaded', at, redis.call('HGETALL', key) }
