-- KEYS: stream, index, holds, leases, spent, held.
-- ARGV: hold, lease in microseconds, amounts, count of accounts, each with its caps, entry.
-- Gives nil where it is held, else account, dimension, what is left, what is free.
kinds('stream', 'zset', 'hash', 'zset', 'hash', 'hash')
local stream, index, holds, leases, spent, held = unpack(KEYS)
local time = now()
local id, lease, amounts = take(), time + tonumber(take()), take_amounts()
sweep(stream, index, holds, leases, held, time)
if redis.call('HEXISTS', holds, id) == 1 then
  redis.call('ZADD', leases, whole(lease), id)
  return nil
end
local accounts, refused, dimension, left, free = {}, nil, nil, nil, nil
for n = 1, tonumber(take()) do
  local account, cap = take(), take_amounts()
  local spent_here, held_here = balance(spent, held, account)
  local left_here = plus(cap, spent_here, -1)
  local free_here = plus(left_here, held_here, -1)
  accounts[n] = account
  left, free = left or left_here, free or free_here
  for i = 1, 4 do
    if not refused and free_here[i] < amounts[i] then refused, dimension = account, i end
    left[i], free[i] = math.min(left[i], left_here[i]), math.min(free[i], free_here[i])
  end
end
if refused then return {refused, dimension - 1, left, free} end
local entry = take_entry()
add_held(held, accounts, amounts)
redis.call('HSET', holds, id,
  cmsgpack.pack({accounts = accounts, amounts = written(amounts), entry = entry}))
redis.call('ZADD', leases, whole(lease), id)
return nil
