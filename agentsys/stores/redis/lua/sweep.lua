-- Give back the holds whose lease has run out, and append their records.
local function sweep(stream, index, holds, leases, held, time)
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', whole(time))) do
    local hold = give_back(holds, leases, held, id)
    append(stream, index, hold.entry, time)
  end
end
