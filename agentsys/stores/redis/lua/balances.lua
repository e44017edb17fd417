-- KEYS: holds, leases, spent, held. ARGV: accounts; none: all. Writes nothing.
-- Gives name, spent and held of each; a hold whose lease has run out is not held.
kinds('hash', 'zset', 'hash', 'hash')
local holds, leases, spent, held = unpack(KEYS)
local accounts, found, sums = take_list(), {}, expired(holds, leases)
if #accounts == 0 then accounts = redis.call('HKEYS', spent) end
-- One by one: all accounts are too many for one command.
for n, account in ipairs(accounts) do found[n] = balance(spent, held, sums, account) end
return found
