-- Holds: packed in one hash, with the ends of their leases in a sorted set.
local function add_held(held, accounts, amounts, sign)
  for _, account in ipairs(accounts) do
    local sum = plus(parse(redis.call('HGET', held, account)), amounts, sign)
    if is_zero(sum) then
      redis.call('HDEL', held, account)
    else
      redis.call('HSET', held, account, written(sum))
    end
  end
end

-- Gives the hold that was there, or nil.
local function give_back(holds, leases, held, id)
  local packed = redis.call('HGET', holds, id)
  if not packed then return nil end
  local hold = cmsgpack.unpack(packed)
  add_held(held, hold.accounts, parse(hold.amounts), -1)
  redis.call('HDEL', holds, id)
  redis.call('ZREM', leases, id)
  return hold
end

local function balance(spent, held, account)
  return parse(redis.call('HGET', spent, account)), parse(redis.call('HGET', held, account))
end
