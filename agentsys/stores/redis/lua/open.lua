-- KEYS: version. ARGV: our version. Gives the version that is there.
kinds('string')
local found = redis.call('GET', KEYS[1])
if not found then
  redis.call('SET', KEYS[1], ARGV[1])
  return ARGV[1]
end
return found
