-- Removes the entries of dead processes from the holders of a session, if they are unchanged since they were read.
-- KEYS  1 session
-- ARGV  1… "node=connections.sequence"
-- Out   the number of entries that were removed
local holders = redis.call('HGET', key, 'h')
if not holders then return 0 end
local dead, kept, dropped = {}, {}, 0
for _, entry in ipairs(ARGV) do dead[entry] = true end
for entry in string.gmatch(holders, '[^,]+') do
  if dead[entry] then dropped = dropped + 1 else kept[#kept + 1] = entry end
end
if dropped == 0 then return 0 end
-- Removes the field first, because otherwise Redis refuses the script at maxmemory.
redis.call('HDEL', key, 'h')
if #kept > 0 then redis.call('HSET', key, 'h', table.concat(kept, ',')) end
return dropped
