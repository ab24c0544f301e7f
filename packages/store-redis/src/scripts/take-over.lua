-- Raises a session's fence for an existing connection, and announces that to the other holders.
-- KEYS  1 session
-- ARGV  1 not-after · 2 node · 3 sequence · 4 for a takeover of a subject: "own", the session that takes it over; "keep", the same
--       without a new fence; "other", another session of the subject; else "" · 5 seat of the takeover · 6 hash of the subject
--       7 subject
-- Out   {"taken", fence} · {"missing"}, also for a session of another subject with "other" · {"gone", …}: it was destroyed, see no_session
--       {"late", now} · {"corrupt"} · {"replaced", fence}: a takeover of the subject with a higher seat was here before
-- At most once: a repeat finds that its own takeover was the last one. If another process took over since, the repeat takes over
-- again, because with the fence of the other process both could write (I13).
local not_after, node, sequence, mode, seat, subject_hash, subject = unpack(ARGV)
local at = now_ms()
local found = redis.call('HMGET', key, 'm', 'h', 'f', 'z', 's')
if not found[1] then return no_session() end
local meta = unpack_meta(found[1])
if not meta then return { 'corrupt' } end
if has_passed(meta.idle, meta.absolute, at) then return not_there('missing') end
if mode == 'other' and found[5] ~= subject then return not_there('missing') end
if found[3] == node .. ' ' .. sequence then return { 'taken', meta.fence } end
if mode ~= '' then
  local highest, whose = string.match(found[4] or '', '^(%d+) (%S+)$')
  if whose == subject_hash and tonumber(highest) > tonumber(seat) then return { 'replaced', meta.fence } end
end
if at > tonumber(not_after) then return { 'late', at } end
if mode ~= '' then redis.call('HSET', key, 'z', seat .. ' ' .. subject_hash) end
if mode == 'keep' then return { 'taken', meta.fence } end
meta.fence = take_over(meta.fence, found[2], node, sequence, at)
redis.call('HSET', key, 'm', pack_meta(meta))
return { 'taken', meta.fence }
