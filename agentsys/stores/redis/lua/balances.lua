-- KEYS: holds, leases, spent, held. ARGV: accounts; none: all. Writes nothing.
-- Gives name, spent and held of each; a hold whose lease has run out is not held.
kinds('hash', 'zset', 'hash', 'hash')
local holds, leases, spent, held = unpack(KEYS)
local accounts, found, place = take_list(), {}, {}
if #accounts == 0 then accounts = redis.call('HKEYS', spent) end
-- One by one: all accounts are too many for one command.
for n, account in ipairs(accounts) do
  found[n] = {account, redis.call('HGET', spent, account) or written(ZERO), nil}
  found[n][3] = parse(redis.call('HGET', held, account))
  place[account] = n
end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', whole(now()))) do
  local hold = cmsgpack.unpack(redis.call('HGET', holds, id))
  for _, account in ipairs(hold.accounts) do
    local n = place[account]
    if n then found[n][3] = plus(found[n][3], parse(hold.amounts), -1) end
  end
end
for n in ipairs(found) do found[n][3] = written(found[n][3]) end
return found
