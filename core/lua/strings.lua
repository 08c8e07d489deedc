-- The string and utf8 libraries: Lua's own, charged by the length they work on, and without addresses.
--
-- `string` is patched in place, since `s:find` reaches it whatever the global is. Errors of the C
-- functions are given the author's line and name in `limits.lua`.

local S = ...

local string, utf8 = string, utf8
local raw_type, raw_find, raw_match, raw_gmatch, raw_gsub = type, string.find, string.match, string.gmatch, string.gsub
local raw_rep, raw_format, raw_byte, raw_pack = string.rep, string.format, string.byte, string.pack
local raw_lower, raw_upper, raw_reverse = string.lower, string.upper, string.reverse
local raw_len, raw_codepoint, raw_offset, raw_unpack = utf8.len, utf8.codepoint, utf8.offset, table.unpack
local raw_mathtype, raw_select = math.type, select
local charge, fail, tostring = S.charge, S.fail, S.tostring
local out_of_memory, memory_limit = S.out_of_memory, S.memory_limit

local FREE = 256        -- lengths up to here cost no more than the call
local ANCHORED = 1024   -- how far a pattern with ^ is taken to go

-- What is left of a string of `length` from `init` on.
local function rest(length, init)
  if raw_mathtype(init) ~= "integer" then return length end
  if init < 0 then return init < -length and length or -init end
  return init > length and 0 or length - init + 1
end

local function charge_found(s, init, first, last, ...)
  local length = rest(#s, init)
  if first then length = last - (#s - length) end
  charge(length > 0 and length >> 2 or 0)
  return first, last, ...
end

-- A search is charged by how far it went: a lexer that walks a long text by `find` is not charged for all
-- of the text at each step. What a pattern tries again and again at one place cannot be known.
function string.find(s, pattern, init, ...)
  if raw_type(s) == "string" and #s > FREE then return charge_found(s, init, raw_find(s, pattern, init, ...)) end
  return raw_find(s, pattern, init, ...)
end

function string.match(s, pattern, init)
  if raw_type(s) == "string" and #s > FREE then
    local length = rest(#s, init)
    if length > ANCHORED and raw_type(pattern) == "string" and raw_byte(pattern) == 94 then length = ANCHORED end
    charge(length >> 2)
  end
  return raw_match(s, pattern, init)
end

local function searching(raw)
  return function(s, ...)
    if raw_type(s) == "string" and #s > FREE then charge(#s >> 2) end
    return raw(s, ...)
  end
end

string.gmatch = searching(raw_gmatch)
string.gsub = searching(raw_gsub)

local function copying(raw)
  return function(s)
    if raw_type(s) == "string" then
      local length = #s
      if length > FREE then charge(length >> 4) end
    end
    return raw(s)
  end
end

string.lower = copying(raw_lower)
string.upper = copying(raw_upper)
string.reverse = copying(raw_reverse)

function string.rep(s, n, separator)
  if raw_mathtype(n) == "integer" and raw_type(s) == "string" then
    local unit = #s + (raw_type(separator) == "string" and #separator or 0)
    local total = unit * (n + 0.0)
    if total > memory_limit and total < 0x1p62 then return out_of_memory() end
    if total > FREE and total < 0x1p62 then charge((unit * n) >> 4) end
  end
  return raw_rep(s, n, separator)
end

-- `j - i` values; a negative or absent end counts from the end of the string.
local function charge_range(s, i, j)
  if raw_type(s) == "string" and raw_mathtype(j) == "integer" and raw_mathtype(i) == "integer" then
    local first = i < 0 and #s + i or i
    local last = (j < 0 or j > #s) and #s + (j < 0 and j or 0) or j
    if last - first > FREE then charge(last - first) end
  end
end

function string.byte(s, i, j)
  if j ~= nil then charge_range(s, i, j) end
  return raw_byte(s, i, j)
end

local function charged_result(text)
  if #text > FREE then charge(#text >> 4) end
  return text
end

function string.pack(...) return charged_result(raw_pack(...)) end

local ADDRESS = { table = true, ["function"] = true, thread = true, userdata = true }

-- Writes addresses as `tostring` does, and refuses %p.
local function format_objects(template, ...)
  local values = { n = raw_select("#", ...), ... }
  local at, index = 1, 0
  while true do
    local _, last, kind = raw_find(template, "%%[-+ #0]*%d*%.?%d*(.)", at)
    if not last then break end
    at = last + 1
    if kind == "p" then return fail("string.format refuses %p: addresses differ in a replay") end
    if kind ~= "%" then
      index = index + 1
      if kind == "s" and ADDRESS[raw_type(values[index])] then values[index] = tostring(values[index]) end
    end
  end
  return charged_result(raw_format(template, raw_unpack(values, 1, values.n)))
end

function string.format(template, ...args)
  if raw_type(template) == "string" then
    if #template > FREE then charge(#template) end
    for i = 1, args.n do
      if ADDRESS[raw_type(args[i])] then return format_objects(template, ...) end
    end
    if raw_find(template, "p", 1, true) then return format_objects(template, ...) end
  end
  return charged_result(raw_format(template, ...))
end

string.dump = nil

local counted = {}
for name, f in pairs(utf8) do counted[name] = f end

function counted.len(s, i, ...)
  if raw_type(s) == "string" and #s > FREE then charge(rest(#s, i) >> 1) end
  return raw_len(s, i, ...)
end

function counted.codepoint(s, i, j, lax)
  if j ~= nil then charge_range(s, i, j) end
  return raw_codepoint(s, i, j, lax)
end

function counted.offset(s, n, ...)
  if raw_type(s) == "string" and #s > FREE and raw_mathtype(n) == "integer" then
    local steps = n < 0 and -n or n
    charge((steps < 0 or steps > #s) and #s or steps)
  end
  return raw_offset(s, n, ...)
end

S.string, S.utf8 = string, counted
debug.getmetatable("").__metatable = false
