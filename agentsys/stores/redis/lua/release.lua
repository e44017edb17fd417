-- KEYS: holds, leases, held. ARGV: hold. Gives whether it was still there.
kinds('hash', 'zset', 'hash')
local ends = redis.call('ZSCORE', KEYS[2], ARGV[1])
if not ends or tonumber(ends) <= now() then return 0 end
give_back(KEYS[1], KEYS[2], KEYS[3], ARGV[1])
return 1
