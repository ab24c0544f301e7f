-- Looks at a session whose presence is recorded: whether it has left or has expired, and whether an event has to be handled.
-- KEYS  1 session
-- ARGV  1 node · 2 how long a claim lasts, ms · 3 leaveMs · 4 wanted events: letters of l left, e expired, d destroyed
--       5 processes without a lease, ",node,node,", or "," · 6 no session leaves before this time
--       7 the event that this process has handled, "type at", or "" · 8 how long a tombstone is kept, ms · 9 "1": a holder has a lease
-- Out   {what, time, type, subject or false, state or "", stamp}
--       "event": this process has to handle the event `type` of `time`, and has claimed it
--       "wait": look again at `time`; 0: never · "own": the same, and this process has connections · "gone"
--       "unwanted": the event `type` waits for a process with a function for it; look again at `time`; 0: never
--       "held": other processes have connections, which field h names in place of `type` · "doubtful": the same, but according to the record
--       the session is away
--       state: the session's state has changed to this one
-- Idempotent: a repeat claims the same event again. An event stays until a call reports that it was handled (argument 7).
local node, claim_ms, leave_ms, wanted, lost, earliest_leave, handled, tombstone_ms, is_alive = unpack(ARGV)
local at = now_ms()
local found = redis.call('HMGET', key, 'm', 's', 'h', 'p', 'y', 't')
local meta = found[1] and unpack_meta(found[1])
local subject, pending = found[2], found[5]
local is_over = meta and has_passed(meta.idle, meta.absolute, at)
-- The deadline matters only for an application with the event `expired`.
local deadline = 0
if meta and string.find(wanted, 'e', 1, true) then
  deadline = meta.idle
  if deadline == 0 or (meta.absolute > 0 and meta.absolute < deadline) then deadline = meta.absolute end
end

if pending and handled ~= '' and string.sub(pending, 1, #handled + 1) == handled .. ' ' then
  redis.call('HDEL', key, 'y')
  pending = nil
  if string.sub(handled, 1, 7) == 'expired' and is_over then
    redis.call('DEL', key)
    return { 'gone', 0, '', false, '', 0 }
  end
  if found[6] then redis.call('PEXPIRE', key, tombstone_ms) end
end
if pending then
  local type, when, claimer, untill, whose = string.match(pending, '^(%a+) (%d+) (%S+) (%d+) ?(.*)$')
  local is_claimed = claimer ~= node and tonumber(untill) > at
  if is_claimed and not string.find(lost, ',' .. claimer .. ',', 1, true) then
    return { 'wait', untill, '', false, '', 0 }
  end
  if string.find(wanted, string.sub(type, 1, 1), 1, true) then
    if whose == '' then whose = nil end
    put_event(type, tonumber(when), node, at + claim_ms, whose)
    return { 'event', when, type, whose or false, '', 0 }
  end
  -- A process without a function for the event would lose the event by a claim. But once the session has expired, a `left` for
  -- which no process has a function any more would delay `expired` for ever.
  if not (type == 'left' and is_over) then
    -- The claim came with an earlier event of this process, and ends once that event is handled.
    if claimer == node then
      local is_free = handled ~= ''
      put_event(type, when, is_free and '-' or node, is_free and 0 or at + claim_ms, whose ~= '' and whose)
    end
    return { 'unwanted', deadline, type, false, '', 0 }
  end
  redis.call('HDEL', key, 'y')
end
if not meta then return { 'gone', 0, '', false, '', 0 } end

local presence = unpack_presence(found[4])
if is_over then
  local when = math.min(meta.idle > 0 and meta.idle or math.huge, meta.absolute > 0 and meta.absolute or math.huge)
  local stamp = math.max(at, presence and presence.stamp + 1 or 0)
  if not string.find(wanted, 'e', 1, true) then
    redis.call('DEL', key)
    return { 'gone', 0, '', subject, 'offline', stamp }
  end
  put_event('expired', when, node, at + claim_ms, subject)
  return { 'event', when, 'expired', subject, 'offline', stamp }
end

if is_held(found[3], lost) then
  local is_own = string.find(',' .. found[3], ',' .. node .. '=', 1, true)
    and not string.find(',' .. found[3], ',' .. node .. '=0', 1, true)
  -- An earlier look may have treated a process as dead, although it was about to hold the session again. Holders that may be dead change nothing.
  local is_wrong = presence and presence.away > 0
  if not is_wrong then return { is_own and 'own' or 'held', deadline, is_own and '' or found[3], false, '', 0 } end
  if not is_own and is_alive ~= '1' then return { 'doubtful', deadline, found[3], false, '', 0 } end
  local state, stamp = record_presence(found[4], found[3], 0, false, at)
  return { is_own and 'own' or 'held', deadline, is_own and '' or found[3], subject, state, stamp }
end
if not presence then return { 'wait', deadline, '', false, '', 0 } end

local state = ''
if presence.away == 0 then
  -- The processes that held the session have ended.
  presence.away, presence.leave, state = at, at + leave_ms, 'away'
  put_presence(presence, at)
elseif presence.leave > 0 and presence.leave <= at and tonumber(earliest_leave) <= at then
  local when = presence.leave
  presence.leave, state = 0, 'offline'
  put_presence(presence, at)
  if string.find(wanted, 'l', 1, true) then
    put_event('left', when, node, at + claim_ms, subject)
    return { 'event', when, 'left', subject, state, presence.stamp }
  end
end
local next_at = deadline
if presence.leave > 0 then
  local leave = math.max(presence.leave, tonumber(earliest_leave))
  if next_at == 0 or leave < next_at then next_at = leave end
end
return { 'wait', next_at, '', subject, state, presence.stamp }
