-- `load` and `require`: text only, in the sandbox's environment.

local S, _, _, _, libs = ...

local raw_load, raw_type, raw_xpcall, raw_error = load, type, xpcall, error
local raw_byte, raw_find, raw_concat = string.byte, string.find, table.concat
local run, env, fail, charge = S.run, S.env, S.fail, S.charge
local checked, on_error = S.checked, S.on_error

local BINARY = 27

local function collect(reader)
  local parts, n = {}, 0
  while true do
    local part = reader()
    if part == nil or part == "" then break end
    if raw_type(part) ~= "string" then return nil, "reader function must return a string" end
    n = n + 1
    parts[n] = part
  end
  return raw_concat(parts)
end

local function load(chunk, ...args)
  local name, mode, target = args[1], args[2], env
  if args.n >= 3 then target = args[3] end
  if raw_type(chunk) == "function" then
    local ok, text, why = S.pcall(collect, chunk)
    if not ok then return nil, text end
    if not text then return nil, why end
    chunk = text
    if name == nil then name = "=(load)" end
  elseif raw_type(chunk) ~= "string" then
    return raw_load(chunk)
  end
  if name == nil then name = chunk end
  if mode ~= nil and raw_type(mode) ~= "string" then return raw_load(chunk, name, mode) end
  if raw_byte(chunk, 1) == BINARY then return nil, "attempt to load a binary chunk (only text can be loaded)" end
  charge(#chunk)
  run.mixed = true
  if mode ~= nil and not raw_find(mode, "t", 1, true) then return nil, "attempt to load a text chunk (mode is '" .. mode .. "')" end
  return raw_load(chunk, name, "t", target)
end
S.load = load

-- A variable to be closed makes `return f()` an ordinary call: a tail call would lose the chunk's frame, and
-- with it the line of the operation that a procedure most often ends with.
local KEEP_FRAME = "local __chunk <close> = nil; "

-- The author's own chunks, given by the host.
function S.compile(newlines, text, name)
  if raw_byte(text, 1) == BINARY then return nil, "a procedure is text, not bytecode" end
  if name ~= run.main_source then run.mixed = true end
  return raw_load(newlines .. KEEP_FRAME .. text, name, "t", env)
end

local loaded, pending = {}, {}

function S.require(name)
  if raw_type(name) ~= "string" then
    return fail("bad argument #1 to 'require' (string expected, got " .. raw_type(name) .. ")")
  end
  local file = "lib/" .. name .. ".lua"
  local entry = loaded[name]
  if entry then return entry.value, file end
  local size = libs(name, true)
  if not size then return fail("there is no " .. file .. " beside the procedure") end
  for i = 1, #pending do
    if pending[i] == name then
      return fail(raw_concat(pending, " requires ", i) .. " requires " .. name .. ": lib files cannot require each other in a circle")
    end
  end
  S.has_room(2 * size)
  local text = libs(name, false)
  charge(#text)
  run.mixed = true
  local chunk, why = raw_load(KEEP_FRAME .. text, "@" .. file, "t", env)
  if not chunk then return raw_error(why, 0) end
  pending[#pending + 1] = name
  run.loading = run.loading + 1
  S.step_enter()
  S.scope_push(0)
  local ok, value = checked(raw_xpcall(chunk, on_error, name, file))
  S.scope_pop()
  S.step_leave()
  run.loading = run.loading - 1
  pending[#pending] = nil
  if not ok then return raw_error(value, 0) end
  if value == nil then value = true end
  loaded[name] = { value = value }
  return value, file
end

function S.stop_libs() libs = function() end end
