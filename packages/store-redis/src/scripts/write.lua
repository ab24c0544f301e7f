-- Changes fields of a session that exists, once.
-- KEYS  1 session
-- ARGV  1 not-after · 2 node · 3 sequence · 4 expected version or "" · 5 known version · 6 fence or "" · 7 schemaVersion
--       8 maxBytes · 9 largest change that travels in an announcement · 10 "f" fields or "r" replace
--       11 how many to set; then field, text for each; then fields to remove
-- Out   version, where it is known + 1 · {"written", version, now, all} · {"conflict", now, all} · {"missing"}
--       {"fenced"} · {"large", maxBytes} · {"settled"} · {"late", now} · {"corrupt"}
-- At most once: a repeat is told by (node, sequence) and answers as the first did; one that is older than the node's last,
-- or comes after its not-after, is refused. The repeat is looked for before the clock, so that 'late' means not applied.
local not_after, node, sequence = ARGV[1], ARGV[2], ARGV[3]
local at = now_ms()
local writer = 'w' .. node
local found = redis.call('HMGET', key, 'm', 'h', writer)
if not found[1] then return { 'missing' } end
local meta = unpack_meta(found[1])
if not meta then return { 'corrupt' } end
if expired(meta, at) then return { 'missing' } end

local function answer(version)
  if version == tonumber(ARGV[5]) + 1 then return version end
  return { 'written', version, at, redis.call('HGETALL', key) }
end
local before = repeated(found[3], sequence)
if before == 0 then return { 'settled' } end
if before then return answer(before) end
if at > tonumber(not_after) then return { 'late', at } end
if ARGV[6] ~= '' and tonumber(ARGV[6]) < meta.fence then return { 'fenced' } end
if ARGV[4] ~= '' and tonumber(ARGV[4]) ~= meta.version then return { 'conflict', at, redis.call('HGETALL', key) } end

local last_set = 11 + 2 * tonumber(ARGV[11])
local change_bytes, bytes, removed = 0, meta.bytes, {}
if ARGV[10] == 'r' then
  local kept = {}
  bytes = 0
  for index = 12, last_set, 2 do kept[ARGV[index]] = true end
  for _, name in ipairs(redis.call('HKEYS', key)) do
    if string.sub(name, 1, 2) == 'd:' and not kept[name] then removed[#removed + 1] = name end
  end
end
for index = 12, last_set, 2 do
  local name, size = ARGV[index], #ARGV[index + 1]
  if ARGV[10] == 'r' then
    bytes = bytes + #name + size
  else
    local old = redis.call('HSTRLEN', key, name)
    bytes = bytes + size - old
    if old == 0 then bytes = bytes + #name end
  end
  change_bytes = change_bytes + #name + size
end
for index = last_set + 1, #ARGV do
  local name = ARGV[index]
  local old = redis.call('HSTRLEN', key, name)
  if old > 0 then bytes = bytes - old - #name end
  removed[#removed + 1] = name
  change_bytes = change_bytes + #name
end
if bytes > tonumber(ARGV[8]) and bytes > meta.bytes then return { 'large', tonumber(ARGV[8]) } end

meta.version = meta.version + 1
meta.schema = ARGV[7]
meta.bytes = bytes
if not found[3] then prune_writers(node, at) end
for first = 12, last_set, 500 do
  redis.call('HSET', key, unpack(ARGV, first, math.min(first + 499, last_set)))
end
for first = 1, #removed, 500 do
  redis.call('HDEL', key, unpack(removed, first, math.min(first + 499, #removed)))
end
redis.call('HSET', key, 'm', pack_meta(meta), writer, sequence .. ' ' .. whole(meta.version) .. ' ' .. not_after)

if has_other_holders(found[2], node) then
  local parts = { '["w","', session_id(), '",', whole(meta.version) }
  if change_bytes <= tonumber(ARGV[9]) then
    parts[#parts + 1] = ',"' .. ARGV[10] .. '",{'
    for index = 12, last_set, 2 do
      parts[#parts + 1] = (index > 12 and ',' or '') .. cjson.encode(string.sub(ARGV[index], 3)) .. ':' .. ARGV[index + 1]
    end
    parts[#parts + 1] = '},['
    for index = last_set + 1, #ARGV do
      parts[#parts + 1] = (index > last_set + 1 and ',' or '') .. cjson.encode(string.sub(ARGV[index], 3))
    end
    parts[#parts + 1] = ']'
  end
  parts[#parts + 1] = ']'
  announce(found[2], node, table.concat(parts))
end
return answer(meta.version)
