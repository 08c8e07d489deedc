-- What the author's code sees: an allow-list, built last, and the end of everything else.

local S, _, poll = ...

local raw_setmetatable, raw_type, raw_rawget = setmetatable, type, rawget
local fail = S.fail
local env = S.env

local function without(lib, ...)
  local copy = {}
  for name, value in next, lib do copy[name] = value end
  for _, name in ipairs { ... } do copy[name] = nil end
  return copy
end

for _, name in ipairs {
  "assert", "error", "select", "ipairs", "type", "tonumber", "rawequal", "rawget", "rawlen", "rawset", "getmetatable",
} do
  env[name] = _G[name]
end
env._G, env._VERSION = env, _VERSION
env.pcall, env.xpcall = S.pcall, S.xpcall
env.next, env.pairs, env.tostring = S.next, S.pairs, S.tostring
env.load, env.require = S.load, S.require
env.string, env.utf8, env.table, env.coroutine, env.os = S.string, S.utf8, S.table, S.coroutine, S.os
env.math = without(math)
env.math.random, env.math.randomseed = S.random, S.randomseed

local REFUSED = { __gc = "a run has no finalizers", __mode = "a run has no weak tables" }

function env.setmetatable(t, mt)
  if raw_type(mt) == "table" then
    for name, why in next, REFUSED do
      if raw_rawget(mt, name) ~= nil then return fail("a metatable cannot have " .. name .. ": " .. why) end
    end
  end
  return raw_setmetatable(t, mt)
end

for _, lib in ipairs { env, env.string, env.utf8, env.table, env.coroutine, env.os, env.math } do
  for name, value in next, lib do
    if type(value) == "function" then S.names[value] = name end
  end
end

-- Every Python object shares this metatable; what of it an author could reach is taken away.
local object = debug.getmetatable(poll)
object.__index, object.__newindex, object.__tostring, object.__name = nil, nil, nil, nil
object.__metatable = false

-- Whatever calls the host has room for its answer: it is pushed where no error can be caught.
local call, has_room, MOST_VALUES = object.__call, S.has_room, S.MOST_VALUES
function object.__call(...args)
  if args.n > MOST_VALUES then return fail("a primitive takes at most " .. MOST_VALUES .. " values") end
  has_room(0)
  return call(...)
end

-- What our own files see. Copies, so that nothing an author changes in `string` reaches them.
S.trusted_env = {
  assert = assert, error = error, ipairs = ipairs, next = next, pairs = pairs, pcall = S.pcall, xpcall = S.xpcall,
  rawequal = rawequal, rawget = rawget, rawlen = rawlen, rawset = rawset, select = select, type = type,
  setmetatable = setmetatable, getmetatable = debug.getmetatable, tonumber = tonumber, tostring = S.tostring,
  string = without(string), table = without(table), math = without(math, "random", "randomseed"), utf8 = without(utf8),
  coroutine = without(coroutine), debug = without(debug),
}
S.debug = S.trusted_env.debug

local raw_load = load
function S.trusted(bytecode, name, ...)
  return raw_load(bytecode, name, "b", S.trusted_env)(S, ...)
end

-- Lets go of everything, so that the host's callables can be collected.
function S.shutdown()
  local S, names = S, S.names
  for key in next, names do names[key] = nil end
  S.stop_polling()
  S.stop_clock()
  S.stop_libs()
  for _, t in ipairs { env, S.trusted_env, S.run.open, S.run.resumer } do
    for key in next, t do t[key] = nil end
  end
  S.run.current, S.run.main = nil, nil
  for key in next, S do S[key] = nil end
end

for _, name in ipairs { "python", "io", "package", "debug", "os" } do _G[name] = nil end
