-- Finds out whether a write or rotation was applied. If not, the write is refused from now on, so the reply is final before the
-- not-after time.
-- KEYS  1 session
-- ARGV  1 not-after of this question · 2 node · 3 sequence in question · 4 "1": the record of the write has expired
-- Out   {"applied", version} · {"not-applied"} · {"unknown"}: overwritten, session ended, or record expired · {"late", now}
local not_after, node, asked, is_too_old = unpack(ARGV)
local at = now_ms()
local writer = 'w' .. node
local found = redis.call('HMGET', key, 'm', writer)
if not found[1] then return { 'unknown' } end
local seen, version = string.match(found[2] or '', '^(%d+) (%d+)')
if seen == asked then
  if version == '0' then return { 'not-applied' } end
  return { 'applied', tonumber(version) }
end
if seen and tonumber(seen) > tonumber(asked) then return { 'unknown' } end
if not seen and is_too_old == '1' then return { 'unknown' } end
if at > tonumber(not_after) then return { 'late', at } end
redis.call('HSET', key, writer, asked .. ' 0 ' .. not_after)
return { 'not-applied' }
