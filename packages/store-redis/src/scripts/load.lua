-- Reads a session; changes nothing.
-- KEYS  1 session
-- Out   {"loaded", now, all} · {"gone", …}: it was destroyed, see no_session · {"missing"} · {"corrupt"}
refuse_replica()
local at = now_ms()
local metadata = redis.call('HGET', key, 'm')
if not metadata then return no_session() end
local version, _, _, _, _, idle, absolute = split_meta(metadata)
if not version then return { 'corrupt' } end
if has_passed(tonumber(idle, 36), tonumber(absolute, 36), at) then return { 'missing' } end
return { 'loaded', at, redis.call('HGETALL', key) }
