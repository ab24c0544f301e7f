-- Replaces a session by a tombstone, and announces that to its holders.
-- KEYS  1 session
-- ARGV  1 not-after · 2 node · 3 sequence · 4 how long the tombstone stays, ms; then ";" if this process has a function for the event destroyed, "," if it
--       has listed the session for a process with such a function
--       5 announcement · 6 "1" with a reason, "2" if a newer login of the subject ends the session · 7 reason
--       8 "1" to destroy the session only if it has the subject · 9 subject · 10 its hash · 11 epoch
-- Out   {"destroyed", subject or false, holders or false, "1" if it had messages or false, stamp of its absence,
--       "1" if its presence was recorded or false} · {"missing"} · {"late", now}
--       with 8, also: {"denied"}: the session does not exist, and its creation will be refused · {"other"}: the session has another
--       subject, and will not get this one · {"newer"}: the session got the subject by a login that began after the destruction
--       {"unlisted"}: another process has a function for the event, so the session must be listed first. Nothing has changed
-- Commands that free memory run before those that need some, because otherwise Redis refuses the script at maxmemory.
-- At most once: a repeat finds itself as the author of the tombstone and returns the same reply.
local not_after, node, sequence, tombstone, announcement, has_reason, reason, is_of_subject, subject,
  subject_hash, denied_epoch = unpack(ARGV)
local by_subject = is_of_subject == '1'
local tombstone_ms, listing = string.match(tombstone, '^(%d+)(%D?)$')
local at = now_ms()
local found = redis.call('HMGET', key, 'm', 's', 'h', 't', 'b', 'e', 'o', 'p', 'i', 'y')
local meta = found[1] and unpack_meta(found[1])
local there = found[1] and not (meta and has_passed(meta.idle, meta.absolute, at))
local author = node .. ' ' .. sequence

if found[4] then
  if found[5] == author then return { 'destroyed', found[2], found[3], found[7] and '1', at, false } end
  if not by_subject then return not_there('missing') end
elseif not there and not by_subject then
  return not_there('missing')
end
if at > tonumber(not_after) then return { 'late', at } end

local epoch = by_subject and tonumber(denied_epoch) or 0
if not there then
  -- The session may be about to be created with the subject: create.lua runs after this and finds the tombstone.
  local event = redis.call('HGET', key, 'y')
  if found[4] then
    epoch = math.max(epoch, tonumber(found[4]))
    redis.call('HDEL', key, 't')
    redis.call('HSET', key, 't', epoch)
  else
    if found[8] and not event then event = 'expired ' .. at .. ' - 0' .. (found[2] and ' ' .. found[2] or '') end
    redis.call('DEL', key)
    redis.call('HSET', key, 't', epoch)
    if event then redis.call('HSET', key, 'y', event) end
  end
  redis.call('PEXPIRE', key, event and KEPT_MS or tombstone_ms)
  return { 'denied' }
end
if by_subject and found[2] ~= subject then
  -- Keeps the highest epoch, because the step of an older destruction may arrive after that of a newer one.
  local denied = string.match(redis.call('HGET', key, 'x' .. subject_hash) or '', '^%d+')
  epoch = math.max(epoch, tonumber(denied or '0'))
  redis.call('HDEL', key, 'x' .. subject_hash)
  redis.call('HSET', key, 'x' .. subject_hash, epoch .. ' ' .. (at + tonumber(tombstone_ms)))
  return { 'other' }
end
if by_subject and tonumber(found[6] or '0') >= epoch then return { 'newer' } end
local gives_event = listing == ';' or found[9]
if gives_event and listing == '' then return { 'unlisted' } end

redis.call('DEL', key)
local fields = { 't', epoch, 'b', author }
local function put(name, value)
  fields[#fields + 1] = name
  fields[#fields + 1] = value
end
if found[2] then put('s', found[2]) end
if found[3] then put('h', found[3]) end
if found[7] then put('o', '') end
if has_reason ~= '' then put('r', reason) end
if has_reason == '2' then put('l', '') end
redis.call('HSET', key, unpack(fields))
redis.call('PEXPIRE', key, gives_event and KEPT_MS or tombstone_ms)
if gives_event then
  -- A process that handles an earlier event of the session has this event too: another one would handle this event at the same time.
  local claimer, untill = string.match(found[10] or '', '^%a+ %d+ (%S+) (%d+)')
  put_event('destroyed', at, claimer or '-', untill or 0, found[2])
end
announce(found[3], node, announcement)
local presence = unpack_presence(found[8])
return { 'destroyed', found[2], found[3], found[7] and '1', math.max(at, presence and presence.stamp + 1 or 0), found[8] and '1' }
