-- Checks the digest, then touches, loads and registers the holder in one step.
-- KEYS  1 session
-- ARGV  1 not-after · 2 node · 3 sequence · 4 digest or "" (no check) · 5 next digest or "" · 6 idleMs or 0, "" for no touch
--       7 connections held or "", as split_hold reads them · 8 "1" exclusive · 9 required subject, if any
-- Out   {"resumed", now, by, idleAt as it was, all}; while presence is recorded also state or "", stamp
--       {"missing"} · {"wrong"} · {"stolen"} · {"foreign"} · {"late", now} · {"corrupt"}
-- At most once: counts are absolute and sequenced, a repeated takeover finds its own record, and a repeated renewal finds its
-- next digest in place. If another process took over between the attempts, the repeat takes over again, because with the fence of
-- the other process both could write (I13).
local not_after, node, sequence, digest, next_digest, idle_ms, hold, exclusive, subject = unpack(ARGV)
local connections, leave_ms, flags = split_hold(hold)
local at = now_ms()
local found = redis.call('HMGET', key, 'm', 'v', 'h', 's', 'f', 'u', 'p', 'i')
if not found[1] then return not_there('missing') end
local version, lineage, fence, schema, bytes, idle, absolute, more = split_meta(found[1])
if not version then return { 'corrupt' } end
local idle_at, absolute_at = tonumber(idle, 36), tonumber(absolute, 36)
if has_passed(idle_at, absolute_at, at) then return not_there('missing') end

local by, renews = 'none', false
if digest ~= '' and digest == found[2] then
  by = 'current'
elseif digest ~= '' then
  local others = redis.call('HMGET', key, 'q', 'n')
  local previous, grace = string.match(others[1] or '', '^(%S+) (%d+)')
  local renewal, untill = string.match(others[2] or '', '^(%S+) (%d+)')
  if next_digest ~= '' and next_digest == found[2] then
    by = 'renewal'
  elseif digest == renewal and at < tonumber(untill) and next_digest ~= '' then
    by, renews = 'renewal', true
  elseif digest == previous then
    if at >= tonumber(grace) then return not_there('stolen') end
    by = 'previous'
  else
    return not_there('wrong')
  end
end
-- Checked before anything changes. A session that the application names by id may have no subject yet.
if subject and found[4] ~= subject and (found[4] or digest ~= '') then return not_there('foreign') end
if at > tonumber(not_after) then return { 'late', at } end

if renews then
  redis.call('HSET', key, 'v', next_digest)
  -- Field q stays: the replaced cookie is valid during its grace period, and afterwards its use is a sign of theft.
  redis.call('HDEL', key, 'n')
end
local holders, fresh = found[3], false
if connections ~= '' then
  holders, fresh = with_holder(holders, node, connections, sequence, at)
  if fresh then redis.call('HSET', key, 'h', holders) end
end
local takes_over = exclusive == '1' and found[5] ~= node .. ' ' .. sequence
if takes_over then fence = take_over(fence, holders, node, sequence, at) end
local next_at = idle_ms == '' and idle_at or next_idle(idle_at, own_lifetime(more, 'i') or tonumber(idle_ms), at)
-- The deadline must not pass the time until which the subject's index lists the session (index ⊇ live). The next touch extends
-- both. A session without the field u is listed in a shared index, which has no times.
if found[4] and found[6] and not is_listed(found[6], listed_until(next_at, absolute_at, at, 0)) then
  next_at = math.max(idle_at, found[6] * 1000)
end
if takes_over or next_at ~= idle_at then
  local counts = version .. ' ' .. lineage .. ' ' .. fence .. ' ' .. schema .. ' ' .. bytes
  redis.call('HSET', key, 'm', counts .. ' ' .. base36(next_at) .. ' ' .. absolute .. more)
  if next_at ~= idle_at then announce_deadlines(holders, node, next_at, absolute_at, more) end
  set_expiry(next_at, absolute_at, found[7] or leave_ms)
elseif leave_ms and not found[7] then
  set_expiry(idle_at, absolute_at, true)
end
local state, stamp
if leave_ms then
  state, stamp = record_presence(found[7], holders, leave_ms, false, at)
  mark_wanted(flags, found[8])
end
-- A replica has refused the write of new holders already. This comes last, because after a write that needs no memory Redis at
-- maxmemory would no longer refuse the writes above.
if not fresh then refuse_replica() end
if leave_ms then return { 'resumed', at, by, idle, redis.call('HGETALL', key), state or '', stamp or 0 } end
return { 'resumed', at, by, idle, redis.call('HGETALL', key) }
