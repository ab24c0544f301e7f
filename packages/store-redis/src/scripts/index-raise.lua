-- Raises a subject's epoch and lists its sessions, in one step: whoever is listed later read the new epoch.
-- KEYS  1 index · 2 epoch
-- ARGV  1 how long the epoch is kept, ms: longer than any mark that names it · 2, 3 the range of the subject's entries
-- Out   {epoch, entry…}. A repeat raises it once more, which denies nothing that the first did not.
local epoch = redis.call('INCR', KEYS[2])
redis.call('PEXPIRE', KEYS[2], ARGV[1])
local listed = redis.call('ZRANGEBYLEX', key, ARGV[2], ARGV[3])
table.insert(listed, 1, epoch)
return listed
