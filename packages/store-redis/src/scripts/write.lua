-- Changes fields of an existing session, at most once.
-- KEYS  1 session
-- ARGV  1 not-after · 2 node · 3 sequence · 4 expected version or "" · 5 known version · 6 its lineage or "" · 7 new lineage
--       8 fence or "" · 9 schemaVersion · 10 maxBytes · 11 the size of the largest change that an announcement includes
--       12 "f" fields or "r" replace · 13 how many to set; then field, text for each; then fields to remove
-- Out   version, if it is the next after the known version · {"written", version, now, all} · {"conflict", now, all} · {"missing"}
--       {"fenced"} · {"large", maxBytes} · {"overtaken"} · {"late", now} · {"corrupt"}
--       {"gone", …}: it was destroyed, see no_session
-- At most once: a repeat is recognised by (node, sequence) and returns the same reply. A command that is older than the node's
-- last one, or arrives after its not-after time, is refused. The check for a repeat comes before the check of the time, so
-- that 'late' always means not applied.
local not_after, node, sequence, expected, known_version, known_lineage, new_lineage, held_fence, schema_version, max_bytes,
  max_announced, mode, set_count = unpack(ARGV, 1, 13)
local at = now_ms()
local writer = 'w' .. node
local found = redis.call('HMGET', key, 'm', 'h', writer)
if not found[1] then return no_session() end
local version, lineage, fence, schema, bytes, idle, absolute, more = split_meta(found[1])
if not version then return { 'corrupt' } end
if has_passed(tonumber(idle, 36), tonumber(absolute, 36), at) then return not_there('missing') end

local function answer(made)
  -- The version alone is enough if it follows the caller's version: there was no other change before or since.
  if made == known_version + 1 and (known_lineage == '' or lineage == new_lineage) then return made end
  return { 'written', made, at, redis.call('HGETALL', key) }
end
local before = repeated(found[3], sequence)
if before == 0 then return { 'overtaken' } end
if before then return answer(before) end
if at > tonumber(not_after) then return { 'late', at } end
if held_fence ~= '' and held_fence ~= fence and tonumber(held_fence) < tonumber(fence) then return { 'fenced' } end
local is_known = known_version == version and known_lineage == lineage
if expected ~= '' and (expected ~= version or not (is_known or known_lineage == '')) then
  return { 'conflict', at, redis.call('HGETALL', key) }
end

local last_set = 13 + 2 * set_count
local new_bytes, removed, change_bytes = measure_change(bytes, max_bytes, mode == 'r', 14, last_set, #ARGV)
if not new_bytes then return { 'large', tonumber(max_bytes) } end
if not found[3] then prune_writers(node, at) end
local after = lineage
version, lineage = version + 1, next_lineage(is_known, lineage, new_lineage)
-- Numbers by string.format, because concatenation formats each number as a double.
local made, size = string.format('%d', version), string.format(' %d ', new_bytes)
local record = made .. ' ' .. lineage .. ' ' .. fence .. ' ' .. schema_version .. size .. idle .. ' ' .. absolute .. more
local last = math.min(513, last_set)
redis.call('HSET', key, 'm', record, writer, sequence .. ' ' .. made .. ' ' .. not_after, unpack(ARGV, 14, last))
for first = last + 1, last_set, 500 do
  redis.call('HSET', key, unpack(ARGV, first, math.min(first + 499, last_set)))
end
for first = 1, #removed, 500 do
  redis.call('HDEL', key, unpack(removed, first, math.min(first + 499, #removed)))
end

if has_other_holders(found[2], node) then
  -- Omits the change if the schema version changes, because processes with another version must migrate the whole data.
  local is_small = change_bytes <= tonumber(max_announced) and schema == schema_version
  announce_change(found[2], node, version, lineage, after, is_small and mode, 14, last_set, #ARGV)
end
return answer(version)
