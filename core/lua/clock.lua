-- `os`: the run's replay-safe time, in UTC.

local S, _, _, clock = ...

local raw_type, raw_date, raw_difftime = type, os.date, os.difftime
local raw_tointeger, raw_floor, raw_sub, next = math.tointeger, math.floor, string.sub, next
local run, fail, charge = S.run, S.fail, S.charge

local started = 0

local function now()
  if run.loading > 0 then return fail("the time is not available while a lib file loads") end
  return clock()
end

local function field(t, name, default, offset)
  local value = t[name]
  local number = raw_tointeger(value)
  if not number then
    if value ~= nil then return fail("field '" .. name .. "' is not an integer") end
    if not default then return fail("field '" .. name .. "' missing in date table") end
    return default
  end
  if number - offset < -2147483648 or number - offset > 2147483647 then
    return fail("field '" .. name .. "' is out-of-bound")
  end
  return number
end

-- Days from 1970-01-01 to a date of the proleptic Gregorian calendar (Howard Hinnant, days_from_civil).
local function days(year, month, day)
  local months = year * 12 + month - 1
  year, month = months // 12, months % 12 + 1
  if month <= 2 then year = year - 1 end
  local era = year // 400
  local of_era = year - era * 400
  local of_year = (153 * (month + (month > 2 and -3 or 9)) + 2) // 5
  return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468 + day - 1
end

local function time(t)
  if t == nil then return raw_floor(now()) end
  if raw_type(t) ~= "table" then return fail("bad argument #1 to 'time' (table expected, got " .. raw_type(t) .. ")") end
  local year = field(t, "year", nil, 1900)
  local month = field(t, "month", nil, 1)
  local day = field(t, "day", nil, 0)
  local hour = field(t, "hour", 12, 0)
  local min = field(t, "min", 0, 0)
  local sec = field(t, "sec", 0, 0)
  local result = days(year, month, day) * 86400 + hour * 3600 + min * 60 + sec
  for name, value in next, raw_date("!*t", result) do t[name] = value end
  return result
end

local function date(template, at)
  if at == nil then at = raw_floor(now()) end
  if template == nil then template = "%c" end
  if raw_type(template) == "string" then
    if #template > 64 then charge(#template * 8) end
    if raw_sub(template, 1, 1) ~= "!" then template = "!" .. template end
  end
  return raw_date(template, at)
end

function S.start_clock() started = clock() end

S.os = {
  time = time,
  date = date,
  clock = function() return now() - started + 0.0 end,
  difftime = raw_difftime,
}
function S.stop_clock() clock = function() return 0 end end
