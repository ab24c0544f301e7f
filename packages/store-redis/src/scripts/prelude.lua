-- Functions that the scripts share: embed-scripts.mjs prepends to each script those that it uses. The scripts use commands of Redis 6.2,
-- one key (so one slot), and never decode values. Numbers become text by concatenation, exact up to 14 digits: milliseconds have 13.
--
-- The session hash p:s:{id}:
--   m          "version lineage fence schemaVersion bytes idleAt absoluteAt[ format[ more…]]"; the two times in milliseconds by this
--              server's clock, in base 36, 0 for no deadline; bytes: an upper bound of the bytes of the data; lineage: see next_lineage;
--              format: the oldest format that a reader has to support, 1 if absent; more: further parts. A script keeps parts that it does
--              not recognise. A change that older scripts may ignore adds a part. A change that they may not ignore raises the format,
--              and they refuse the record as unreadable. Known parts, only with lifetimes of the session's own: "i<idle ms>" and
--              "a<absolute ms>", in base 36, 0 for never
--   d:<field>  one JSON text per top-level field
--   v          digest of the current verifier          q  "digest graceEnd" of the one before it
--   n          "digest until" of a renewal code        s  subject
--   h          holders: "node=connections.sequence[.until]", comma-separated; until: how long a count of 0 is kept, because a
--              late repeat of an older count may still arrive
--   f          "node sequence" of the last takeover
--   z          "seat hash": the highest seat of a takeover of the subject with this hash that has reached the session
--   w<node>    a process's last write: "sequence version until[ offset chain][\nformer subject]"; version 0: outcome.lua has made sure
--              that it is never applied
--   u          until when the subject's index lists the session, seconds by this server's clock; 0 for ever. Only with a subject
--   e          the subject's epoch when the login began, if the subject had an epoch
--   x<hash>    "epoch until": a denial. The subject's sessions were destroyed while this one was about to become the subject's
-- A subject's index p:u:{hash}: a sorted set of session ids, by the time until which each can be live. A session without the field u
-- is only in a shared index, p:u:{first two characters of the hash}, which lists "rest of the hash, id" with the score 0.
-- A subject's last seat p:t:{hash}; its logins p:q:{hash}: a sorted set of session ids, by the numbers of the logins.
-- A tombstone is the same key without m: t epoch (0: destroyed by id) · b "node sequence" of the destruction · r reason · h · s
-- · l: a newer login of the subject ended the session.
local key = KEYS[1]

-- How long records that guard against late repeats are kept after the not-after time of their command.
local MEMORY_MS = 60000

-- The time in milliseconds; then as TIME returned it, seconds and microseconds.
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000), time
end

-- Raises READONLY on a replica. A primary that was demoted to a replica answers reads from old data without an error, so a script whose
-- answer may depend on reads alone first tries a write that changes nothing: no session has this field. Only READONLY is
-- raised, because a primary that refuses writes for other reasons may answer reads.
local function refuse_replica() -- rare
  local answer = redis.pcall('HDEL', key, '')
  if type(answer) == 'table' and string.find(answer.err, 'READONLY', 1, true) then redis.call('HDEL', key, '') end
end

-- The answer that the session is gone, or not the client's. The answer ends connections, so it must come from the primary.
local function not_there(what, reason, by_login) -- rare
  refuse_replica()
  return { what, reason, by_login }
end

-- The answer for a key without a session: {"missing"}, or with a tombstone {"gone", reason or false, "1" if a newer login of the subject
-- ended the session}. Without the reason, a call that is faster than the announcement would end connections with another close code.
local function no_session() -- rare
  local tombstone = redis.call('HMGET', key, 't', 'r', 'l')
  if not tombstone[1] then return not_there('missing') end
  return not_there('gone', tombstone[2], tombstone[3] and '1')
end

local META = '^(%d+) (%d+) (%d+) (%d+) (%d+) ([0-9a-z]+) ([0-9a-z]+)$'

-- The latest format that these scripts support.
local FORMAT = 1

-- Whether this release can read metadata with these further parts.
local function is_known_format(more) -- rare
  local format = string.match(more, '^ (%d+)$') or string.match(more, '^ (%d+) ')
  return format ~= nil and #format <= 9 and tonumber(format) <= FORMAT
end

-- Returns the parts as text, because parsing numbers is expensive and most scripts need few of them. Returns nil if the metadata is
-- unreadable, also for numbers that a double cannot represent exactly: no release has written such numbers.
local function split_meta(text)
  local version, lineage, fence, schema, bytes, idle, absolute, more = string.match(text, META)
  if not version then
    -- A second match, so that records without further parts do not pay for them.
    version, lineage, fence, schema, bytes, idle, absolute, more = string.match(text, string.sub(META, 1, -2) .. '( .*)$')
    if not version or not is_known_format(more) then return nil end
  end
  if #version > 15 or #lineage > 10 or #fence > 15 or #schema > 15 then return nil end
  if #bytes > 15 or #idle > 9 or #absolute > 9 then return nil end
  return version, lineage, fence, schema, bytes, idle, absolute, more or ''
end

local function unpack_meta(text)
  local version, lineage, fence, schema, bytes, idle, absolute, more = split_meta(text)
  if not version then return nil end
  return {
    version = tonumber(version),
    lineage = tonumber(lineage),
    fence = tonumber(fence),
    schema = schema,
    bytes = tonumber(bytes),
    idle = tonumber(idle, 36),
    absolute = tonumber(absolute, 36),
    more = more,
  }
end

local function pack_meta(meta)
  local counts = meta.version .. ' ' .. meta.lineage .. ' ' .. meta.fence .. ' ' .. meta.schema .. ' ' .. meta.bytes
  return counts .. ' ' .. base36(meta.idle) .. ' ' .. base36(meta.absolute) .. meta.more
end

-- The session's own lifetime: "i" idle, "a" absolute; milliseconds, 0 for never, nil for none. Few sessions have one.
local function own_lifetime(more, letter)
  local text = more ~= '' and string.match(more, ' ' .. letter .. '([0-9a-z]+)')
  return text and tonumber(text, 36) or nil
end

-- `more` with another lifetime of the session's own.
local function with_lifetime(more, letter, text) -- rare
  local kept = string.gsub(more, ' ' .. letter .. '[0-9a-z]+', '')
  return (kept == '' and ' 1' or kept) .. ' ' .. letter .. text
end

-- The lineage identifies the history of a version. After a failover or a restart lost some versions, the same version numbers appear
-- again with other lineages. `new_lineage` is a random number of the change. If the author of the change has the current version, that
-- number is the next lineage. Otherwise the number is mixed with the current lineage, because the change may have been applied to another history
-- before.
local function next_lineage(is_known, lineage, new_lineage)
  if is_known then return new_lineage end
  return (lineage * 69069 + new_lineage) % 2147483648
end

-- A session past a deadline is absent, whether or not the key still exists (I9).
local function has_passed(idle, absolute, at)
  return (idle > 0 and idle <= at) or (absolute > 0 and absolute <= at)
end

-- How long a session whose presence is recorded, or a tombstone, is kept for an event that no process has handled.
local KEPT_MS = 86400000

-- `is_recorded`: the session's presence is recorded, so the key stays beyond the deadline; see prelude-presence.lua.
local function set_expiry(idle, absolute, is_recorded)
  local at = idle
  if at == 0 or (absolute > 0 and absolute < at) then at = absolute end
  if at == 0 then
    redis.call('PERSIST', key)
  else
    redis.call('PEXPIREAT', key, is_recorded and at + KEPT_MS or at)
  end
end

-- The idle deadline, moved to `idle_ms` from now (0: none). Most touches are skipped: the deadline moves only by more than 10 %
-- of the idle time.
local function next_idle(idle, idle_ms, at)
  local wanted = idle_ms == 0 and 0 or at + idle_ms
  if wanted ~= 0 and idle ~= 0 and wanted >= idle and wanted - idle <= idle_ms / 10 then return idle end
  return wanted
end

-- The last argument of each script that announces: the hash tag of the sharded channels on this server, or "". Removed from ARGV, so
-- that the script does not receive the tag. Not a key, because while slots migrate Redis refuses scripts with a key that does not exist.
local announce_tag = table.remove(ARGV)

-- Publishes a message to a process. Uses PUBLISH if the sharded channel has no subscriber, or if its slot has moved. Raises no error
-- without the right to publish, because the script has made its change, and an error would tell the caller that the outcome is unknown.
local function publish(channel, message) -- rare
  local receivers = announce_tag ~= '' and redis.pcall('SPUBLISH', channel .. '{' .. announce_tag .. '}', message)
  if type(receivers) ~= 'number' or receivers == 0 then redis.pcall('PUBLISH', channel, message) end
end

-- Publishes a message to the other holders of the session.
local function announce(holders, node, message) -- rare
  if not holders then return end
  local channel = string.match(key, '^(.*):s:{') .. ':k:'
  for other, count in string.gmatch(holders, '([^=,]+)=(%d+)') do
    if other ~= node and count ~= '0' then publish(channel .. other, message) end
  end
end

local function has_other_holders(holders, node)
  if not holders then return false end
  -- The common case: this process is the only holder.
  if not string.find(holders, ',', 1, true) and string.sub(holders, 1, #node + 1) == node .. '=' then return false end
  for other, count in string.gmatch(holders, '([^=,]+)=(%d+)') do
    if other ~= node and count ~= '0' then return true end
  end
  return false
end

-- Matches the last braces, because the client's key prefix may contain braces too.
local function session_id() -- rare
  return string.match(key, '{([^{}]*)}$')
end

-- Announces new deadlines to the other holders. An older release ignores the message.
local function announce_deadlines(holders, node, idle, absolute, more) -- rare
  if not has_other_holders(holders, node) then return end
  local own_idle, own_absolute = own_lifetime(more, 'i') or -1, own_lifetime(more, 'a') or -1
  local times = idle .. ',' .. absolute .. ',' .. own_idle .. ',' .. own_absolute
  announce(holders, node, '["t","' .. session_id() .. '",' .. times .. ']')
end

-- Raises the fence (I13), and announces that to the other holders. The new fence is the time, or the old fence + 1 if that is higher. A
-- plain + 1 is not enough, because a takeover that a failover lost may have left a connection with a higher fence. Records the author
-- of the takeover, because a repeat must return its fence only if there was no takeover since.
local function take_over(fence, holders, node, sequence, at) -- rare
  local raised = math.max(fence + 1, at)
  redis.call('HSET', key, 'f', node .. ' ' .. sequence)
  announce(holders, node, '["r","' .. session_id() .. '",' .. raised .. ']')
  return raised
end

-- Returns the holders with this node's absolute count, and whether `sequence` is new: an older sequence never overwrites a
-- newer one, and a repeated one changes nothing. A count of zero is kept until no late repeat of an older count can arrive.
local function with_holder(holders, node, count, sequence, at)
  local kept = ''
  for other, entry, seen, untill in string.gmatch(holders or '', '([^=,]+)(=%d+%.(%d+)%.?(%d*)[^,]*)') do
    if other == node then
      if tonumber(seen) >= tonumber(sequence) then return holders, false end
    elseif untill == '' or tonumber(untill) > at then
      kept = kept .. other .. entry .. ','
    end
  end
  local own = node .. '=' .. count .. '.' .. sequence
  if count == '0' then own = own .. '.' .. (at + MEMORY_MS) end
  return kept .. own, true
end

-- Deletes the records of the last writes of other processes that can no longer be repeated.
local function prune_writers(node, at) -- rare
  local old = {}
  for _, name in ipairs(redis.call('HKEYS', key)) do
    if string.sub(name, 1, 1) == 'w' and name ~= 'w' .. node then
      local untill = string.match(redis.call('HGET', key, name), '^%d+ %d+ (%d+)')
      if not untill or tonumber(untill) + MEMORY_MS < at then old[#old + 1] = name end
    end
  end
  if #old > 0 then redis.call('HDEL', key, unpack(old)) end
end

-- Compares a sequence with the last write of its node. Returns the version if this sequence was applied, 0 if it is never
-- applied (see outcome.lua) or a later one was applied, nil if it is new.
local function repeated(last, sequence)
  if not last then return nil end
  local seen, version = string.match(last, '^(%d+) (%d+)')
  if not seen then return nil end
  if seen == sequence then return tonumber(version) end
  if tonumber(seen) > tonumber(sequence) then return 0 end
  return nil
end

-- The time until which the index must list a session, with `part` of its idle time to spare; 0 means for ever.
local function listed_until(idle, absolute, at, part)
  if idle == 0 then return absolute end
  local last = idle + math.max(0, idle - at) * part
  if absolute ~= 0 and absolute < last then return absolute end
  return last
end

-- Whether a listing (as in field u; nil for none) lasts until `wanted`. 0 means for ever in both.
local function is_listed(listed, wanted)
  if not listed then return false end
  return listed == '0' or (wanted ~= 0 and wanted <= tonumber(listed) * 1000)
end

-- The score of a session that never expires is the time at which it was listed plus this.
local ENDLESS = 100000000000000
-- The most entries that one call removes.
local DEAD_AT_ONCE = 64

-- Removes entries whose sessions can no longer be live. The number is limited, so that each call takes bounded time.
local function remove_dead(at) -- rare
  local dead = redis.call('ZRANGEBYSCORE', key, '-inf', '(' .. at, 'LIMIT', 0, DEAD_AT_ONCE)
  if #dead > 0 then redis.call('ZREM', key, unpack(dead)) end
end

-- Makes a subject's index expire with its last entry, and the order of the subject's logins with the index. Otherwise a later login
-- could not determine the oldest session, or the order would stay for ever.
local function expire_with_last(index) -- rare
  local last = tonumber(redis.call('ZRANGE', index, -1, -1, 'WITHSCORES')[2] or '0')
  if last == 0 then return end
  local prefix, hash = string.match(index, '^(.*):u:(%b{})$')
  for _, name in ipairs({ index, prefix .. ':q:' .. hash }) do
    if last >= ENDLESS then
      redis.call('PERSIST', name)
    else
      redis.call('PEXPIREAT', name, last)
    end
  end
end
