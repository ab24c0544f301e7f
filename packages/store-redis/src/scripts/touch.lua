-- Moves the deadlines of an existing session, and gives it lifetimes of its own. Idempotent: a repeat moves them to about the same
-- time.
-- KEYS  1 session
-- ARGV  1 not-after · 2 idleMs or 0 · 3 absoluteMs, 0 for never, or "" to leave it · 4 subject under which the session was
--       listed just now, or "" · 5 until when, as field u, or "" · 6 node · 7 own idle ms and 8 own absolute ms, base 36, or ""
-- Out   1 · {"missing"} · {"gone", …}: it was destroyed, see no_session · {"late", now} · {"corrupt"}
--       {"index", subject, time, 0 for ever}: the subject's index must first list the session until then (index ⊇ live)
local not_after, idle_ms, absolute_ms, listed_subject, listed_now, node, own_idle, own_absolute = unpack(ARGV)
local at = now_ms()
local found = redis.call('HMGET', key, 'm', 's', 'u', 'p', 'h')
if not found[1] then return no_session() end
local meta = unpack_meta(found[1])
if not meta then return { 'corrupt' } end
if has_passed(meta.idle, meta.absolute, at) then return not_there('missing') end
if at > tonumber(not_after) then return { 'late', at } end

local changed = false
if own_idle ~= '' then meta.more = with_lifetime(meta.more, 'i', own_idle) end
if own_absolute ~= '' then meta.more = with_lifetime(meta.more, 'a', own_absolute) end
if absolute_ms ~= '' then
  local absolute = absolute_ms == '0' and 0 or at + tonumber(absolute_ms)
  changed = absolute ~= meta.absolute
  meta.absolute = absolute
end
local idle_time = own_lifetime(meta.more, 'i') or tonumber(idle_ms)
-- A new idle time of the session's own counts exactly from now, because the deadline may be shown to its user.
local idle = next_idle(own_idle == '' and meta.idle or 0, idle_time, at)
if own_idle ~= '' or own_absolute ~= '' then changed = true end
-- Lists half an idle time ahead, so that a resume, which cannot update the index, can still move the deadline.
local ahead = listed_until(idle, meta.absolute, at, 0.5)
local is_given = found[2] and listed_now ~= '' and listed_subject == found[2]
local listed = is_given and listed_now or found[3]
if found[2] and not is_listed(listed, ahead) then
  return { 'index', found[2], listed_until(idle, meta.absolute, at, 1) }
end
if changed or listed ~= found[3] or idle ~= meta.idle then
  meta.idle = idle
  -- Sets the expiry first, because otherwise Redis refuses the script at maxmemory, and live sessions would end.
  set_expiry(meta.idle, meta.absolute, found[4])
  redis.call('HSET', key, 'm', pack_meta(meta))
  if listed ~= found[3] then redis.call('HSET', key, 'u', listed) end
  announce_deadlines(found[5], node, meta.idle, meta.absolute, meta.more)
end
return 1
