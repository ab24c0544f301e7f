-- Functions that are shared by the scripts that change a session's data. embed-scripts.mjs treats this file like prelude.lua.
-- A change is in ARGV: field and text of each field to set, from `first` to `last_set`; then the fields to remove, up to `last`.
--
-- More fields of the session hash p:s:{id}, only if clients have settled numbers:
--   c<client>  client record, "settled refused time[ floor]": the last settled number; the refused ones of the last 48 numbers, in
--              base 36, bit i for the number settled - i; the time of the last settlement, in microseconds by this server's clock;
--              the first number that the record covers, if that is not 1. At most 8 of these fields: a ninth takes the place of
--              the one with the lowest time
--   g          forget mark. Each dropped field c<client> changes the mark. Absent: 0

-- Returns an upper bound of the size of the data after the change, the fields to remove, and the bytes of the change. Returns nothing if
-- the data would exceed `max_bytes`. The exact size is measured only if the bound exceeds the limit. Changes nothing.
local function measure_change(bytes, max_bytes, replaces, first, last_set, last)
  local set_bytes, removed_bytes, removed = 0, 0, {}
  for index = first, last_set do set_bytes = set_bytes + #ARGV[index] end
  for index = last_set + 1, last do
    removed_bytes = removed_bytes + #ARGV[index]
    removed[#removed + 1] = ARGV[index]
  end
  bytes = bytes + set_bytes
  if replaces or bytes > tonumber(max_bytes) then
    local changed, had, kept, old = {}, 0, 0, redis.call('HGETALL', key)
    for index = first, last_set, 2 do changed[ARGV[index]] = true end
    for _, name in ipairs(removed) do changed[name] = true end
    for index = 1, #old, 2 do
      local name, size = old[index], #old[index] + #old[index + 1]
      if string.sub(name, 1, 2) == 'd:' then
        had = had + size
        if replaces and not changed[name] then
          removed[#removed + 1] = name
        elseif not changed[name] then
          kept = kept + size
        end
      end
    end
    bytes = kept + set_bytes
    -- Data that already exceeds the limit, because the limit was lowered, may still shrink.
    if bytes > tonumber(max_bytes) and bytes > had then return nil end
  end
  return bytes, removed, set_bytes + removed_bytes
end

-- Publishes a change to the other holders; `mode` "f" fields or "r" replace. Without `mode` the message omits the change, and the
-- holders read the session.
local function announce_change(holders, node, version, lineage, after, mode, first, last_set, last) -- rare
  local parts = { '["w","', session_id(), '",', version, ',', lineage }
  if mode then
    parts[#parts + 1] = ',' .. after .. ',"' .. mode .. '",{'
    for index = first, last_set, 2 do
      parts[#parts + 1] = (index > first and ',' or '') .. cjson.encode(string.sub(ARGV[index], 3)) .. ':' .. ARGV[index + 1]
    end
    parts[#parts + 1] = '},['
    for index = last_set + 1, last do
      parts[#parts + 1] = (index > last_set + 1 and ',' or '') .. cjson.encode(string.sub(ARGV[index], 3))
    end
    parts[#parts + 1] = ']'
  end
  parts[#parts + 1] = ']'
  announce(holders, node, table.concat(parts))
end

-- The answer of commit.lua. `follows`: nothing changed, or the version is the next after the caller's known version.
local function committed(follows, made, at, outcomes, since, offset, chain)
  if not follows then return { 'committed', outcomes, since, offset, chain, made, at, redis.call('HGETALL', key) } end
  if outcomes == '0' and since == '1' then return { made, offset, chain } end
  return { 'committed', outcomes, since, offset, chain, made }
end

-- Makes a forget mark from a random number of 31 bits. The mark 0 is reserved: it means that no record was ever dropped.
local function forget_mark(random) -- rare
  return math.max(1, tonumber(random))
end

local MAX_CLIENTS = 8

-- Returns the field to drop for a new client: the record with the lowest time. nil if there is room.
local function oldest_client() -- rare
  local oldest, oldest_at = nil, math.huge
  local names = matching_fields('^c')
  if #names < MAX_CLIENTS then return nil end
  for _, name in ipairs(names) do
    local settled_at = tonumber(string.match(redis.call('HGET', key, name), '^%d+ %w+ (%d+)') or '0')
    if settled_at < oldest_at then oldest, oldest_at = name, settled_at end
  end
  return oldest
end
