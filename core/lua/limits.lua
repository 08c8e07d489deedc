-- Limits, halting, positions and protected calls.
--
-- Belongs here: the one budget of instructions, the count hook, the flag that ends a run whatever the
-- code catches, and what turns an error of ours into one that names the author's line. Never: anything
-- that the author's code reaches under a name of its own, except pcall and xpcall.
--
-- Our files are loaded without debug information, so a frame of ours, like one of C, has no current
-- line: "the innermost frame with a line" is the author's.

local S, settings, poll = ...

local raw_error, raw_pcall, raw_xpcall, raw_type = error, pcall, xpcall, type
local raw_collect, raw_time = collectgarbage, os.time
local raw_sethook, raw_getinfo, raw_traceback = debug.sethook, debug.getinfo, debug.traceback
local raw_running = coroutine.running
local raw_find, raw_match, raw_format = string.find, string.match, string.format
local raw_gmatch, raw_concat, raw_rawget = string.gmatch, table.concat, rawget
local raw_select, raw_rawequal = select, rawequal
local raw_getmetatable, raw_tostring, raw_assert = debug.getmetatable, tostring, assert

local PERIOD = 1000
local POLL_EVERY = 1000   -- hooks; also polled whenever the second changes, since one hook may cover slow C calls

local NO_MEMORY = "not enough memory"
local limit, memory = settings.instructions, settings.memory / 1024   -- in KB, as Lua counts
local budget = limit
local hooks, second, beats = 0, 0, 0

local run = {
  halted = nil,      -- the reason, once the run has ended for good
  current = nil,     -- the coroutine that runs
  main = nil,        -- the coroutine of the main chunk
  blocked = false,   -- the running coroutine was resumed from a place that cannot yield
  loading = 0,       -- how many lib chunks are being loaded
  open = {},         -- coroutine -> how many steps (or loading libs) are open in it
  resumer = setmetatable({}, { __mode = "k" }),
  main_source = settings.source,
  mixed = false,     -- chunks of another name than the procedure's exist
}
S.run = run

local HALT = setmetatable({}, { __metatable = false, __name = "halt" })
local hook

-- Ends what runs now. The hook goes off at every instruction from here on, so that loops around
-- protected calls end too; the flag, not this value, is what protected calls look at.
local function die()
  raw_sethook(hook, "", 1)
  raw_error(HALT, 0)
end

local function halt(reason)
  if not run.halted then
    run.halted = reason
    if run.current then raw_sethook(run.current, hook, "", 1) end
  end
end

local function halt_for_memory() return halt(settings.memory_reason) end

local function out_of_memory()
  halt_for_memory()
  return die()
end

local function out_of_instructions()
  if not run.halted then halt(S.position(1) .. settings.instructions_reason) end
  return die()
end

local function charge(amount)
  budget = budget - amount
  if budget < 0 then return out_of_instructions() end
end

-- Halts a run that has, even without its garbage, more memory than its limit less `size` bytes.
--
-- The allocator refuses memory only some way above the limit. Within that margin lie the strings that the
-- host pushes where no error can be caught, so this is asked before anything goes to the host.
local function has_room(size)
  if raw_collect("count") + size / 1024 > memory then
    raw_collect("collect")
    if raw_collect("count") + size / 1024 > memory then return out_of_memory() end
  end
end

hook = function()
  beats = beats + 1
  if run.halted then return die() end
  budget = budget - PERIOD
  if budget < 0 then return out_of_instructions() end
  if raw_collect("count") > memory then has_room(0) end
  local now = raw_time()
  hooks = hooks + 1
  if now ~= second or hooks >= POLL_EVERY then
    second, hooks = now, 0
    if poll() then
      halt("cancelled")
      return die()
    end
  end
end

-- Whether hooks work here: an error raised inside a hook leaves them off for the handlers of that error.
local function hooks_work()
  local before = beats
  raw_sethook(hook, "", 1)
  local _ = before
  raw_sethook(hook, "", PERIOD)
  return beats ~= before
end

function S.watch(co) raw_sethook(co, hook, "", PERIOD) end

function S.check_halted()
  if run.halted then return die() end
end

-- Positions -----------------------------------------------------------------------------------------

-- "file:line: " of the author's frame in `co`, the innermost or `outward` ones further out. A level too
-- low does no harm, since frames of ours have no line.
local function position(co, level, outward)
  local info = raw_getinfo(co, level, "l")
  while info do
    if info.currentline > 0 then
      outward = outward - 1
      if outward <= 0 then return raw_getinfo(co, level, "S").short_src .. ":" .. info.currentline .. ": " end
    end
    level = level + 1
    info = raw_getinfo(co, level, "l")
  end
  local from = run.resumer[co]
  return from and position(from, 0, 1) or ""
end

function S.position(outward)
  local text = position(raw_running(), 1, outward or 1)
  return text
end

local function fail(message, outward)
  return raw_error(position(raw_running(), 1, outward or 1) .. message, 0)
end
S.fail = fail

function S.where()
  local level = 2
  local info = raw_getinfo(level, "l")
  if not run.mixed then
    while info do
      if info.currentline > 0 then return info.currentline end
      level = level + 1
      info = raw_getinfo(level, "l")
    end
  else
    while info do
      if info.currentline > 0 and raw_getinfo(level, "S").source == run.main_source then return info.currentline end
      level = level + 1
      info = raw_getinfo(level, "l")
    end
  end
  local co = run.resumer[raw_running()]
  while co do
    level = 0
    info = raw_getinfo(co, 0, "Sl")
    while info do
      if info.currentline > 0 and info.source == run.main_source then return info.currentline end
      level = level + 1
      info = raw_getinfo(co, level, "Sl")
    end
    co = run.resumer[co]
  end
  return 0
end

-- Names of functions of ours that have been called without one, by pcall for instance.
local names = {}
S.names = names

-- Errors --------------------------------------------------------------------------------------------

-- The message `e`, raised by the frame `level` of `co`, as if the author had called the library itself:
-- a C function that one of our functions called knows neither the author's line nor the name called.
local function author_error(co, level, e)
  local raiser = raw_getinfo(co, level, "Slf")
  if not raiser or raiser.currentline > 0 then return e end
  if raiser.what == "C" then
    if raiser.func == raw_error or raiser.func == raw_assert then return e end
    level = level + 1
    local caller = raw_getinfo(co, level, "Sl")
    if not caller or caller.what == "C" or caller.currentline > 0 then return e end
  else
    e = raw_match(e, "^%?:[%?%-%d]+: (.*)$") or e
  end
  local name, kind
  while true do
    local frame = raw_getinfo(co, level, "Slnf")
    if not frame or frame.what == "C" or frame.currentline > 0 then break end
    name, kind = frame.name or names[frame.func], frame.namewhat
    level = level + 1
  end
  local number, rest = raw_match(e, "^bad argument #(%d+) to '%?' (.*)$")
  if number then
    name = name or "?"
    if kind == "method" and number == "1" then
      e = "calling '" .. name .. "' on bad self " .. rest
    else
      if kind == "method" then number = raw_format("%d", number - 1) end
      e = "bad argument #" .. number .. " to '" .. name .. "' " .. rest
    end
  end
  return position(co, level, 1) .. e
end

-- The message handler of every protected call; level 3 is the function that raised the error.
local function on_error(e)
  if run.halted or raw_type(e) ~= "string" or raw_find(e, "stack overflow", 1, true) then return e end
  e = author_error(raw_running(), 3, e)
  return e
end

-- What an error means that left the coroutine `co`, which had no handler.
function S.error_of(co, e)
  if run.halted or raw_type(e) ~= "string" then return e end
  return author_error(co, 0, e)
end

-- What every protected call gives back goes through here.
local function checked(ok, ...)
  if run.halted then return die() end
  if not ok and (...) == NO_MEMORY then return out_of_memory() end
  return ok, ...
end
S.checked = checked

local function pcall(f, ...)
  return checked(raw_xpcall(f, on_error, ...))
end
S.pcall = pcall

-- An error inside a handler is given to the handler again, as in Lua, but not until the C stack is full.
local MAX_HANDLERS = 10

function S.xpcall(f, handler, ...)
  if raw_type(handler) ~= "function" then return raw_xpcall(f, handler) end
  local depth = 0
  return checked(raw_xpcall(f, function(e)
    if run.halted then return e end
    if raw_type(e) == "string" and not raw_find(e, "stack overflow", 1, true) then
      e = author_error(raw_running(), 3, e)
    end
    depth = depth + 1
    if depth > MAX_HANDLERS then return e end
    charge(PERIOD)
    if not hooks_work() then return e end
    e = handler(e)
    depth = 0
    return e
  end, ...))
end

-- The main chunk ------------------------------------------------------------------------------------

local OPERATION, RETURNED, RAISED, HALTED, PACKED = 1, 2, 3, 4, 5
-- A function and not a table: comparing with a table would call the author's `__eq` and hand it over.
local OP = function() end
S.OP, S.OPERATION, S.PACKED = OP, OPERATION, PACKED

-- A traceback without our frames and those of the host.
local function author_trace(trace)
  local lines = {}
  for line in raw_gmatch(trace, "\t([^\n]+)") do
    if not raw_find(line, "^%[C%]") and not raw_find(line, "^%?:") and not raw_find(line, "^%(%.%.%.tail")
       and not raw_find(line, "^%.%.%.\t") then
      lines[#lines + 1] = line
    end
  end
  return raw_concat(lines, "\n")
end
S.author_trace = author_trace

local trace
local function on_main_error(e)
  if run.halted then return e end
  trace = raw_traceback("", 2)
  if raw_type(e) == "string" and not raw_find(e, "stack overflow", 1, true) then
    e = author_error(raw_running(), 3, e)
  end
  return e
end

local function message_of(e)
  local kind = raw_type(e)
  if kind == "string" then return e end
  local mt = raw_getmetatable(e)
  if kind == "table" and mt and raw_rawget(mt, "__tostring") ~= nil then
    local ok, text = raw_pcall(S.tostring, e)
    if ok and raw_type(text) == "string" then return text end
  end
  if kind == "number" or kind == "boolean" or kind == "nil" then return raw_tostring(e) end
  if kind == "table" then
    local text = raw_rawget(e, "message")
    if raw_type(text) == "string" then return text end
  end
  return raw_format("(error object is a %s value)", kind)
end

-- lupa 2.8 moves what a coroutine yields to a stack that it does not make room in: more than some forty values
-- corrupt the process. What is long goes as (PACKED, tag, table, count).
local MOST_VALUES, MOST_PLAIN = 250, 20
S.MOST_VALUES, S.MOST_PLAIN = MOST_VALUES, MOST_PLAIN

local function finish(ok, ...)
  if run.halted then return HALTED, run.halted end
  has_room(0)
  if ok then
    local count = raw_select("#", ...)
    if count > MOST_PLAIN then return PACKED, RETURNED, { ... }, count < MOST_VALUES and count or MOST_VALUES end
    return RETURNED, ...
  end
  local e = ...
  if e == NO_MEMORY then
    halt_for_memory()
    return HALTED, run.halted
  end
  local message = message_of(e)
  if run.halted then return HALTED, run.halted end
  local text = author_trace(trace or "")
  local inner = S.inner_trace
  if inner and raw_rawequal(inner.error, e) then
    if inner.whole then
      text = inner.trace
    else
      text = author_trace(inner.trace) .. (text ~= "" and "\n" .. text or "")
    end
  end
  return RAISED, e, message, text
end

function S.main(f, ...)
  local co = raw_running()
  run.main, run.current = co, co
  raw_sethook(hook, "", PERIOD)
  return finish(raw_xpcall(f, on_main_error, ...))
end

function S.refill() budget = limit end

S.halt, S.die, S.charge, S.on_error, S.out_of_memory = halt, die, charge, on_error, out_of_memory
S.memory_limit = settings.memory
S.has_room, S.halt_for_memory = has_room, halt_for_memory

-- For our own files: does not raise when the run is halted, so that they can put things in order first.
local function noted(ok, ...)
  if not ok and (...) == NO_MEMORY then halt_for_memory() end
  return ok, ...
end
function S.pcall_raw(f, ...) return noted(raw_xpcall(f, on_error, ...)) end

-- The same for the body of a step, whose error is raised again outside it: where it came from is kept.
local function on_body_error(e)
  if run.halted then return e end
  S.body_trace = raw_traceback("", 2)
  if raw_type(e) ~= "string" or raw_find(e, "stack overflow", 1, true) then return e end
  e = author_error(raw_running(), 3, e)
  return e
end

function S.pcall_body(f)
  S.body_trace = nil
  return noted(raw_xpcall(f, on_body_error))
end

-- Where the body that ended last failed with `e`.
function S.trace_of(e)
  local inner = S.inner_trace
  if inner and raw_rawequal(inner.error, e) then
    if inner.whole then return inner.trace end
    return author_trace(inner.trace .. (S.body_trace or ""))
  end
  return author_trace(S.body_trace or "")
end

-- `e` is raised again and came from there.
function S.keep_trace(e, trace)
  S.inner_trace = { error = e, trace = trace, whole = true }
end
function S.raise(value) return raw_error(value, 0) end
function S.loading() return run.loading > 0 end
function S.stop_polling() poll = function() return false end end
