-- Sets the number of connections of a process to a session.
-- KEYS  1 session
-- ARGV  1 not-after · 2 node · 3 sequence · 4 connections
-- Out   {"held", metadata, outbox or false} · {"missing"} · {"gone", reason or false} · {"late", now} · {"corrupt"}
-- At most once: an older sequence never overwrites a newer one, and the same one changes nothing.
local not_after, node, sequence, connections = unpack(ARGV)
local at = now_ms()
local found = redis.call('HMGET', key, 'm', 'h', 't', 'r', 'o')
if not found[1] then
  if found[3] then return { 'gone', found[4] } end
  return { 'missing' }
end
local version, _, _, _, _, idle, absolute = split_meta(found[1])
if not version then return { 'corrupt' } end
if has_passed(tonumber(idle, 36), tonumber(absolute, 36), at) then return { 'missing' } end
if at > tonumber(not_after) then return { 'late', at } end
local holders, fresh = with_holder(found[2], node, connections, sequence, at)
if fresh then
  -- Removes the field first on a release, because otherwise Redis refuses the script at maxmemory.
  if connections == '0' then redis.call('HDEL', key, 'h') end
  redis.call('HSET', key, 'h', holders)
end
return { 'held', found[1], found[5] }
