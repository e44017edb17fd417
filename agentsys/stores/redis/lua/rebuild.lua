-- KEYS: stream, holds, leases, spent, held. ARGV: the last id that was counted, count of accounts, each with
-- what was spent on it up to there. Adds what was booked since, and sets the counters.
-- Gives name, spent and held before, of each account whose `spent` was wrong.
kinds('stream', 'hash', 'zset', 'hash', 'hash')
local stream, holds, leases, spent, held = unpack(KEYS)
local from, totals, wrong = take(), {}, {}
for _ = 1, tonumber(take()) do
  local account = take()
  totals[account] = take_amounts()
end
for _, entry in ipairs(redis.call('XRANGE', stream, from, '+')) do
  local amounts = nil
  for i = 1, #entry[2], 2 do
    local field, value = entry[2][i], entry[2][i + 1]
    if field == 'spend' then amounts = parse(value) end
    if field == 'account' then totals[value] = plus(totals[value] or ZERO, amounts) end
  end
end
local sums = expired(holds, leases)
local function compare(account)
  local before = balance(spent, held, sums, account)
  if before[2] ~= written(totals[account] or ZERO) then wrong[#wrong + 1] = before end
end
for _, account in ipairs(redis.call('HKEYS', spent)) do
  if not totals[account] then compare(account) end
end
for account in pairs(totals) do compare(account) end
redis.call('DEL', spent)
for account, total in pairs(totals) do redis.call('HSET', spent, account, written(total)) end
return wrong
