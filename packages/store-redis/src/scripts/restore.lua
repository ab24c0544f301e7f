-- Restores the idle deadline after a resume, if the session turned out to be unreadable: such a record must stay unchanged.
-- Idempotent. Does nothing if the deadline has moved since.
-- KEYS  1 session
-- ARGV  1 idleAt as the resume left it · 2 idleAt as it was; base 36
-- Out   {"restored"} · {"moved"}
local moved_to, moved_from = unpack(ARGV)
local meta = unpack_meta(redis.call('HGET', key, 'm') or '')
if not meta or base36(meta.idle) ~= moved_to then return { 'moved' } end
meta.idle = tonumber(moved_from, 36)
set_expiry(meta.idle, meta.absolute, redis.call('HGET', key, 'p'))
redis.call('HSET', key, 'm', pack_meta(meta))
return { 'restored' }
