-- Flattens values for Python and builds them from Python: the Lua half of `convert.py`.
--
-- A value is a row of items. A scalar is itself. A table is nil, then its size: n >= 0 for a list of n
-- items, -n-1 for n pairs key, value. Rows longer than CHUNK cross in several calls.

local S = ...

local raw_type, raw_next, raw_unpack, raw_create = type, next, table.unpack, table.create
local raw_mathtype, raw_match, raw_gsub, raw_format, raw_utf8len = math.type, string.match, string.gsub, string.format, utf8.len
local raw_error, raw_pcall, raw_select, raw_concat, tostring = error, pcall, select, table.concat, tostring

local CHUNK = 4096
local MAX_LEVELS, MAX_NODES, MAX_BYTES = 200, 1000000, 64 * 1024 * 1024

local SCALAR = { number = true, string = true, boolean = true }
local WHAT = { ["function"] = "a function", thread = "a coroutine", userdata = "a userdata", table = "a table" }

local row, n, nodes, bytes, within, path, depth

local function refuse(why, level)
  depth = level
  return raw_error(why, 0)
end

local function key_text(key)
  if raw_type(key) == "string" then
    if raw_match(key, "^[%a_][%w_]*$") and #key <= 40 then return "." .. key end
    if #key > 40 or not raw_utf8len(key) then
      return "[" .. raw_gsub(raw_format("%q", raw_match(key, "^.?.?.?.?.?.?.?.?.?.?.?.?")), "[\128-\255]", "?") .. "...]"
    end
    return raw_format("[%q]", key)
  end
  return "[" .. tostring(key) .. "]"
end

local function path_text(name, level)
  local parts = { name }
  for i = 1, level do parts[i + 1] = key_text(path[i]) end
  return raw_concat(parts)
end

local function count_string(text, level)
  bytes = bytes + #text
  if bytes > MAX_BYTES then return refuse("has strings of more than 64 MB together", level) end
end

-- `level` tables are around the items of `t`; path[level] is the key on the way to them.
local function flatten(t, level)
  if within[t] then return refuse(within[t], level - 1) end
  within[t] = level
  local count, dense = 0, true
  for key in raw_next, t do
    count = count + 1
    if key ~= count then dense = false end
  end
  nodes = nodes + count
  if nodes > MAX_NODES then return refuse("has more than 1,000,000 values", 0) end
  if level > MAX_LEVELS and count > 0 then return refuse("is nested more than 200 levels deep", 0) end
  if not dense then
    local found = 0
    for key in raw_next, t do
      if raw_mathtype(key) ~= "integer" or key < 1 or key > count then break end
      found = found + 1
    end
    dense = found == count
  end
  local at = n
  n = at + 2
  if dense and count > 0 then
    row[n] = count
    for i = 1, count do
      local value = t[i]
      local kind = raw_type(value)
      path[level] = i
      if SCALAR[kind] then
        if kind == "string" then count_string(value, level) end
        n = n + 1
        row[n] = value
      elseif kind == "table" then
        flatten(value, level + 1)
      else
        refuse("is " .. WHAT[kind], level)
      end
    end
  else
    row[n] = -count - 1
    for key, value in raw_next, t do
      local kind = raw_type(key)
      path[level] = key
      if not SCALAR[kind] then return refuse("has " .. WHAT[kind] .. " as a key", level - 1) end
      if kind == "string" then count_string(key, level) end
      kind = raw_type(value)
      row[n + 1] = key
      n = n + 1
      if SCALAR[kind] then
        if kind == "string" then count_string(value, level) end
        n = n + 1
        row[n] = value
      elseif kind == "table" then
        flatten(value, level + 1)
      else
        refuse("is " .. WHAT[kind], level)
      end
    end
  end
  within[t] = nil
end

-- The row of `value`: its length and its first items, or nil and why it cannot cross.
local function row_of(value, name)
  row, n, nodes, bytes, within, path = {}, 0, 1, 0, {}, {}
  local kind = raw_type(value)
  if kind ~= "table" then return nil, name .. " is " .. WHAT[kind] end
  local ok, why = raw_pcall(flatten, value, 1)
  within = nil
  if ok then
    if n <= CHUNK then
      local items = row
      row, path = nil, nil
      return n, raw_unpack(items, 1, n)
    end
    return n, raw_unpack(row, 1, CHUNK)
  end
  row = nil
  if raw_mathtype(why) == "integer" then
    why = "leads back to " .. path_text(name, why - 1) .. ": a cycle is not a value"
  end
  if why == "not enough memory" then
    path = nil
    return raw_error(why, 0)
  end
  why = path_text(name, depth or 0) .. " " .. why
  path = nil
  return nil, why
end

local function rest_of_row(from)
  local last = from + CHUNK - 1
  if last >= n then
    local items = row
    row, path = nil, nil
    return raw_unpack(items, from, n)
  end
  return raw_unpack(row, from, last)
end

-- Building ------------------------------------------------------------------------------------------

local function build()
  n = n + 1
  local item = row[n]
  if item ~= nil then return item end
  n = n + 1
  local count = row[n]
  if count >= 0 then
    local list = raw_create(count)
    for i = 1, count do
      local value = row[n + 1]
      if value ~= nil then
        n = n + 1
        list[i] = value
      else
        list[i] = build()
      end
    end
    return list
  end
  count = -count - 1
  local map = raw_create(0, count)
  for _ = 1, count do
    local key, value = row[n + 1], row[n + 2]
    n = n + 1
    if value ~= nil then
      n = n + 1
      map[key] = value
    else
      map[key] = build()
    end
  end
  return map
end

local function value_of(...)
  row, n = { ... }, 0
  local value = build()
  row = nil
  return value
end

local filled, pieces

-- Part of a string that is too long to be pushed at once; `whole` on its last part.
local function add_piece(text, whole)
  if not row then row, filled = {}, 0 end
  if not pieces then pieces = {} end
  pieces[#pieces + 1] = text
  if whole then
    filled = filled + 1
    row[filled] = raw_concat(pieces)
    pieces = nil
  end
end

local function add_row(...)
  if not row then row, filled = {}, 0 end
  local items = { ... }
  local count = raw_select("#", ...)
  for i = 1, count do row[filled + i] = items[i] end
  filled = filled + count
end

local function drop_rows() row, pieces, path, within = nil, nil, nil, nil end

local function value_of_rows()
  n = 0
  local value = build()
  row = nil
  return value
end

S.unpack = raw_unpack
S.row_of, S.rest_of_row, S.value_of, S.add_row, S.add_piece, S.value_of_rows, S.drop_rows = row_of, rest_of_row, value_of, add_row, add_piece, value_of_rows, drop_rows
