-- KEYS: values, expiries. ARGV: key, expected or ''. Gives whether there was one.
kinds('hash', 'zset')
forget_expired(KEYS[1], KEYS[2], now())
if not is_expected(KEYS[1], ARGV[1], ARGV[2]) then return 0 end
redis.call('ZREM', KEYS[2], ARGV[1])
return redis.call('HDEL', KEYS[1], ARGV[1])
