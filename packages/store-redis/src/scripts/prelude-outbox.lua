-- Functions that the scripts on outboxes share. embed-scripts.mjs treats this file like prelude.lua, which comes first.
--
-- More fields of the session hash p:s:{id}:
--   o          "first last chain bytes[ until]": the offsets of the oldest and the newest entry, the chain after the newest, and bytes of
--              all messages; until: when the list expires, in seconds by this server's clock. Absent before the first append
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
-- How much longer than necessary a list may stay.
local LONGER_MS = 5000
local MAX_KEYS = 32
local MAX_READERS = 8

-- Runs a command in chunks of 500 values, because Lua can't unpack more than about 8,000 values. Returns the last reply.
local function in_chunks(command, of, values)
  if #values <= 500 then return redis.call(command, of, unpack(values)) end
  local reply
  for first = 1, #values, 500 do
    reply = redis.call(command, of, unpack(values, first, math.min(first + 499, #values)))
  end
  return reply
end

-- Returns the outbox as field `o` describes it; nothing if the field is unreadable. `chain_text`: the chain as the field has it;
-- `expires`: when the list expires, in seconds, 0 if that is not known.
local function parse_outbox(text)
  local first, last, chain, bytes, expires = string.match(text or '1 0 0 0', '^(%d+) (%d+) (%d+) (%d+) ?(%d*)')
  if not first then return nil end
  return {
    first = tonumber(first),
    last = tonumber(last),
    chain = tonumber(chain),
    bytes = tonumber(bytes),
    chain_text = chain,
    expires = tonumber(expires) or 0,
  }
end

-- Returns the outbox from field `o` and the list; nothing if it is unreadable. A list of another length was lost without its session, or
-- belongs to an earlier session or subject: its messages count as missed. `last` and its chain stay, so that no offset is assigned
-- twice (I18, I19).
local function open_outbox(text, list)
  local box = parse_outbox(text)
  if box and redis.call('LLEN', list) ~= box.last - box.first + 1 then box.first, box.bytes = box.last + 1, 0 end
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
local function read_by_all(at) -- rare
  local least = nil
  for _, name in ipairs(redis.call('HKEYS', key)) do
    if string.sub(name, 1, 1) == 'a' then
      local offset, untill = string.match(redis.call('HGET', key, name), '^(%d+) (%w+)$')
      if offset and tonumber(untill, 36) > at then least = math.min(least or tonumber(offset), tonumber(offset)) end
    end
  end
  return least or 0
end

-- Returns how many of the oldest entries have to be dropped so that the messages in ARGV from `from` on fit. Returns nothing if a reader
-- lacks one of these entries. Changes nothing.
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
  return drop
end

-- For an outbox that refuses messages that do not fit: returns the outbox, as open_outbox, and how many of the oldest entries have to be
-- dropped so that the messages in ARGV from `from` on fit. Returns the outbox alone if they do not fit.
local function open_outbox_with_room(text, list, at, from, bounds) -- rare
  local box = open_outbox(text, list)
  return box, box and room_for(box, list, at, from, bounds)
end

-- Deletes the message at `offset`, because a later message of the same key replaces it. The offset and its chain stay.
local function replace(box, list, offset) -- rare
  if not offset or offset < box.first or offset > box.last then return end
  local entry = redis.call('LINDEX', list, offset - box.first)
  box.bytes = box.bytes - size_of(entry)
  redis.call('LSET', list, offset - box.first, string.sub(entry, 1, 15) .. (has_ttl(entry) and 'X' or 'x'))
end

local function is_over_bounds(box, bounds)
  return box.last - box.first + 1 > bounds.messages or box.bytes > bounds.bytes
end

-- Returns the dropped entry.
local function drop_first(box, list)
  local entry = redis.call('LPOP', list)
  box.first, box.bytes = box.first + 1, box.bytes - size_of(entry)
  return entry
end

-- Deletes the fields of keys whose messages are no longer kept. Above MAX_KEYS, also deletes the fields of the keys with the lowest
-- offsets.
local function prune_keys(box) -- rare
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

-- The chain after a message with this mark.
local function next_chain(chain, mark)
  return (chain * 69069 + mark) % 2147483648
end

-- Appends the messages in ARGV from `from` on, each with five values: mark, flag, ttl in ms or "", key or "", payload. Then drops the oldest
-- entries beyond the limits (I20), or the first `drop` entries if they were chosen before. Collects changes of the hash in `fields`, which
-- the caller writes, and updates `box`, which needs no comparison with the list before: RPUSH returns the list's length. Returns whether
-- a key is new. `bounds`: messages, bytes, age (ms, 0 for endless), and absolute, the session's deadline.
-- Nothing may be written before the first RPUSH, because otherwise Redis would not refuse the RPUSH at maxmemory.
local function push_messages(box, list, at, from, bounds, drop, fields)
  local until_age, stay = ENDLESS_AGE, bounds.age
  if bounds.age > 0 then
    until_age = nine_digits36(at + bounds.age)
  else
    stay = bounds.absolute > 0 and math.min(bounds.absolute - at, MAX_AGE_MS) or MAX_AGE_MS
  end
  local entries, replaced, has_new_key = {}, nil, false
  local before, chain, size = box.last, box.chain, 0
  for index = from, #ARGV, 5 do
    local mark, flag, ttl, name, payload = unpack(ARGV, index, index + 4)
    local ends = until_age
    if ttl ~= '' then
      ends, flag = nine_digits36(at + ttl), string.upper(flag)
      if ends > until_age then ends = until_age end
    end
    local entry = string.sub(nine_digits36(chain), 4) .. ends .. flag .. payload
    chain = next_chain(chain, mark)
    before, size = before + 1, size + size_of(entry)
    entries[#entries + 1] = entry
    if name ~= '' then
      local field = 'k' .. name
      local older = redis.call('HGET', key, field)
      if not older then
        has_new_key = true
      else
        replaced = replaced or {}
        replaced[#replaced + 1] = tonumber(older)
      end
      fields[#fields + 1], fields[#fields + 2] = field, before
    end
  end
  -- Redis deletes an empty list, together with its expiry.
  if box.first > box.last then box.expires = 0 end
  if in_chunks('RPUSH', list, entries) ~= box.last - box.first + 1 + #entries then
    -- The list is not the one that field `o` describes; see open_outbox.
    redis.call('LTRIM', list, -#entries, -1)
    box.first, box.bytes, box.expires = box.last + 1, 0, 0
  end
  for _, offset in ipairs(replaced or {}) do replace(box, list, offset) end
  box.last, box.chain, box.bytes = before, chain, box.bytes + size
  local dropped
  for _ = 1, drop or 0 do dropped = drop_first(box, list) end
  while not drop and box.first <= box.last and is_over_bounds(box, bounds) do
    dropped = drop_first(box, list)
  end
  -- Drops the entries past their age at the beginning of the list. Usually the ages of entries end in their order. So if the dropped entry
  -- was within its age, the next one is not read. If the application has shortened maxAgeMs, an entry past its age may stay; a reader skips
  -- it.
  local is_young = dropped and not has_ttl(dropped) and not is_over(dropped, at)
  while not is_young and box.first <= box.last do
    local entry = redis.call('LINDEX', list, 0)
    if has_ttl(entry) or not is_over(entry, at) then break end
    drop_first(box, list)
  end
  -- Entries with a ttl at the end of the list are never reported as missed. So the list stays for some time after their age, for late
  -- readers. Without the list the outbox would count as lost.
  if bounds.age > 0 and has_ttl(entries[#entries]) then stay = 2 * stay end
  -- The list stays somewhat longer than necessary, so that not each message of a busy session moves its expiry.
  local least = at + stay
  local most = least + math.min(stay / 10, LONGER_MS)
  if box.expires * 1000 < least or box.expires * 1000 > most then
    redis.call('PEXPIRE', list, math.max(1, math.floor(most - at)))
    box.expires = math.floor(most / 1000)
  end
  fields[#fields + 1] = 'o'
  -- Not by concatenation, which formats each number as a double with fourteen digits, and takes three times as long.
  fields[#fields + 1] = string.format('%d %d %d %d %d', box.first, box.last, box.chain, box.bytes, box.expires)
  return has_new_key
end

-- The fields whose names match.
local function matching_fields(pattern) -- rare
  local names = {}
  for _, name in ipairs(redis.call('HKEYS', key)) do
    if string.match(name, pattern) then names[#names + 1] = name end
  end
  return names
end

-- Announces the new end of the outbox to the other holders, with the messages in ARGV from `from` on if they are small.
local function announce_messages(holders, node, box, before, from, most_bytes) -- rare
  local parts, size = { '["o","', session_id(), '",', box.last, ',', box.chain }, 0
  for index = from + 4, #ARGV, 5 do size = size + #ARGV[index] end
  if size <= most_bytes then
    parts[#parts + 1] = ',' .. before
    local chain = before
    for message = from, #ARGV, 5 do
      chain = next_chain(chain, ARGV[message])
      parts[#parts + 1] = ',"' .. ARGV[message + 1] .. '",' .. cjson.encode(ARGV[message + 4]) .. ',' .. chain
    end
  end
  parts[#parts + 1] = ']'
  announce(holders, node, table.concat(parts))
end
