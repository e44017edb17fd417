-- Holds: packed in one hash, with the ends of their leases in a sorted set.
-- Gives the hold that was there, or nil.
local function give_back(holds, leases, held, id)
  local packed = redis.call('HGET', holds, id)
  if not packed then return nil end
  local hold = cmsgpack.unpack(packed)
  add_amounts(held, hold.accounts, parse(hold.amounts), -1)
  redis.call('HDEL', holds, id)
  redis.call('ZREM', leases, id)
  return hold
end
