-- Gives a takeover of a subject its seat: a number that is higher than that of every earlier takeover.
-- KEYS  1 the subject's last seat
-- ARGV  1 how long the seat is kept, ms. After that the time alone orders takeovers, as after the loss of the key
-- Out   the seat. A repeat takes another one.
local stay_ms = ARGV[1]
local at = now_ms()
local seat = math.max(tonumber(redis.call('GET', key) or '0') + 1, at)
redis.call('SET', key, seat, 'PX', stay_ms)
return seat
