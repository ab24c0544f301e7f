-- Publishes changes of sessions to the processes that watch their subjects, all of one bucket: one message to each process.
-- KEYS  1 the processes that watch subjects of the bucket
-- ARGV  1 how many changes there are, n · n subjects, as numbers · n parts of the message
-- Out   how many processes got a message
local count, receivers = tonumber(ARGV[1]), 0
local channel = string.match(key, '^(.*):w:{') .. ':k:'
for _, node in ipairs(redis.call('SMEMBERS', key)) do
  local watched, parts = redis.call('SMISMEMBER', key .. ':' .. node, unpack(ARGV, 2, count + 1)), {}
  for change = 1, count do
    if watched[change] == 1 then parts[#parts + 1] = ARGV[count + 1 + change] end
  end
  if #parts > 0 then
    publish(channel .. node, '["v",' .. table.concat(parts, ',') .. ']')
    receivers = receivers + 1
  end
end
return receivers
