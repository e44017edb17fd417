-- KEYS: values, expiries, version. ARGV: key, JSON, seconds in microseconds or '', expected or ''.
-- Gives the new version, or nil.
kinds('hash', 'zset', 'string')
local values, expiries, version = unpack(KEYS)
local key, json, ttl, expected, time = ARGV[1], ARGV[2], ARGV[3], ARGV[4], now()
forget_expired(values, expiries, time)
if not is_expected(values, key, expected) then return nil end
local new, ends = whole(redis.call('INCR', version)), ''
if ttl == '' then
  redis.call('ZREM', expiries, key)
else
  ends = whole(time + tonumber(ttl))
  redis.call('ZADD', expiries, ends, key)
end
redis.call('HSET', values, key, table.concat({new, whole(time), ends, json}, ':'))
return tonumber(new)
