-- Settles numbers of one client, changes fields of the session and keeps messages, in one atomic step (I21, I22, I23).
-- KEYS  1 session · 2 its outbox list, only with messages: while a slot migrates, Redis refuses scripts with a second key (TRYAGAIN)
-- ARGV  1 not-after · 2 words, "" for none: node, sequence, expected version, known version, its lineage, new lineage, fence, schemaVersion,
--       maxBytes, the size of the largest change that an announcement includes, "f" fields or "r" replace, how many to set, how many to
--       remove, first and last number to settle, the last number that the caller knows to be settled, the client's forget mark, the refused
--       numbers (base 36: bit i for the last number - i), most messages, most bytes, how long messages are kept (ms, or 0), "1" to refuse
--       messages that do not fit. The new lineage also becomes the forget mark if a record is dropped
--       3 client · 4… field, text for each to set; then fields to remove; then messages as append.lua
-- Out   {version, offset, chain before it}: the short form of the next reply, if refused is "0", floor "1", and nothing follows version
--       {"committed", refused, floor, offset, chain before it, version[, now, all]}: offset 0 without messages; version 0
--       without a change; all only if the version is not the next after the known version
--       {"settled", settled, refused, floor}: settled before · {"forgotten", forget mark} · {"behind", settled} · {"conflict", now, all} · {"full"}
--       {"missing"} · {"fenced"} · {"large", maxBytes} · {"overtaken"} · {"late", now} · {"corrupt"}
--       {"gone", …}: it was destroyed, see no_session
-- At most once: as in write.lua. A repeat returns the first call's outcomes, offset and chain.
local not_after, client = ARGV[1], ARGV[3]
local node, sequence, expected, known_version, known_lineage, new_lineage, held_fence, schema_version, max_bytes, max_announced, mode, set_count,
  unset_count, first_number, number, known_settled, client_mark, refused_now, most_messages, most_bytes, age, refuses =
  string.match(ARGV[2], '^([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*)$')
local list = KEYS[2]
local first_set, last_set = 4, 3 + 2 * set_count
local last_change = last_set + unset_count
local from = last_change + 1
local changes = mode ~= ''
local at, time = now_ms()
local writer, own = 'w' .. node, 'c' .. client
local found = redis.call('HMGET', key, 'm', 'h', writer, own, 'o')
if not found[1] then return no_session() end
local version, lineage, fence, schema, bytes, idle, absolute, more = split_meta(found[1])
if not version then return { 'corrupt' } end
local absolute_at = tonumber(absolute, 36)
if has_passed(tonumber(idle, 36), absolute_at, at) then return not_there('missing') end
local settled, refused, floor = string.match(found[4] or '', '^(%d+) ([0-9a-z]+) %d+ ?(%d*)')
if found[4] and not settled then return { 'corrupt' } end
if floor == '' then floor = '1' end

-- As in write.lua: whether the version follows the caller's version. Also if the data does not change.
local function follows(made)
  return not changes or (made == known_version + 1 and (known_lineage == '' or lineage == new_lineage))
end
local made = repeated(found[3], sequence)
if made == 0 then return { 'overtaken' } end
if made then
  local offset, chain = string.match(found[3], '^%d+ %d+ %d+ (%d+) (%d+)')
  local later = settled and settled - number or -1
  -- Since the first attempt other connections of the client may have settled more numbers, or the record may have been dropped.
  local outcomes, since = refused_now, first_number
  if later >= 0 and tonumber(floor) <= tonumber(number) then
    outcomes, since = base36(math.floor(tonumber(refused, 36) / 2 ^ later)), floor
  end
  return committed(follows(made), changes and made or 0, at, outcomes, since, tonumber(offset or '0'), tonumber(chain or '0'))
end
if at > tonumber(not_after) then return { 'late', at } end
if held_fence ~= '' and held_fence ~= fence and tonumber(held_fence) < tonumber(fence) then return { 'fenced' } end

-- In the usual case the record has the last settled number that the caller gave, and `number` comes after it.
if settled ~= known_settled or tonumber(number) <= tonumber(settled) then
  if settled then
    if tonumber(number) < tonumber(floor) then return { 'forgotten', redis.call('HGET', key, 'g') or '0' } end
    if tonumber(number) <= tonumber(settled) then return { 'settled', settled, refused, floor } end
  else
    local forget_mark_now = redis.call('HGET', key, 'g') or '0'
    if forget_mark_now ~= client_mark then return { 'forgotten', forget_mark_now } end
  end
  if tonumber(settled or '0') < tonumber(known_settled) then return { 'behind', settled or '0' } end
end

local is_known = known_version == version and known_lineage == lineage
if expected ~= '' and (expected ~= version or not (is_known or known_lineage == '')) then
  return { 'conflict', at, redis.call('HGETALL', key) }
end
local box, drop, bounds = nil, nil, nil
if list then
  bounds = {
    messages = tonumber(most_messages),
    bytes = tonumber(most_bytes),
    age = tonumber(age),
    absolute = absolute_at,
  }
  if refuses == '1' then
    box, drop = open_outbox_with_room(found[5], list, at, from, bounds)
    if box and not drop then return { 'full' } end
  else
    box = parse_outbox(found[5])
  end
  if not box then return { 'corrupt' } end
end
local new_bytes, removed, change_bytes = bytes, {}, 0
if changes then
  new_bytes, removed, change_bytes = measure_change(bytes, max_bytes, mode == 'r', first_set, last_set, last_change)
  if not new_bytes then return { 'large', tonumber(max_bytes) } end
end

-- The checks end here, and the changes begin. The commands that need memory come first (RPUSH, HSET), because at maxmemory Redis can
-- refuse only the first write of a script, and runs the others.
local after, offset, before = lineage, 0, 0
if changes then version, lineage = version + 1, next_lineage(is_known, lineage, new_lineage) end
if box then offset, before = box.last + 1, box.chain end

-- A double represents the 48 bits exactly, because a factor of 2^n changes only the exponent. For numbers that the record has settled
-- already, the bits of the record count, not those of this call.
local outcomes = '0'
if refused_now ~= '0' or (refused and refused ~= '0') then
  local moved = number - (settled or 0)
  outcomes = tonumber(refused_now, 36)
  if moved < 48 then outcomes = outcomes % 2 ^ moved + (tonumber(refused or '0', 36) * 2 ^ moved) % 2 ^ 48 end
  outcomes = base36(outcomes)
end
local since = settled and floor or first_number
local stamp = time[1] .. string.sub('00000' .. time[2], -6)

-- Numbers by string.format, because concatenation formats each number as a double.
local version_text = string.format('%d', version)
local fields = {
  writer, sequence .. ' ' .. version_text .. ' ' .. not_after .. (box and string.format(' %d ', offset) .. box.chain_text or ''),
  own, number .. ' ' .. outcomes .. ' ' .. stamp .. (since ~= '1' and ' ' .. since or ''),
}
local has_new_key = false
if box then has_new_key = push_messages(box, list, at, from, bounds, drop, fields) end
if changes then
  local count = #fields
  local size = string.format(' %d ', new_bytes)
  fields[count + 1] = 'm'
  fields[count + 2] = version_text .. ' ' .. lineage .. ' ' .. fence .. ' ' .. schema_version .. size .. idle .. ' ' .. absolute .. more
  for index = first_set, last_set do fields[count + 3 + index - first_set] = ARGV[index] end
end
local forgotten = not settled and oldest_client() or nil
if forgotten then
  fields[#fields + 1] = 'g'
  fields[#fields + 1] = forget_mark(new_lineage)
end
in_chunks('HSET', key, fields)
if #removed > 0 then in_chunks('HDEL', key, removed) end
if forgotten then redis.call('HDEL', key, forgotten) end
if has_new_key then prune_keys(box) end
if not found[3] then prune_writers(node, at) end

if has_other_holders(found[2], node) then
  local is_small = change_bytes <= tonumber(max_announced) and schema == schema_version
  if changes then announce_change(found[2], node, version, lineage, after, is_small and mode, first_set, last_set, last_change) end
  if box then announce_messages(found[2], node, box, before, from, tonumber(max_announced)) end
end
return committed(follows(version), changes and version or 0, at, outcomes, since, offset, before)
