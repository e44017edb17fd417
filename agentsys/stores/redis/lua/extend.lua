-- KEYS: leases. ARGV: hold, lease in microseconds. Gives whether it was still there.
kinds('zset')
local id, lease, time = take(), tonumber(take()), now()
local ends = redis.call('ZSCORE', KEYS[1], id)
if not ends or tonumber(ends) <= time then return 0 end
redis.call('ZADD', KEYS[1], whole(time + lease), id)
return 1
