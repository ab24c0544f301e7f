-- Checks the digest, then touches, loads and registers the holder in one step.
-- KEYS  1 session
-- ARGV  1 not-after · 2 node · 3 sequence · 4 digest or "" (none is asked for) · 5 next digest or "" · 6 idleMs or 0
--       7 connections held or "" · 8 "1" exclusive
-- Out   {"resumed", now, by, all, idleAt as it was} · {"missing"} · {"wrong"} · {"stolen"} · {"late", now} · {"corrupt"}
-- At most once: counts are absolute and in sequence, a repeated takeover finds its own sequence among the holders, and a
-- repeated renewal finds its own next digest in place. A count that newer ones overtook takes nothing over either.
local node, sequence, digest, next_digest = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local at = now_ms()
local found = redis.call('HMGET', key, 'm', 'v', 'q', 'n', 'h')
if not found[1] then return { 'missing' } end
local meta = unpack_meta(found[1])
if not meta then return { 'corrupt' } end
if expired(meta, at) then return { 'missing' } end

local by, renews = 'none', false
if digest ~= '' then
  local previous, grace = string.match(found[3] or '', '^(%S+) (%d+)$')
  local renewal, untill = string.match(found[4] or '', '^(%S+) (%d+)$')
  if digest == found[2] then
    by = 'current'
  elseif next_digest ~= '' and next_digest == found[2] then
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
local holders, fresh = found[5], true
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
  redis.call('HSET', key, 'm', pack_meta(meta))
  set_expiry(meta)
end
return { 'resumed', at, by, redis.call('HGETALL', key), string.match(found[1], '(%w+) %w+$') }
