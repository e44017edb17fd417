-- Values: 'VERSION:WRITTEN:EXPIRES:JSON' in a hash, the ends of those that expire in a sorted set.
local function forget_expired(values, expiries, time)
  for _, key in ipairs(redis.call('ZRANGEBYSCORE', expiries, '-inf', whole(time))) do
    redis.call('HDEL', values, key)
    redis.call('ZREM', expiries, key)
  end
end

-- Whether the version of a key is the one expected, where one is.
local function is_expected(values, key, expected)
  if expected == '' then return true end
  local found = redis.call('HGET', values, key)
  return (found and string.match(found, '^%d+') or '0') == expected
end
