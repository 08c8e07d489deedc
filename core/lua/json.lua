-- Json.encode, Json.null and Json.array. (Decoding is Python's.)
--
-- Keys are sorted, floats keep a mark of being floats and their shortest digits, an empty table is {}.

local S = ...

local raw_type, raw_next, raw_mathtype, raw_format, raw_gsub, raw_find = type, next, math.type, string.format, string.gsub, string.find
local raw_rep, raw_concat, raw_sort, raw_utf8len = string.rep, table.concat, table.sort, utf8.len
local raw_tonumber, raw_pcall, raw_error, tostring = tonumber, pcall, error, tostring
local setmetatable, raw_rawequal, huge = setmetatable, rawequal, math.huge
local charge, fail = S.charge, S.fail

local MAX_LEVELS = 200

local null = setmetatable({}, { __metatable = false, __name = "Json.null", __tostring = function() return "null" end,
  __newindex = function() return fail("Json.null cannot be changed") end })
local arrays = setmetatable({}, { __mode = "k" })

local ESCAPES = { ['"'] = '\\"', ["\\"] = "\\\\", ["\b"] = "\\b", ["\f"] = "\\f", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }
for i = 0, 31 do
  local char = string.char(i)
  ESCAPES[char] = ESCAPES[char] or raw_format("\\u%04x", i)
end
ESCAPES["\127"] = "\\u007f"

local parts, n, levels, path, indent

local function refuse(why, level)
  local where = { "value" }
  for i = 1, level do
    local key = path[i]
    where[#where + 1] = raw_type(key) == "string" and (raw_find(key, "^[%a_][%w_]*$") and "." .. key or raw_format("[%q]", key))
      or "[" .. tostring(key) .. "]"
  end
  return raw_error({ refused = "Json.encode: " .. raw_concat(where) .. " " .. why }, 0)
end

local function put(text)
  n = n + 1
  parts[n] = text
end

local function put_string(text, level)
  charge(#text >> 2)
  if not raw_utf8len(text) then return refuse("is a string that is not UTF-8", level) end
  if raw_find(text, '[%c"\\]') then text = raw_gsub(text, '[%c"\\]', ESCAPES) end
  return put('"' .. text .. '"')
end

local function put_number(value, level)
  if raw_mathtype(value) == "integer" then return put(raw_format("%d", value)) end
  if value ~= value or value == huge or value == -huge then
    return refuse("is " .. tostring(value) .. ", which JSON cannot say", level)
  end
  local text = raw_format("%.15g", value)
  if raw_tonumber(text) ~= value then text = raw_format("%.16g", value) end
  if raw_tonumber(text) ~= value then text = raw_format("%.17g", value) end
  if not raw_find(text, "[.e]") then text = text .. ".0" end
  return put(text)
end

local encode_table

local function encode(value, level)
  local kind = raw_type(value)
  if kind == "string" then return put_string(value, level) end
  if kind == "number" then return put_number(value, level) end
  if kind == "boolean" then return put(value and "true" or "false") end
  if kind == "nil" or raw_rawequal(value, null) then return put("null") end
  if kind == "table" then return encode_table(value, level) end
  return refuse("is a " .. kind, level)
end

local function newline(level)
  if indent then put("\n" .. raw_rep(indent, level)) end
end

encode_table = function(t, level)
  if levels[t] then return refuse("leads back to a table around it: a cycle is not JSON", level) end
  if level >= MAX_LEVELS then return refuse("is nested more than 200 levels deep", 0) end
  levels[t] = level
  local keys, count, strings, most = {}, 0, 0, 0
  for key in raw_next, t do
    count = count + 1
    keys[count] = key
    if raw_type(key) == "string" then
      strings = strings + 1
    elseif raw_mathtype(key) ~= "integer" or key < 1 then
      path[level + 1] = key
      return refuse("has a key that is a " .. raw_type(key) .. ": JSON has string keys, or lists from 1", level)
    elseif key > most then
      most = key
    end
  end
  charge(count * 10)
  local colon = indent and ": " or ":"
  if count == 0 then
    put(arrays[t] and "[]" or "{}")
  elseif strings == count then
    if arrays[t] then return refuse("is marked by Json.array but has string keys", level) end
    charge(count * 20)
    raw_sort(keys)
    for i = 1, count do
      put(i == 1 and "{" or ",")
      newline(level + 1)
      path[level + 1] = keys[i]
      put_string(keys[i], level + 1)
      put(colon)
      encode(t[keys[i]], level + 1)
    end
    newline(level)
    put("}")
  elseif strings > 0 then
    return refuse("has both string and integer keys, which JSON cannot say", level)
  elseif most ~= count then
    return refuse("is a list with holes: fill them with Json.null", level)
  else
    for i = 1, count do
      put(i == 1 and "[" or ",")
      newline(level + 1)
      path[level + 1] = i
      encode(t[i], level + 1)
    end
    newline(level)
    put("]")
  end
  levels[t] = nil
end

local function indent_of(options)
  if options == nil then return nil end
  if raw_type(options) ~= "table" then
    return fail("Json.encode: options must be a table such as {indent = 2}, not a " .. raw_type(options))
  end
  for key in raw_next, options do
    if key ~= "indent" then return fail("Json.encode: there is no option " .. tostring(key) .. "; the only one is indent") end
  end
  local value = options.indent
  if value == nil or value == false then return nil end
  if value == true then return "  " end
  if raw_mathtype(value) == "integer" and value >= 0 and value <= 16 then return value > 0 and raw_rep(" ", value) or nil end
  return fail("Json.encode: indent must be a whole number from 0 to 16")
end

S.json = { null = null }

function S.json.encode(value, options)
  indent = indent_of(options)
  parts, n, levels, path = {}, 0, {}, {}
  local ok, e = raw_pcall(encode, value, 0)
  local text = ok and raw_concat(parts)
  parts, levels, path = nil, nil, nil
  if ok then
    charge(#text >> 4)
    return text
  end
  S.check_halted()
  if raw_type(e) == "table" and e.refused then return fail(e.refused) end
  if e == "not enough memory" then return S.out_of_memory() end
  return raw_error(e, 0)
end

function S.json.array(t)
  if t == nil then t = {} end
  if raw_type(t) ~= "table" then return fail("Json.array needs a table, not a " .. raw_type(t)) end
  arrays[t] = true
  return t
end
