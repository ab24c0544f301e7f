-- Reads a session's outbox from a position on, in order (I15), reports missed offsets (I16), and records the reader's position.
-- KEYS  1 session · 2 its outbox list
-- ARGV  1 offset and 2 chain of the position · 3 offset and 4 chain of the witness, or "" · 5 the most bytes of messages
--       6 reader or "" · 7 how long the outbox waits for the reader, ms
-- Out   {"read", offset and chain of the start, first missed offset or 0, offset and chain of the end,
--       chain after the last entry, {entries}} · {"missing"} · {"gone", …}: it was destroyed, see no_session · {"corrupt"}
--       An entry has the format of the list. Its flag is "e" if its ttl is over
-- A repeat may record an earlier position of the reader. Then the outbox keeps more messages than necessary, and loses none.
local offset, chain, max_bytes = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[5])
local witness, witness_chain, reader, wait_ms = tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[6], ARGV[7]
local list = KEYS[2]
refuse_replica()
local at = now_ms()
local found = redis.call('HMGET', key, 'm', 'o')
if not found[1] then return no_session() end
local version, _, _, _, _, idle, absolute = split_meta(found[1])
if not version then return { 'corrupt' } end
if has_passed(tonumber(idle, 36), tonumber(absolute, 36), at) then return { 'missing' } end
local box = open_outbox(found[2], list)
if not box then return { 'corrupt' } end

-- An entry past its age is dropped, together with all entries before it, because ages end in the order of the entries.
local base = box.first - 1
for index = box.first, box.last do
  local entry = redis.call('LINDEX', list, index - box.first)
  if not is_over(entry, at) then break end
  if not has_ttl(entry) then base = index end
end

local function chain_of(position)
  if position == box.last then return box.chain end
  return tonumber(string.sub(redis.call('LINDEX', list, position + 1 - box.first), 1, 6), 36)
end
local function differs(position, known)
  return position > box.last or (position >= base and chain_of(position) ~= known)
end

local start, missed = offset, 0
if differs(offset, chain) or (witness and differs(witness, witness_chain)) then
  start, missed = base, 1
elseif offset < base then
  start, missed = base, offset + 1
end

local entries, size, is_full = {}, 0, max_bytes <= 0
local index = start + 1
while index <= box.last and not is_full do
  for _, entry in ipairs(redis.call('LRANGE', list, index - box.first, index - box.first + 31)) do
    local is_late = is_over(entry, at)
    if is_late and not has_ttl(entry) then
      -- The application has shortened the age since an earlier entry was appended.
      start, missed, entries, size = index, missed > 0 and missed or offset + 1, {}, 0
    else
      if is_late then entry = string.sub(entry, 1, 15) .. (is_replaced(entry) and 'X' or 'e') end
      local more = size_of(entry)
      is_full = size > 0 and size + more > max_bytes
      if is_full then break end
      entries[#entries + 1], size = entry, size + more
    end
    index = index + 1
    is_full = size >= max_bytes
    if is_full then break end
  end
end

if reader ~= '' then
  local others, oldest, gone = 0, nil, { 'a' .. reader }
  for _, name in ipairs(redis.call('HKEYS', key)) do
    if string.sub(name, 1, 1) == 'a' and name ~= 'a' .. reader then
      local untill = tonumber(string.match(redis.call('HGET', key, name), '%w+$'), 36)
      if untill <= at then
        gone[#gone + 1] = name
      else
        others = others + 1
        if not oldest or untill < oldest[1] then oldest = { untill, name } end
      end
    end
  end
  if others >= MAX_READERS then gone[#gone + 1] = oldest[2] end
  -- Removes the field first, because otherwise Redis refuses the script at maxmemory, and a returning client gets no messages.
  redis.call('HDEL', key, unpack(gone))
  redis.call('HSET', key, 'a' .. reader, start .. ' ' .. base36(at + tonumber(wait_ms)))
end
return { 'read', start, chain_of(start), missed, box.last, box.chain, chain_of(start + #entries), entries }
