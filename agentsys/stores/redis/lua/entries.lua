-- Logs: an entry is a list of fields for XADD and a list of terms that it is found by.
local function take_entry() return {terms = take_list(), fields = take_list()} end

-- The order of entries is that of their ids, also where the clock goes back.
local function append(stream, index, entry, time)
  local micros, sequence = whole(time), 0
  local last = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
  if last then
    local last_micros, last_sequence = string.match(last[1], '^(%d+)-(%d+)$')
    if tonumber(last_micros) >= time then
      micros, sequence = last_micros, tonumber(last_sequence) + 1
    end
  end
  local id = micros .. '-' .. whole(sequence)
  redis.call('XADD', stream, id, unpack(entry.fields))
  for _, term in ipairs(entry.terms) do
    redis.call('ZADD', index, 0, term .. '\0' .. id)
  end
end
