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

-- What is held on each account by holds whose lease has run out.
local function expired(holds, leases)
  local sums = {}
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', whole(now()))) do
    local hold = cmsgpack.unpack(redis.call('HGET', holds, id))
    for _, account in ipairs(hold.accounts) do
      sums[account] = plus(sums[account] or ZERO, parse(hold.amounts))
    end
  end
  return sums
end

-- Name, spent and held of an account.
local function balance(spent, held, expired_sums, account)
  local held_now = parse(redis.call('HGET', held, account))
  return {
    account,
    redis.call('HGET', spent, account) or written(ZERO),
    written(plus(held_now, expired_sums[account] or ZERO, -1)),
  }
end
