-- Functions about presence that the scripts share. embed-scripts.mjs treats this file like prelude.lua.
--
-- More fields of the session hash p:s:{id}, only while presence is recorded:
--   p          "since away leave stamp", in milliseconds by this server's clock, in base 36. since: when the visit began, 0 if unknown.
--              away: when the last connection ended, 0 while there is one. leave: when the session leaves, 0 if it has left or
--              has a connection. stamp: of the last change; each change has a higher one. A session with this field outlives
--              its deadline (KEPT_MS), so that its subject is still known when it has expired
--   y          "type at node until[ subject]": an event that has not been handled: left, expired or destroyed, and when that was. node:
--              the process that handles it, - for none; until: its claim. Also on a tombstone, which is kept as long (KEPT_MS)
--   i          "d": a process that has held the session has a function for the event destroyed, so a destruction by any process causes
--              the event
-- Other keys, each used without the session's own slot:
--   p:d        set of queues: a process's name, on a Cluster with the hash tag of one of its slots
--   p:d:<queue>  sorted set: sessions that a process has to look at, by the time of the look
--   p:d:<event> sorted set, named as a queue: sessions with an event, left, expired or destroyed, for a process with a function for it
--   p:w:{b}    set of the processes that watch subjects of bucket b, one of 64 on a Cluster, else the same one for all subjects
--   p:w:{b}:<node>  set of the subjects of bucket b that a process watches, as numbers of 48 bits of their hashes

-- Splits the argument that has the number of connections: "count", or "count;leaveMs;flags" while presence is recorded. Flags: l
-- the last connection has left by a clean close, e this causes an event, d the process has a function for the event destroyed.
local function split_hold(text)
  local connections, leave_ms, flags = string.match(text, '^(%d*);(%d+);(%a*)$')
  if not connections then return text end
  return connections, tonumber(leave_ms), flags
end

local function unpack_presence(text)
  local since, away, leave, stamp = string.match(text or '', '^(%w+) (%w+) (%w+) (%w+)$')
  if not since then return nil end
  return {
    since = tonumber(since, 36),
    away = tonumber(away, 36),
    leave = tonumber(leave, 36),
    stamp = tonumber(stamp, 36),
  }
end

local function put_presence(presence, at)
  presence.stamp = math.max(at, presence.stamp + 1)
  local times = base36(presence.since) .. ' ' .. base36(presence.away) .. ' ' .. base36(presence.leave)
  redis.call('HSET', key, 'p', times .. ' ' .. base36(presence.stamp))
end

-- Whether a process has connections that is not among `lost`, as ",node,node,".
local function is_held(holders, lost)
  if lost == '' then return holders and string.find(holders, '=[1-9]') ~= nil end
  for other, count in string.gmatch(holders or '', '([^=,]+)=(%d+)') do
    if count ~= '0' and not string.find(lost, ',' .. other .. ',', 1, true) then return true end
  end
  return false
end

local function put_event(type, when, node, untill, subject)
  redis.call('HSET', key, 'y', type .. ' ' .. when .. ' ' .. node .. ' ' .. untill .. (subject and ' ' .. subject or ''))
end

-- Marks a session that this process begins to hold. `marked`: its field i.
local function mark_wanted(flags, marked) -- rare
  if not marked and string.find(flags, 'd', 1, true) then redis.call('HSET', key, 'i', 'd') end
end

-- Records that the holders have changed. Returns the new state and its stamp; nothing if the state is the same.
local function record_presence(text, holders, leave_ms, leaves, at)
  local presence = unpack_presence(text)
  if is_held(holders, '') then
    if presence and presence.away == 0 then return nil end
    if not presence then
      presence = { since = at, stamp = 0 }
    elseif presence.leave == 0 then
      presence.since = at
    end
    presence.away, presence.leave = 0, 0
    put_presence(presence, at)
    return 'online', presence.stamp
  end
  if presence and presence.away > 0 then return nil end
  presence = presence or { since = 0, stamp = 0 }
  presence.away, presence.leave = at, leaves and 0 or at + leave_ms
  put_presence(presence, at)
  return leaves and 'offline' or 'away', presence.stamp
end
