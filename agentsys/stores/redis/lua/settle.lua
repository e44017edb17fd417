-- KEYS: stream, index, keys, holds, leases, spent, held.
-- ARGV: hold, key, token, amounts, accounts, entry.
-- Gives the accounts' balances, or nil where the log has a record of that key already.
kinds('stream', 'zset', 'hash', 'hash', 'zset', 'hash', 'hash')
local stream, index, keys, holds, leases, spent, held = unpack(KEYS)
local time = now()
local id, key, token, amounts, accounts = take(), take(), take(), take_amounts(), take_list()
sweep(stream, index, holds, leases, held, time)
give_back(holds, leases, held, id)
local before = redis.call('HGET', keys, key)
if before and before ~= token then return nil end
if not before then
  append(stream, index, take_entry(), time)
  redis.call('HSET', keys, key, token)
  for _, account in ipairs(accounts) do
    local sum = plus(parse(redis.call('HGET', spent, account)), amounts)
    redis.call('HSET', spent, account, written(sum))
  end
end
local balances = {}
for n, account in ipairs(accounts) do balances[n] = {balance(spent, held, account)} end
return balances
