-- KEYS: stream, index, keys. ARGV: key ('' or '=KEY'), token, entry. Gives whether it was added.
kinds('stream', 'zset', 'hash')
local key, token = take(), take()
if key ~= '' then
  local before = redis.call('HGET', KEYS[3], key)
  -- The token tells a second try of one call, whose answer got lost, from another call.
  if before then return before == token and 1 or 0 end
end
append(KEYS[1], KEYS[2], take_entry(), now())
if key ~= '' then redis.call('HSET', KEYS[3], key, token) end
return 1
