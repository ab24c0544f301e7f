-- Creates a session where there is none.
-- KEYS  1 session
-- ARGV  1 not-after · 2 node · 3 sequence · 4 digest or "" · 5 idleMs or 0 · 6 absoluteMs or 0 · 7 schemaVersion
--       8 "1" with a subject · 9 subject · 10 epoch · 11 connections held or "", as split_hold reads them · 12 "1" exclusive · 13 bytes · 14 lineage
--       15 until when the subject's index lists it, as field u · 16 own idle ms and 17 own absolute ms, base 36, or ""
--       18… field, text
-- Out   {"created", now, all} · {"exists"} · {"revoked"} · {"late", now}
-- At most once: a repeat finds its own digest (or, without one, its own sequence) and returns the same reply. If another
-- process has taken the session over since, the repeat takes it back, as in resume.lua.
local not_after, node, sequence, digest, idle_ms, absolute_ms, schema, has_subject, subject, epoch, connections,
  exclusive, bytes, lineage, listed, own_idle, own_absolute = unpack(ARGV, 1, 17)
local leave_ms, flags, expired
connections, leave_ms, flags = split_hold(connections)
local at = now_ms()
local found = redis.call('HMGET', key, 'm', 'v', 't', 'w' .. node, 'h', 'f', 'b')
if found[3] then
  -- A tombstone without an author is a denial: no session was destroyed. A denial refuses the creation even if its epoch is not
  -- higher. That is so if the session was listed after destroySubject had raised the epoch, and before destroySubject read the index.
  local is_denial = not found[7]
  if has_subject == '1' and (is_denial or tonumber(found[3]) > tonumber(epoch)) then return { 'revoked' } end
  return { 'exists' }
end
if found[1] then
  local own = (digest ~= '' and found[2] == digest) or (digest == '' and repeated(found[4], sequence) == 1)
  -- A session whose presence is recorded outlives its deadline. The new session takes over the event that it has expired.
  if not own then
    local old = unpack_meta(found[1])
    local recorded = old and has_passed(old.idle, old.absolute, at) and redis.call('HMGET', key, 'p', 'y', 's')
    if not recorded or not recorded[1] or (recorded[2] and string.sub(recorded[2], 1, 7) ~= 'expired') then
      return { 'exists' }
    end
    if at > tonumber(not_after) then return { 'late', at } end
    expired = recorded[2] or 'expired ' .. at .. ' - 0' .. (recorded[3] and ' ' .. recorded[3] or '')
    redis.call('DEL', key)
    found[1] = false
  end
end
if found[1] then
  local meta = unpack_meta(found[1])
  if meta and exclusive == '1' and found[6] ~= node .. ' ' .. sequence then
    if at > tonumber(not_after) then return { 'late', at } end
    meta.fence = take_over(meta.fence, found[5], node, sequence, at)
    redis.call('HSET', key, 'm', pack_meta(meta))
  end
  return { 'created', at, redis.call('HGETALL', key) }
end
-- A record without metadata is unreadable and stays unchanged.
if redis.call('EXISTS', key) == 1 then return { 'exists' } end
if at > tonumber(not_after) then return { 'late', at } end

local meta = {
  version = 1,
  lineage = tonumber(lineage),
  fence = exclusive == '1' and 1 or 0,
  schema = schema,
  bytes = tonumber(bytes),
  more = '',
  idle = idle_ms == '0' and 0 or at + tonumber(idle_ms),
  absolute = absolute_ms == '0' and 0 or at + tonumber(absolute_ms),
}
if own_idle ~= '' then meta.more = with_lifetime(meta.more, 'i', own_idle) end
if own_absolute ~= '' then meta.more = with_lifetime(meta.more, 'a', own_absolute) end
local fields = { 'm', pack_meta(meta) }
local function put(name, value)
  fields[#fields + 1] = name
  fields[#fields + 1] = value
end
if digest ~= '' then put('v', digest) else put('w' .. node, sequence .. ' 1 ' .. not_after) end
if has_subject == '1' then
  put('s', subject)
  put('u', listed)
  if epoch ~= '0' then put('e', epoch) end
end
if exclusive == '1' then put('f', node .. ' ' .. sequence) end
if connections ~= '' then put('h', node .. '=' .. connections .. '.' .. sequence) end
if expired then put('y', expired) end
if leave_ms then
  local now, is_there = base36(at), connections ~= ''
  put('p', (is_there and now or '0') .. ' ' .. (is_there and '0' or now) .. ' 0 ' .. now)
  if string.find(flags, 'd', 1, true) then put('i', 'd') end
end
redis.call('HSET', key, unpack(fields))
for first = 18, #ARGV, 500 do
  redis.call('HSET', key, unpack(ARGV, first, math.min(first + 499, #ARGV)))
end
set_expiry(meta.idle, meta.absolute, leave_ms)
return { 'created', at, redis.call('HGETALL', key) }
