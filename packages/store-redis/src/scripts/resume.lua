-- Checks the digest, then touches, loads and registers the holder in one step.
-- KEYS  1 session
-- ARGV  1 not-after · 2 node · 3 sequence · 4 digest or "" (none is asked for) · 5 next digest or "" · 6 idleMs or 0
--       7 connections held or "" · 8 "1" exclusive
-- Out   {"resumed", now, by, data with m and s, idleAt as it was if m changed} · {"missing"} · {"wrong"} · {"stolen"} · {"late", now} · {"corrupt"}
-- At most once: counts are absolute and in sequence, a repeated takeover finds its own sequence among the holders, and a
-- repeated renewal finds its own next digest in place. A count that newer ones overtook takes nothing over either.
local node, sequence, digest, next_digest = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local at = now_ms()
-- Read once, for what is checked here and for the answer: this is what a client that comes back waits for.
local data, last, found = {}, 0, {}
local all = redis.call('HGETALL', key)
for index = 1, #all, 2 do
  local name = all[index]
  if string.byte(name) == 100 then
    data[last + 1], data[last + 2] = name, all[index + 1]
    last = last + 2
  else
    found[name] = all[index + 1]
  end
end
local record = found.m
if not record then return { 'missing' } end
local meta = unpack_meta(record)
if not meta then return { 'corrupt' } end
if expired(meta, at) then return { 'missing' } end

local by, renews = 'none', false
if digest ~= '' then
  local previous, grace = string.match(found.q or '', '^(%S+) (%d+)$')
  local renewal, untill = string.match(found.n or '', '^(%S+) (%d+)$')
  if digest == found.v then
    by = 'current'
  elseif next_digest ~= '' and next_digest == found.v then
    by = 'renewal'
  elseif digest == renewal and at < tonumber(untill) and next_digest ~= '' then
    by, renews = 'renewal', true
  elseif digest == previous then
    if at >= tonumber(grace) then return { 'stolen' } end
    by = 'previous'
  else
    return { 'wrong' }
  end
end
if at > tonumber(ARGV[1]) then return { 'late', at } end

local changed = false
if renews then
  redis.call('HSET', key, 'v', next_digest)
  -- What was replaced stays known: the cookie that the code renews is good for its grace, and a sign of theft after.
  redis.call('HDEL', key, 'n')
end
local holders, fresh = found.h, true
if ARGV[7] ~= '' then
  holders, fresh = with_holder(holders, node, ARGV[7], sequence, at)
  if fresh then redis.call('HSET', key, 'h', holders) end
end
if ARGV[8] == '1' and fresh then
  meta.fence = meta.fence + 1
  changed = true
  announce(holders, node, '["r","' .. session_id() .. '",' .. meta.fence .. ']')
end
changed = move_idle(meta, tonumber(ARGV[6]), at) or changed
if changed then
  record = pack_meta(meta)
  redis.call('HSET', key, 'm', record)
  set_expiry(meta)
end
data[last + 1], data[last + 2] = 'm', record
if found.s then
  data[last + 3], data[last + 4] = 's', found.s
end
-- A deadline that was moved can be moved back: restore.lua takes it as it was.
return { 'resumed', at, by, data, changed and string.match(found.m, '(%w+) %w+$') }
