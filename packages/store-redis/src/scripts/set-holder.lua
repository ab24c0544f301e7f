-- Sets the number of connections of a process to a session.
-- KEYS  1 session
-- ARGV  1 not-after · 2 node · 3 sequence · 4 connections, as split_hold reads them
-- Out   {"held", metadata, outbox or false}; while presence is recorded also state or "", stamp, subject
--       {"missing"} · {"gone", reason or false} · {"late", now} · {"corrupt"}
-- At most once: an older sequence never overwrites a newer one, and the same one changes nothing.
local not_after, node, sequence, hold = unpack(ARGV)
local connections, leave_ms, flags = split_hold(hold)
local at = now_ms()
local found = leave_ms and redis.call('HMGET', key, 'm', 'h', 't', 'r', 'o', 'p', 'y', 's', 'i')
  or redis.call('HMGET', key, 'm', 'h', 't', 'r', 'o')
if not found[1] then
  if found[3] then return { 'gone', found[4] } end
  return not_there('missing')
end
local version, _, _, _, _, idle, absolute = split_meta(found[1])
if not version then return { 'corrupt' } end
if has_passed(tonumber(idle, 36), tonumber(absolute, 36), at) then return not_there('missing') end
if at > tonumber(not_after) then return { 'late', at } end
local holders, fresh = with_holder(found[2], node, connections, sequence, at)
if fresh then
  -- Removes the field first on a release, because otherwise Redis refuses the script at maxmemory.
  if connections == '0' then redis.call('HDEL', key, 'h') end
  redis.call('HSET', key, 'h', holders)
end
if not leave_ms then return { 'held', found[1], found[5] } end
local presence, pending, subject = found[6], found[7], found[8]
-- Only one event can wait at a time. If another event waits, the session leaves at its next look.
local leaves, gives_left = string.find(flags, 'l', 1, true) and not pending, string.find(flags, 'e', 1, true)
if gives_left and pending then leave_ms = 0 end
local state, stamp = record_presence(presence, holders, leave_ms, leaves, at)
if state == 'offline' and gives_left then put_event('left', at, '-', 0, subject) end
if state and not presence then set_expiry(tonumber(idle, 36), tonumber(absolute, 36), true) end
mark_wanted(flags, found[9])
return { 'held', found[1], found[5], state or '', stamp or 0, subject }
