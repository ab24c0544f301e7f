-- Whether the user of this connection may run commands of the store. Runs none of them and changes nothing.
-- KEYS  none
-- ARGV  1 the commands as JSON: lists of words
-- Out   {"unknown"}: Redis before 7 can't be asked · {"asked", for each command 1 or 0, in the order of ARGV}
if not redis.acl_check_cmd then return { 'unknown' } end
local answers = { 'asked' }
for _, words in ipairs(cjson.decode(ARGV[1])) do
  -- A command that this server does not have is an error here.
  local is_known, is_allowed = pcall(redis.acl_check_cmd, unpack(words))
  answers[#answers + 1] = (is_known and is_allowed) and 1 or 0
end
return answers
