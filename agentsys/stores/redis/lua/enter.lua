-- KEYS: log (id by time), tokens (of id), slots (id of each), leases (of slots), state.
-- ARGV: slot, lease in microseconds, tokens, then or '' each: requests, tokens, concurrency.
-- Gives the microseconds to wait; 0 where it is in.
kinds('zset', 'hash', 'hash', 'zset', 'hash')
local log, taken, slots, leases, state = unpack(KEYS)
local slot, lease, tokens = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local most, most_tokens, most_inside = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local MINUTE, POLL = 60000000, 100000
local time, wait = now(), 0
local alive = '(' .. whole(time)

local ends = redis.call('ZSCORE', leases, slot)
if ends and tonumber(ends) > time then
  redis.call('ZADD', leases, whole(time + lease), slot)
  return 0
end
local total = tonumber(redis.call('HGET', state, 'total') or 0)
for _, id in ipairs(redis.call('ZRANGEBYSCORE', log, '-inf', whole(time - MINUTE))) do
  total = total - tonumber(redis.call('HGET', taken, id))
  redis.call('HDEL', taken, id)
  redis.call('ZREM', log, id)
end
redis.call('HSET', state, 'total', whole(total))
for _, old in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', whole(time))) do
  if redis.call('HEXISTS', taken, redis.call('HGET', slots, old)) == 0 then
    redis.call('HDEL', slots, old)
    redis.call('ZREM', leases, old)
  end
end

wait = math.max(wait, tonumber(redis.call('HGET', state, 'shut') or 0) - time)
if most_inside and redis.call('ZCOUNT', leases, alive, '+inf') >= most_inside then
  local first = redis.call('ZRANGEBYSCORE', leases, alive, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
  wait = math.max(wait, math.min(tonumber(first[2]) - time, POLL))
end
local count = redis.call('ZCARD', log)
if most and count >= most then
  local rank = count - most
  local leaving = redis.call('ZRANGE', log, rank, rank, 'WITHSCORES')
  wait = math.max(wait, tonumber(leaving[2]) + MINUTE - time)
end
local rank, rest = 0, total
while most_tokens and rank < count and rest + tokens > most_tokens do
  local leaving = redis.call('ZRANGE', log, rank, rank, 'WITHSCORES')
  rest = rest - tonumber(redis.call('HGET', taken, leaving[1]))
  wait = math.max(wait, tonumber(leaving[2]) + MINUTE - time)
  rank = rank + 1
end
if wait > 0 then return wait end

local id = string.format('%016.0f', redis.call('HINCRBY', state, 'last', 1))
redis.call('HSET', state, 'total', whole(total + tokens))
redis.call('ZADD', log, whole(time), id)
redis.call('HSET', taken, id, whole(tokens))
redis.call('HSET', slots, slot, id)
redis.call('ZADD', leases, whole(time + lease), slot)
return 0
