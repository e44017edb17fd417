-- KEYS: stream, index, holds, leases, spent, held.
-- ARGV: hold, lease in microseconds, amounts, count of accounts, each with its caps, entry.
-- Gives nil where it is held, else account, dimension, what is left, what is free.
kinds('stream', 'zset', 'hash', 'zset', 'hash', 'hash')
local stream, index, holds, leases, spent, held = unpack(KEYS)
local time = now()
local id, lease, amounts = take(), time + tonumber(take()), take_amounts()
sweep(stream, index, holds, leases, held, time)
give_back(holds, leases, held, id)
local accounts, caps = {}, {}
for n = 1, tonumber(take()) do accounts[n], caps[n] = take(), take_amounts() end
local spent_now, held_now = amounts_of(spent, accounts), amounts_of(held, accounts)
local refused, dimension, left, free = nil, nil, nil, nil
for n, account in ipairs(accounts) do
  local left_here = plus(caps[n], spent_now[n], -1)
  local free_here = plus(left_here, held_now[n], -1)
  left, free = left or left_here, free or free_here
  for i = 1, 4 do
    if not refused and free_here[i] < amounts[i] then refused, dimension = account, i end
    left[i], free[i] = math.min(left[i], left_here[i]), math.min(free[i], free_here[i])
  end
end
if refused then return {refused, dimension - 1, written(left), written(free)} end
local entry = take_entry()
add_amounts(held, accounts, amounts)
redis.call('HSET', holds, id,
  cmsgpack.pack({accounts = accounts, amounts = written(amounts), entry = entry}))
redis.call('ZADD', leases, whole(lease), id)
return nil
