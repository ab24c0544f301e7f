-- Moves the deadlines of a session that exists. Naturally idempotent: a repeat moves them to about the same time.
-- KEYS  1 session
-- ARGV  1 not-after · 2 idleMs or 0 · 3 absoluteMs, 0 for never, or "" to leave it · 4 subject it is indexed under, with ""
--       for none · 5 absolute deadline in that index, 0 for never
-- Out   1 · {"missing"} · {"late", now} · {"corrupt"}
--       {"index", subject, absolute deadline}: the subject's index must know the later deadline first (index ⊇ live)
local at = now_ms()
local found = redis.call('HMGET', key, 'm', 's')
if not found[1] then return { 'missing' } end
local meta = unpack_meta(found[1])
if not meta then return { 'corrupt' } end
if has_passed(meta.idle, meta.absolute, at) then return { 'missing' } end
if at > tonumber(ARGV[1]) then return { 'late', at } end

local changed = false
if ARGV[3] ~= '' then
  local absolute = ARGV[3] == '0' and 0 or at + tonumber(ARGV[3])
  local later = meta.absolute ~= 0 and (absolute == 0 or absolute > meta.absolute)
  if later and found[2] then
    local indexed = tonumber(ARGV[5])
    local known = ARGV[4] == found[2] and (indexed == 0 or (absolute ~= 0 and absolute <= indexed))
    if not known then return { 'index', found[2], absolute } end
  end
  changed = absolute ~= meta.absolute
  meta.absolute = absolute
end
local idle = next_idle(meta.idle, tonumber(ARGV[2]), at)
if changed or idle ~= meta.idle then
  meta.idle = idle
  redis.call('HSET', key, 'm', pack_meta(meta))
  set_expiry(meta.idle, meta.absolute)
end
return 1
