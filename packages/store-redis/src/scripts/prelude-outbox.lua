-- Functions that the scripts on outboxes share. embed-scripts.mjs treats this file like prelude.lua, which comes first.
--
-- More fields of the session hash p:s:{id}:
--   o          "first last chain bytes": the offsets of the oldest and the newest entry, the chain after the newest, and bytes of
--              all messages. Absent before the first append
--   k<key>     the offset of the last message with this key; at most 32 of these fields
--   a<name>    "offset until": a reader's position, and the time until which the outbox waits for it, in base 36; at most 8
--   w<node>    after an append: "sequence version until offset chain": the offset of its first message, and the chain before it
-- The list p:o:{id} has the entries first to last. The parts of an entry, with their lengths:
--   6   the chain before it, base 36, so that each position from first - 1 on can be compared
--   9   the end of its age or of its ttl, in milliseconds by this server's clock, in base 36
--   1   flag: t text, b bytes as base64, x replaced. A capital letter for an entry with a ttl, which is never reported as missed
--       the message
local HEADER = 16
-- The end of an entry that is kept as long as its session.
local ENDLESS_AGE = 'zzzzzzzzz'
-- How long a list without an end is kept after the last append, because otherwise lists of expired sessions would stay for ever.
local MAX_AGE_MS = 2592000000
local MAX_KEYS = 32
local MAX_READERS = 8

-- Runs a command in chunks of 500 values, because Lua can't unpack more than about 8,000 values.
local function in_chunks(command, of, values)
  for first = 1, #values, 500 do
    redis.call(command, of, unpack(values, first, math.min(first + 499, #values)))
  end
end

-- Returns the outbox from field `o` and the list; nothing if it is unreadable. A list of another length was lost without its session, or
-- belongs to an earlier session or subject: its messages count as missed. `last` and its chain stay, so that no offset is assigned
-- twice (I18, I19).
local function open_outbox(text, list)
  local first, last, chain, bytes = string.match(text or '1 0 0 0', '^(%d+) (%d+) (%d+) (%d+)')
  if not first then return nil end
  local box = { first = tonumber(first), last = tonumber(last), chain = tonumber(chain), bytes = tonumber(bytes) }
  box.is_stale = redis.call('LLEN', list) ~= box.last - box.first + 1
  if box.is_stale then box.first, box.bytes = box.last + 1, 0 end
  return box
end

-- The bytes of an entry's message; for base64 the decoded bytes.
local function size_of(entry)
  local flag = string.byte(entry, HEADER)
  if flag == 98 or flag == 66 then return math.floor((#entry - HEADER) * 3 / 4) end
  return #entry - HEADER
end

local function has_ttl(entry)
  return string.byte(entry, HEADER) < 97
end

local function is_over(entry, at)
  return tonumber(string.sub(entry, 7, 15), 36) <= at
end

local function is_replaced(entry)
  local flag = string.byte(entry, HEADER)
  return flag == 120 or flag == 88
end

-- The offset up to which all readers have the messages; 0 without a reader.
local function read_by_all(at)
  local least = nil
  for _, name in ipairs(redis.call('HKEYS', key)) do
    if string.sub(name, 1, 1) == 'a' then
      local offset, untill = string.match(redis.call('HGET', key, name), '^(%d+) (%w+)$')
      if offset and tonumber(untill, 36) > at then least = math.min(least or tonumber(offset), tonumber(offset)) end
    end
  end
  return least or 0
end

-- For an outbox that refuses messages that do not fit: returns how many of the oldest entries have to be dropped so that the
-- messages in ARGV from `from` on fit, and the bytes of those entries. Returns nothing if a reader lacks one of these entries.
-- Changes nothing.
local function room_for(box, list, at, from, bounds)
  local count, size = (#ARGV - from + 1) / 5, 0
  for index = from, #ARGV, 5 do
    local payload = #ARGV[index + 4]
    size = size + (ARGV[index + 1] == 'b' and math.floor(payload * 3 / 4) or payload)
  end
  local drop, freed, read = 0, 0, nil
  local kept = box.last - box.first + 1
  while kept - drop + count > bounds.messages or box.bytes - freed + size > bounds.bytes do
    if drop == kept then return nil end
    local entry = redis.call('LINDEX', list, drop)
    if not is_replaced(entry) and not is_over(entry, at) then
      read = read or read_by_all(at)
      if box.first + drop > read then return nil end
    end
    drop, freed = drop + 1, freed + size_of(entry)
  end
  return drop, freed
end

-- Deletes the message at `offset`, because a later message of the same key replaces it. The offset and its chain stay.
local function replace(box, list, offset)
  if not offset or offset < box.first or offset > box.last then return end
  local entry = redis.call('LINDEX', list, offset - box.first)
  box.bytes = box.bytes - size_of(entry)
  redis.call('LSET', list, offset - box.first, string.sub(entry, 1, 15) .. (has_ttl(entry) and 'X' or 'x'))
end

local function is_over_bounds(box, bounds)
  return box.last - box.first + 1 > bounds.messages or box.bytes > bounds.bytes
end

local function drop_first(box, list)
  box.first, box.bytes = box.first + 1, box.bytes - size_of(redis.call('LPOP', list))
end

-- Deletes the fields of keys whose messages are no longer kept. Above MAX_KEYS, also deletes the fields of the keys with the lowest
-- offsets.
local function prune_keys(box)
  local used, gone = {}, {}
  for _, name in ipairs(redis.call('HKEYS', key)) do
    if string.sub(name, 1, 1) == 'k' then
      local offset = tonumber(redis.call('HGET', key, name)) or 0
      if offset < box.first then gone[#gone + 1] = name else used[#used + 1] = { offset, name } end
    end
  end
  table.sort(used, function(one, other) return one[1] > other[1] end)
  for index = MAX_KEYS + 1, #used do gone[#gone + 1] = used[index][2] end
  if #gone > 0 then in_chunks('HDEL', key, gone) end
end

-- Appends the messages in ARGV from `from` on, each with five values: mark, flag, ttl in ms or "", key or "", payload. Then drops the oldest
-- entries beyond the limits (I20), or the first `drop` entries if they were chosen before. Collects changes of the hash in `fields`, which
-- the caller writes, and updates `box`. Returns the chain after each message, and whether a key is new. `bounds`: messages, bytes,
-- age (ms, 0 for endless), and absolute, the session's deadline.
-- Nothing may be written before the first RPUSH, because otherwise Redis would not refuse the RPUSH at maxmemory.
local function push_messages(box, list, at, from, bounds, drop, fields)
  local until_age, stay = ENDLESS_AGE, bounds.age
  if bounds.age > 0 then
    until_age = string.sub('00000' .. padded36(at + bounds.age), -9)
  else
    stay = bounds.absolute > 0 and math.min(bounds.absolute - at, MAX_AGE_MS) or MAX_AGE_MS
  end
  local entries, chains, replaced, has_new_key = {}, {}, {}, false
  local before, size = box.last, 0
  for index = from, #ARGV, 5 do
    local mark, flag, ttl, name, payload = unpack(ARGV, index, index + 4)
    local ends = until_age
    if ttl ~= '' then
      ends, flag = string.sub('00000' .. padded36(at + tonumber(ttl)), -9), string.upper(flag)
      if ends > until_age then ends = until_age end
    end
    local entry = string.sub('00' .. padded36(box.chain), -6) .. ends .. flag .. payload
    box.chain = (box.chain * 69069 + tonumber(mark)) % 2147483648
    before, size = before + 1, size + size_of(entry)
    entries[#entries + 1], chains[#chains + 1] = entry, box.chain
    if name ~= '' then
      local field = 'k' .. name
      local older = redis.call('HGET', key, field)
      if older then replaced[#replaced + 1] = tonumber(older) else has_new_key = true end
      fields[#fields + 1], fields[#fields + 2] = field, before
    end
  end
  in_chunks('RPUSH', list, entries)
  if box.is_stale then redis.call('LTRIM', list, -#entries, -1) end
  for _, offset in ipairs(replaced) do replace(box, list, offset) end
  box.last, box.bytes = before, box.bytes + size
  for _ = 1, drop or 0 do drop_first(box, list) end
  while not drop and box.first <= box.last and is_over_bounds(box, bounds) do
    drop_first(box, list)
  end
  -- Drops the entries past their age at the beginning of the list. A reader skips later entries past their age.
  while box.first <= box.last do
    local entry = redis.call('LINDEX', list, 0)
    if has_ttl(entry) or not is_over(entry, at) then break end
    drop_first(box, list)
  end
  -- Entries with a ttl at the end of the list are never reported as missed. So the list stays for some time after their age, for late
  -- readers. Without the list the outbox would count as lost.
  if bounds.age > 0 and has_ttl(entries[#entries]) then stay = 2 * stay end
  redis.call('PEXPIRE', list, math.max(1, stay))
  fields[#fields + 1] = 'o'
  -- Not by concatenation, which formats each number as a double with fourteen digits, and takes three times as long.
  fields[#fields + 1] = string.format('%d %d %d %d', box.first, box.last, box.chain, box.bytes)
  return chains, has_new_key
end

-- The fields whose names match.
local function matching_fields(pattern)
  local names = {}
  for _, name in ipairs(redis.call('HKEYS', key)) do
    if string.match(name, pattern) then names[#names + 1] = name end
  end
  return names
end

-- Announces the new end of the outbox to the other holders, with the messages in ARGV from `from` on if they are small.
local function announce_messages(holders, node, box, before, chains, from, most_bytes)
  if not has_other_holders(holders, node) then return end
  local parts, size = { '["o","', session_id(), '",', box.last, ',', box.chain }, 0
  for index = from + 4, #ARGV, 5 do size = size + #ARGV[index] end
  if size <= most_bytes then
    parts[#parts + 1] = ',' .. before
    for index, chain in ipairs(chains) do
      local message = from + 5 * (index - 1)
      parts[#parts + 1] = ',"' .. ARGV[message + 1] .. '",' .. cjson.encode(ARGV[message + 4]) .. ',' .. chain
    end
  end
  parts[#parts + 1] = ']'
  announce(holders, node, table.concat(parts))
end
