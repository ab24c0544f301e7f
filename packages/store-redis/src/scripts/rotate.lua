-- Replaces the verifier's digest. With a subject, also sets the session's subject.
-- KEYS  1 session
-- ARGV  1 not-after · 2 node · 3 sequence · 4 digest · 5 renewal digest · 6 renewalMs · 7 graceMs
--       8 "1" with a subject; "2" with a subject while presence is recorded · 9 subject · 10 its hash · 11 epoch · 12 until when the subject's index lists it, as field u
--       13 fence or "" · 14 known version · 15 its lineage or "" · 16 new lineage · 17 "1": refuse a session of another subject
--       18 the digest to replace, or ""
-- Out   version, if the caller has the data at this version · {"rotated", version, now, all} · with 8 = "2", and for a session that had
--       another subject and messages, always
--       {"rotated", version, now, all, former subject or false, 1 if the caller has the data, offset and chain of its last message}
--       A repeat names the former subject only with 8 = "2".
--       {"missing"} · {"fenced"} · {"revoked"} · {"foreign"} · {"overtaken"} · {"late", now} · {"corrupt"}
--       {"index", time}: the index must first list the session until then
--       {"gone", …}: it was destroyed, see no_session
-- At most once: as in write.lua. A repeat never makes the new digest the previous one.
local not_after, node, sequence, digest, renewal_digest, renewal_ms, grace_ms, has_subject, subject, subject_hash,
  epoch, listed, held_fence, known_version, known_lineage, new_lineage, only_unowned, replaces = unpack(ARGV)
local identifies, is_recorded = has_subject ~= '', has_subject == '2'
local at = now_ms()
local writer, denial = 'w' .. node, 'x' .. subject_hash
local found = redis.call('HMGET', key, 'm', 'h', writer, 'v', denial, 's', 'o', 'p')
if not found[1] then return no_session() end
local meta = unpack_meta(found[1])
if not meta then return { 'corrupt' } end
if has_passed(meta.idle, meta.absolute, at) then return not_there('missing') end

local is_passed_on = identifies and found[6] and found[6] ~= subject
-- `passed_on`: the offset and the chain of the end of the former subject's outbox.
local function answer(version, passed_on, former)
  local wanted, lineage = tonumber(known_version), known_lineage
  if identifies then wanted, lineage = wanted + 1, new_lineage end
  local is_next = version == wanted and (known_lineage == '' or tonumber(lineage) == meta.lineage)
  if is_recorded or passed_on then
    return { 'rotated', version, at, redis.call('HGETALL', key), former, is_next and 1 or 0, passed_on }
  end
  if is_next then return version end
  return { 'rotated', version, at, redis.call('HGETALL', key) }
end
local before = repeated(found[3], sequence)
if before == 0 then return { 'overtaken' } end
-- A repeat finds the new subject, and may find its messages.
if before then
  local former = string.match(found[3], '\n(.*)')
  return answer(before, string.match(found[3], '^%d+ %d+ %d+ (%d+ %d+)'), former or false)
end
if at > tonumber(not_after) then return { 'late', at } end
if held_fence ~= '' and tonumber(held_fence) < meta.fence then return { 'fenced' } end
-- After `repeated`, because a repeat finds its own digest here.
if replaces ~= '' and found[4] ~= replaces then return { 'foreign' } end
local denied, denied_until = string.match(found[5] or '', '^(%d+) (%d+)')
local is_denied = denied and tonumber(denied_until) > at
if identifies then
  if only_unowned == '1' and found[6] and found[6] ~= subject then return { 'foreign' } end
  if is_denied and tonumber(denied) > tonumber(epoch) then return { 'revoked' } end
  if not is_listed(listed, listed_until(meta.idle, meta.absolute, at, 0)) then
    return { 'index', listed_until(meta.idle, meta.absolute, at, 1) }
  end
  local is_known = meta.version == tonumber(known_version) and meta.lineage == tonumber(known_lineage)
  meta.version, meta.lineage = meta.version + 1, tonumber(next_lineage(is_known, meta.lineage, new_lineage))
end

local passed_on
if is_passed_on and found[7] then
  passed_on = string.match(found[7], '^%d+ (%d+ %d+)') or '0 0'
end
if not found[3] then prune_writers(node, at) end
local written = sequence .. ' ' .. meta.version .. ' ' .. not_after .. (passed_on and ' ' .. passed_on or '')
if is_recorded and is_passed_on then written = written .. '\n' .. found[6] end
local fields = {
  'm', pack_meta(meta),
  'v', digest,
  'n', renewal_digest .. ' ' .. (at + tonumber(renewal_ms)),
  writer, written,
}
if identifies then
  for _, text in ipairs({ 's', subject, 'u', listed }) do fields[#fields + 1] = text end
  if epoch == '0' then
    redis.call('HDEL', key, 'e')
  else
    redis.call('HSET', key, 'e', epoch)
  end
end
-- Kept messages and client records belong to the former subject, so they are dropped in this step. The list is not changed: its length
-- no longer matches field o, so the outbox counts as empty.
local dropped = {}
if is_passed_on then
  dropped = matching_fields('^[akc]')
  if passed_on then
    fields[#fields + 1] = 'o'
    fields[#fields + 1] = (string.match(passed_on, '%d+') + 1) .. ' ' .. passed_on .. ' 0'
  end
  -- Always change the forget mark. Otherwise a client whose record is dropped would look like a new client, and the first commit of a
  -- client that the former subject had would change the new subject's session.
  fields[#fields + 1] = 'g'
  fields[#fields + 1] = forget_mark(new_lineage)
end
redis.call('HSET', key, unpack(fields))
if is_recorded and found[6] ~= subject then
  local presence = unpack_presence(found[8])
  if presence then put_presence(presence, at) end
end
if #dropped > 0 then in_chunks('HDEL', key, dropped) end
if found[4] then
  redis.call('HSET', key, 'q', found[4] .. ' ' .. (at + tonumber(grace_ms)))
else
  redis.call('HDEL', key, 'q')
end
if identifies then
  -- A denial is kept until it expires, because an older login may still be in flight.
  if found[5] and not is_denied then redis.call('HDEL', key, denial) end
  -- The announcement omits the change, so the holders read the session: announcements cannot carry the subject.
  announce(found[2], node, '["w","' .. session_id() .. '",' .. meta.version .. ',' .. meta.lineage .. ']')
end
return answer(meta.version, passed_on, found[6])
