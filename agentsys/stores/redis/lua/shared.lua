-- What stands before every script: reading of arguments, time, and amounts of `Spend`.
local position = 0

local function take()
  position = position + 1
  return ARGV[position]
end

local function take_many(count)
  local list = {}
  for i = 1, count do list[i] = take() end
  return list
end

local function take_list() return take_many(tonumber(take())) end

-- An error before anything is written, where a key holds something of another program.
local function kinds(...)
  for i, kind in ipairs({...}) do
    local found = redis.call('TYPE', KEYS[i]).ok
    if found ~= 'none' and found ~= kind then error('WRONGTYPE at ' .. KEYS[i]) end
  end
end

-- Microseconds since 1970, by the server's clock alone.
local function now()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000000 + tonumber(time[2])
end

local function whole(number) return string.format('%.0f', number) end

local ZERO = {0, 0, 0, 0}

local function parse(text)
  if not text then return ZERO end
  local a, b, c, d = string.match(text, '^(%-?%d+),(%-?%d+),(%-?%d+),(%-?%d+)$')
  return {tonumber(a), tonumber(b), tonumber(c), tonumber(d)}
end

local function written(amounts)
  return string.format('%.0f,%.0f,%.0f,%.0f', unpack(amounts))
end

local function take_amounts() return parse(take()) end

local function plus(one, other, sign)
  local sum = {}
  for i = 1, 4 do sum[i] = one[i] + (sign or 1) * other[i] end
  return sum
end

-- The amounts of accounts in a hash.
local function amounts_of(hash, accounts)
  if #accounts == 0 then return {} end
  local found = redis.call('HMGET', hash, unpack(accounts))
  for n, text in ipairs(found) do found[n] = parse(text) end
  return found
end

-- Adds to the amounts of accounts in a hash; gives what is there then.
local function add_amounts(hash, accounts, amounts, sign)
  if #accounts == 0 then return {} end
  local sums, pairs = amounts_of(hash, accounts), {}
  for n, account in ipairs(accounts) do
    sums[n] = plus(sums[n], amounts, sign)
    pairs[2 * n - 1], pairs[2 * n] = account, written(sums[n])
  end
  redis.call('HSET', hash, unpack(pairs))
  return sums
end
