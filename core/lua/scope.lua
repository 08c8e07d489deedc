-- What Lua leaves to chance, per scope: random numbers, and the numbers that stand for addresses.
--
-- The run is a scope and so is each step, so that a step that is skipped in a replay changes nothing of
-- what comes after it. The generator is Lua's own xoshiro256**, in integer arithmetic.

local S, settings = ...

local raw_random, raw_randomseed = math.random, math.randomseed
local raw_tointeger, raw_mathtype, raw_ult = math.tointeger, math.type, math.ult
local raw_type, raw_tostring, raw_getmetatable, raw_rawget = type, tostring, debug.getmetatable, rawget
local raw_format, raw_setmetatable = string.format, setmetatable
local run, fail = S.run, S.fail

local scope

local function step(s)
  local s0, s1, s2, s3 = s[1], s[2], s[3], s[4]
  local r = s1 * 5
  s2 = s2 ~ s0
  s3 = s3 ~ s1
  s[1] = s0 ~ s3
  s[2] = s1 ~ s2
  s[3] = s2 ~ (s1 << 17)
  s[4] = (s3 << 45) | (s3 >> 19)
  return ((r << 7) | (r >> 57)) * 9
end

local function seed(s, n1, n2)
  s[1], s[2], s[3], s[4] = n1, 0xff, n2, 0
  for _ = 1, 16 do step(s) end
end

local weak = { __mode = "k" }

-- Without a number, the scope is the innermost body's, and its seed is asked for when it is needed.
function S.scope_push(n)
  scope = { 0, 0, 0, 0, seed = n, labels = nil, count = scope and scope.count or 0, outer = scope }
end

function S.scope_pop() scope = scope.outer end

S.scope_push(settings.seed)

-- Seeding costs 16 rounds, so a scope is seeded at its first random number.
local function state()
  if run.loading > 0 then fail("math.random is not available while a lib file loads") end
  if not scope.seeded then
    scope.seed = scope.seed or S.body_seed()
    seed(scope, scope.seed, 0)
    scope.seeded = true
  end
  return scope
end

local function project(value, most, s)
  if most & (most + 1) == 0 then return value & most end
  local mask = most
  mask = mask | (mask >> 1)
  mask = mask | (mask >> 2)
  mask = mask | (mask >> 4)
  mask = mask | (mask >> 8)
  mask = mask | (mask >> 16)
  mask = mask | (mask >> 32)
  value = value & mask
  while raw_ult(most, value) do value = step(s) & mask end
  return value
end

function S.random(...args)
  local s = scope
  if run.loading > 0 or not s.seeded then s = state() end
  local n = args.n
  if n == 0 then return (step(s) >> 11) * 0x1p-53 end
  local low, up = 1, args[1]
  if n > 1 then low, up = args[1], args[2] end
  if n > 2 or raw_mathtype(low) ~= "integer" or raw_mathtype(up) ~= "integer" then
    raw_random(...)   -- raises Lua's own error for what is not an integer
    low, up = raw_tointeger(low), raw_tointeger(up)
  end
  if n == 1 and up == 0 then return step(s) end
  if low > up then raw_random(...) end
  return project(step(s), up - low, s) + low
end

function S.randomseed(...args)
  local s = state()
  local n1, n2 = scope.seed, 0
  if args.n > 0 then n1, n2 = raw_randomseed(...) end
  seed(s, n1, n2)
  return n1, n2
end

-- Labels: what `tostring` writes where Lua would write an address.
local function label(object, kind)
  local at = scope
  while at do
    local number = at.labels and at.labels[object]
    if number then return raw_format("%s: 0x%08x", kind, number) end
    at = at.outer
  end
  local number = scope.count + 1
  scope.count = number
  local labels = scope.labels
  if not labels then
    labels = raw_setmetatable({}, weak)
    scope.labels = labels
  end
  labels[object] = number
  return raw_format("%s: 0x%08x", kind, number)
end

function S.tostring(value)
  local kind = raw_type(value)
  if kind == "string" then return value end
  if kind == "number" or kind == "boolean" or kind == "nil" then return raw_tostring(value) end
  if kind ~= "userdata" then
    local mt = raw_getmetatable(value)
    if mt then
      if raw_rawget(mt, "__tostring") ~= nil then return raw_tostring(value) end
      local name = raw_rawget(mt, "__name")
      if raw_type(name) == "string" then kind = name end
    end
  end
  return label(value, kind)
end
