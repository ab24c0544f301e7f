-- Reads a session; changes nothing.
-- KEYS  1 session
-- Out   {"loaded", now, all} · {"gone", reason or false, "1" if a newer login of the subject ended it} · {"missing"} · {"corrupt"}
refuse_replica()
local at = now_ms()
local found = redis.call('HMGET', key, 'm', 't', 'r', 'l')
if not found[1] then
  if found[2] then return { 'gone', found[3], found[4] and '1' } end
  return { 'missing' }
end
local version, _, _, _, _, idle, absolute = split_meta(found[1])
if not version then return { 'corrupt' } end
if has_passed(tonumber(idle, 36), tonumber(absolute, 36), at) then return { 'missing' } end
return { 'loaded', at, redis.call('HGETALL', key) }
