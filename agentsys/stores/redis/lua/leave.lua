-- KEYS: tokens, slots, leases, state. ARGV: slot, tokens that were not taken.
kinds('hash', 'hash', 'zset', 'hash')
local taken, slots, leases, state = unpack(KEYS)
local id = redis.call('HGET', slots, ARGV[1])
if not id then return 0 end
redis.call('HDEL', slots, ARGV[1])
redis.call('ZREM', leases, ARGV[1])
local tokens = tonumber(redis.call('HGET', taken, id) or 0)
local unused = math.min(tokens, tonumber(ARGV[2]))
if unused > 0 then
  redis.call('HSET', taken, id, whole(tokens - unused))
  redis.call('HINCRBY', state, 'total', whole(-unused))
end
return 1
