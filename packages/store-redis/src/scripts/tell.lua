-- Tells the processes that watch a subject that one of its sessions has changed.
-- KEYS  1 the processes that watch subjects of the bucket
-- ARGV  1 the subject, as a number · 2 message
-- Out   how many processes were told
local subject, message = ARGV[1], ARGV[2]
local told = 0
for _, node in ipairs(redis.call('SMEMBERS', key)) do
  if redis.call('SISMEMBER', key .. ':' .. node, subject) == 1 then
    publish(string.match(key, '^(.*):w:{') .. ':k:' .. node, message)
    told = told + 1
  end
end
return told
