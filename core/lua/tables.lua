-- The table library, pairs and next.
--
-- On plain tables Lua's own functions work, charged by the range they walk. A table with a metatable is
-- walked in Lua instead, where the hook counts and operations can wait: in C, a C function as `__index`
-- would make a loop that nothing can end.

local S = ...

local table = table
local raw_type, raw_next, raw_rawget, raw_rawlen = type, next, rawget, rawlen
local raw_getmetatable, raw_mathtype, raw_tointeger, MAX = debug.getmetatable, math.type, math.tointeger, math.maxinteger
local raw_insert, raw_remove, raw_move, raw_concat = table.insert, table.remove, table.move, table.concat
local raw_unpack, raw_create, raw_pack = table.unpack, table.create, table.pack
local charge, fail, out_of_memory, memory_limit = S.charge, S.fail, S.out_of_memory, S.memory_limit

local FREE = 64

-- pairs and next ------------------------------------------------------------------------------------

local ADDRESS = { table = "a table", ["function"] = "a function", thread = "a thread", userdata = "a userdata" }

local function refuse_key(kind)
  return fail("a table with " .. ADDRESS[kind] .. " among its keys cannot be iterated: "
    .. "the order would differ in a replay; use strings or numbers as keys")
end

local function next(t, key)
  local found, value = raw_next(t, key)
  if found == nil then return nil end
  local kind = raw_type(found)
  if ADDRESS[kind] then return refuse_key(kind) end
  return found, value
end

local function pairs(t)
  local mt = raw_getmetatable(t)
  if mt then
    local method = raw_rawget(mt, "__pairs")
    if method ~= nil then
      local f, state, key, closing = method(t)
      return f, state, key, closing
    end
  end
  if raw_type(t) ~= "table" then raw_next(t) end
  return next, t, nil, nil
end

-- table ---------------------------------------------------------------------------------------------

-- Whether Lua's own function may walk `t`: a plain table, or something that it will refuse.
local function is_plain(t)
  return raw_type(t) ~= "table" or raw_getmetatable(t) == nil
end

local function integer(value, number)
  local found = raw_tointeger(value)
  if found then return found end
  if raw_type(value) == "number" then
    return fail("bad argument #" .. number .. " (number has no integer representation)")
  end
  return fail("bad argument #" .. number .. " (number expected, got " .. raw_type(value) .. ")")
end

local function insert(t, ...args)
  if args.n == 1 and is_plain(t) then return raw_insert(t, ...) end
  if is_plain(t) then
    if raw_type(t) == "table" and raw_mathtype(args[1]) == "integer" then
      local moved = raw_rawlen(t) - args[1]
      if moved > FREE then charge(moved >> 2) end
    end
    return raw_insert(t, ...)
  end
  local e = #t + 1
  if args.n == 1 then
    t[e] = args[1]
    return
  end
  if args.n ~= 2 then return fail("wrong number of arguments to 'insert'") end
  local at = integer(args[1], 2)
  if at < 1 or at > e then return fail("bad argument #2 to 'insert' (position out of bounds)") end
  for i = e, at + 1, -1 do t[i] = t[i - 1] end
  t[at] = args[2]
end

local function remove(t, ...args)
  if is_plain(t) then
    if raw_type(t) == "table" and raw_mathtype(args[1]) == "integer" then
      local moved = raw_rawlen(t) - args[1]
      if moved > FREE then charge(moved >> 2) end
    end
    return raw_remove(t, ...)
  end
  local size = #t
  local at = size
  if args.n > 0 then
    at = integer(args[1], 2)
    if size + 1 ~= at and (at < 1 or at > size + 1) and not (size == 0 and at == 0) then
      return fail("bad argument #2 to 'remove' (position out of bounds)")
    end
  end
  local value = t[at]
  while at < size do
    t[at] = t[at + 1]
    at = at + 1
  end
  if at <= size or args.n > 0 or size == 0 then t[at] = nil end
  return value
end

local function move(from, first, last, to, into)
  if into == nil then into = from end
  if raw_mathtype(first) == "integer" and raw_mathtype(last) == "integer" and last >= first then
    if is_plain(from) and is_plain(into) then
      local range = last - first + 1
      if range > FREE or range < 0 then charge(range < 0 and MAX or range >> 2) end
    elseif raw_type(from) == "table" and raw_type(into) == "table" and raw_mathtype(to) == "integer" then
      if first <= 0 and last >= MAX + first then return fail("bad argument #3 to 'move' (too many elements to move)") end
      if to > MAX - (last - first) then return fail("bad argument #4 to 'move' (destination wrap around)") end
      if to > last or to <= first or from ~= into then
        for i = 0, last - first do into[to + i] = from[first + i] end
      else
        for i = last - first, 0, -1 do into[to + i] = from[first + i] end
      end
      return into
    end
  end
  return raw_move(from, first, last, to, into)
end

local function concat(t, separator, first, last)
  if is_plain(t) then
    if raw_type(t) == "table" then
      local length = raw_rawlen(t)
      if length > FREE then charge(length) end
    end
    local text = raw_concat(t, separator, first, last)
    if #text > FREE then charge(#text >> 4) end
    return text
  end
  local from = first == nil and 1 or integer(first, 3)
  local to = last == nil and #t or integer(last, 4)
  local parts, n = {}, 0
  for i = from, to do
    local part = t[i]
    local kind = raw_type(part)
    if kind ~= "string" and kind ~= "number" then
      return fail("invalid value (at index " .. i .. ") in table for 'concat'")
    end
    n = n + 1
    parts[n] = part
  end
  return raw_concat(parts, separator)
end

local function unpack(t, first, last)
  if first == nil and last == nil and raw_type(t) == "table" then
    local length = #t
    if raw_mathtype(length) == "integer" and length > FREE then charge(length) end
    return raw_unpack(t, 1, length)
  end
  if raw_mathtype(last) == "integer" then
    local length = last - (raw_mathtype(first) == "integer" and first or 1)
    if length > FREE and length < 1000000 then charge(length) end
  end
  return raw_unpack(t, first, last)
end

local function create(sequence, rest)
  local size = 0
  if raw_mathtype(sequence) == "integer" and sequence > 0 then size = sequence end
  if raw_mathtype(rest) == "integer" and rest > 0 then size = size + rest * 2.0 end
  if size > FREE then
    if size >= 0x1p31 then return raw_create(sequence, rest) end
    if size * 9 > memory_limit then return out_of_memory() end
    charge(size // 8 | 0)
  end
  return raw_create(sequence, rest)
end

-- sort ----------------------------------------------------------------------------------------------

local function kind_name(value)
  local mt = raw_getmetatable(value)
  local name = mt and raw_rawget(mt, "__name")
  if raw_type(name) == "string" then return name end
  return raw_type(value)
end

local function less(a, b)
  local ka, kb = raw_type(a), raw_type(b)
  if ka ~= kb or (ka ~= "number" and ka ~= "string") then
    local ma, mb = raw_getmetatable(a), raw_getmetatable(b)
    if not (ma and raw_rawget(ma, "__lt") ~= nil) and not (mb and raw_rawget(mb, "__lt") ~= nil) then
      local na, nb = kind_name(a), kind_name(b)
      if na == nb then return fail("attempt to compare two " .. na .. " values") end
      return fail("attempt to compare " .. na .. " with " .. nb)
    end
  end
  return a < b
end

local RUN, MAX_PRESIZED = 8, 65536

-- A stable merge sort: runs of RUN by insertion, then merged from `values` into `other` and back.
local function sorted_by(values, n, before)
  for low = 1, n, RUN do
    local high = low + RUN - 1
    if high > n then high = n end
    for i = low + 1, high do
      local value = values[i]
      local j = i - 1
      while j >= low and before(value, values[j]) do
        values[j + 1] = values[j]
        j = j - 1
      end
      values[j + 1] = value
    end
  end
  local other = raw_create(n)
  local width = RUN
  while width < n do
    for low = 1, n, 2 * width do
      local middle, high = low + width, low + 2 * width - 1
      if high > n then high = n end
      local i, j, k = low, middle, low
      if middle > n then middle = n + 1 end
      while i < middle and j <= high do
        if before(values[j], values[i]) then
          other[k] = values[j]
          j = j + 1
        else
          other[k] = values[i]
          i = i + 1
        end
        k = k + 1
      end
      for at = i, middle - 1 do
        other[k] = values[at]
        k = k + 1
      end
      for at = j, high do
        other[k] = values[at]
        k = k + 1
      end
    end
    values, other = other, values
    width = 2 * width
  end
  return values
end

-- The same for values that are all numbers or all strings, without calls: Lua's `<` is 2.5 times faster.
local function sorted(values, n)
  for low = 1, n, RUN do
    local high = low + RUN - 1
    if high > n then high = n end
    for i = low + 1, high do
      local value = values[i]
      local j = i - 1
      while j >= low do
        local other = values[j]
        if not (value < other) then break end
        values[j + 1] = other
        j = j - 1
      end
      values[j + 1] = value
    end
  end
  local other = raw_create(n)
  local width = RUN
  while width < n do
    for low = 1, n, 2 * width do
      local middle, high = low + width, low + 2 * width - 1
      if high > n then high = n end
      local i, j, k = low, middle, low
      if middle > n then middle = n + 1 end
      if i < middle and j <= high then
        local left, right = values[i], values[j]
        while true do
          if right < left then
            other[k] = right
            k = k + 1
            j = j + 1
            if j > high then break end
            right = values[j]
          else
            other[k] = left
            k = k + 1
            i = i + 1
            if i >= middle then break end
            left = values[i]
          end
        end
      end
      for at = i, middle - 1 do
        other[k] = values[at]
        k = k + 1
      end
      for at = j, high do
        other[k] = values[at]
        k = k + 1
      end
    end
    values, other = other, values
    width = 2 * width
  end
  return values
end

local function sort(t, before)
  if raw_type(t) ~= "table" then return fail("bad argument #1 to 'sort' (table expected, got " .. raw_type(t) .. ")") end
  local n = #t
  if raw_mathtype(n) ~= "integer" then return fail("object length is not an integer") end
  if n < 2 then return end
  if n >= 0x7fffffff then return fail("bad argument #1 to 'sort' (array too big)") end
  if before ~= nil and raw_type(before) ~= "function" then
    return fail("bad argument #2 to 'sort' (function expected, got " .. raw_type(before) .. ")")
  end
  local values = raw_create(n < MAX_PRESIZED and n or 0)
  for i = 1, n do values[i] = t[i] end
  local kind = raw_type(values[1])
  if not before then
    if kind ~= "number" and kind ~= "string" then before = less end
    for i = 2, n do
      if raw_type(values[i]) ~= kind then
        before = less
        break
      end
    end
  end
  values = before and sorted_by(values, n, before) or sorted(values, n)
  for i = 1, n do t[i] = values[i] end
end

S.next, S.pairs = next, pairs
S.table = {
  concat = concat, create = create, insert = insert, move = move, pack = raw_pack, remove = remove, sort = sort,
  unpack = unpack,
}
