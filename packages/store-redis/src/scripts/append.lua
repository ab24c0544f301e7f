-- Appends messages to a session's outbox (I17). The session's version, lineage, data and deadlines do not change.
-- KEYS  1 session · 2 its outbox list
-- ARGV  1 not-after · 2 node · 3 sequence · 4 fence or "" · 5 most messages · 6 most bytes · 7 how long messages are kept, ms, or 0
--       8 "1" to refuse messages that do not fit · 9 the most bytes of messages in an announcement
--       10 subject that the session must have, or ""
--       11… mark, flag "t" or "b", ttl in ms or "", key or "", payload; the keys are unique
-- Out   {"appended", offset of the first message, chain before it} · {"full"} · {"missing"} · {"fenced"} · {"foreign"} · {"overtaken"} · {"late", now}
--       {"corrupt"} · {"gone", …}: it was destroyed, see no_session
-- At most once: as in write.lua. A repeat returns the first call's offset and chain. The other chains follow from the marks.
local not_after, node, sequence, fenced, most_messages, most_bytes, age, refuses, announced, subject = unpack(ARGV, 1, 10)
local list, from = KEYS[2], 11
local at = now_ms()
local writer = 'w' .. node
local found = redis.call('HMGET', key, 'm', 'h', writer, 'o', 's')
if not found[1] then return no_session() end
local version, _, fence, _, _, idle, absolute = split_meta(found[1])
if not version then return { 'corrupt' } end
if has_passed(tonumber(idle, 36), tonumber(absolute, 36), at) then return not_there('missing') end

local made = repeated(found[3], sequence)
if made == 0 then return { 'overtaken' } end
if made then
  local offset, chain = string.match(found[3], '^%d+ %d+ %d+ (%d+) (%d+)')
  return { 'appended', tonumber(offset), tonumber(chain) }
end
if at > tonumber(not_after) then return { 'late', at } end
if fenced ~= '' and tonumber(fenced) < tonumber(fence) then return { 'fenced' } end
if subject ~= '' and found[5] ~= subject then return { 'foreign' } end

local bounds = {
  messages = tonumber(most_messages),
  bytes = tonumber(most_bytes),
  age = tonumber(age),
  absolute = tonumber(absolute, 36),
}
local box, drop = nil, nil
if refuses == '1' then
  box, drop = open_outbox_with_room(found[4], list, at, from, bounds)
  if box and not drop then return { 'full' } end
else
  box = parse_outbox(found[4])
end
if not box then return { 'corrupt' } end

-- The checks end here, and the changes begin. The commands that need memory come first, because at maxmemory Redis can refuse only
-- the first write of a script, and runs the others.
local offset, before = box.last + 1, box.chain
local fields = { writer, sequence .. ' ' .. version .. ' ' .. not_after .. string.format(' %d ', offset) .. box.chain_text }
local has_new_key = push_messages(box, list, at, from, bounds, drop, fields)
in_chunks('HSET', key, fields)
if has_new_key then prune_keys(box) end
-- The record of a process without a connection of the session would stay in the session. So remove old records of such processes.
local holds = found[2] and string.find(found[2], node .. '=', 1, true)
if not (found[3] and holds) then prune_writers(node, at) end
if has_other_holders(found[2], node) then
  announce_messages(found[2], node, box, before, from, tonumber(announced))
end
return { 'appended', offset, before }
