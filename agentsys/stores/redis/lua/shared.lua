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

local function take_amounts()
  local list = take_many(4)
  for i = 1, 4 do list[i] = tonumber(list[i]) end
  return list
end

local function parse(text)
  if not text then return ZERO end
  local a, b, c, d = string.match(text, '^(%-?%d+),(%-?%d+),(%-?%d+),(%-?%d+)$')
  return {tonumber(a), tonumber(b), tonumber(c), tonumber(d)}
end

local function written(amounts)
  return string.format('%.0f,%.0f,%.0f,%.0f', unpack(amounts))
end

local function plus(one, other, sign)
  local sum = {}
  for i = 1, 4 do sum[i] = one[i] + (sign or 1) * other[i] end
  return sum
end

local function is_zero(amounts)
  for i = 1, 4 do if amounts[i] ~= 0 then return false end end
  return true
end
