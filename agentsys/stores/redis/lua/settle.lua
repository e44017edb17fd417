-- KEYS: stream, index, keys, holds, leases, spent, held.
-- ARGV: hold, key, token, amounts, accounts, entry.
-- Gives the accounts' balances as one text, or nil where the log has a record of that key already.
kinds('stream', 'zset', 'hash', 'hash', 'zset', 'hash', 'hash')
local stream, index, keys, holds, leases, spent, held = unpack(KEYS)
local time = now()
local id, key, token, amounts, accounts = take(), take(), take(), take_amounts(), take_list()
sweep(stream, index, holds, leases, held, time)
give_back(holds, leases, held, id)
local before = redis.call('HGET', keys, key)
if before and before ~= token then return nil end
local totals
if before then
  totals = amounts_of(spent, accounts)
else
  append(stream, index, take_entry(), time)
  redis.call('HSET', keys, key, token)
  totals = add_amounts(spent, accounts, amounts)
end
local held_now, balances = amounts_of(held, accounts), {}
for n in ipairs(accounts) do balances[n] = written(totals[n]) .. ',' .. written(held_now[n]) end
return table.concat(balances, ';')
