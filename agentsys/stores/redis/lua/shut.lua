-- KEYS: state. ARGV: microseconds.
kinds('hash')
local ends = now() + tonumber(ARGV[1])
if ends > tonumber(redis.call('HGET', KEYS[1], 'shut') or 0) then
  redis.call('HSET', KEYS[1], 'shut', whole(ends))
end
return 1
