-- Raises a subject's epoch and lists its sessions, in one step: whoever is listed later read the new epoch.
-- KEYS  1 index · 2 epoch
-- ARGV  1 how long the epoch is kept, ms: longer than any mark that names it, and than a decision may wait · 2, 3 the range of
--       the subject's entries
-- Out   {epoch, entry…}. A repeat raises it once more, which denies nothing that the first did not.
-- An epoch is the time of its destruction, so that a new one is higher than one that was kept and forgotten, and so that a
-- decision can be compared with it by the time at which it was made.
local epoch = math.max(tonumber(redis.call('GET', KEYS[2]) or '0') + 1, now_ms())
redis.call('SET', KEYS[2], epoch, 'PX', ARGV[1])
local listed = redis.call('ZRANGEBYLEX', key, ARGV[2], ARGV[3])
table.insert(listed, 1, epoch)
return listed
