-- Coroutines through which operations pass.
--
-- An operation yields a sentinel from whatever coroutine it is in; each resume here hands it on to its
-- own resumer until the driver has it. The main chunk runs inside a coroutine of its own and must not
-- notice it.

local S = ...

local raw_create, raw_resume, raw_yield, raw_status = coroutine.create, coroutine.resume, coroutine.yield, coroutine.status
local raw_running, raw_isyieldable, raw_close = coroutine.running, coroutine.isyieldable, coroutine.close
local raw_type, raw_error, raw_find, raw_traceback, raw_select = type, error, string.find, debug.traceback, select
local run, OP, OPERATION, fail, die, charge = S.run, S.OP, S.OPERATION, S.fail, S.die, S.charge
local watch, refill, checked, error_of, out_of_memory = S.watch, S.refill, S.checked, S.error_of, S.out_of_memory
local open, resumer = run.open, run.resumer
local has_room, MOST_VALUES, MOST_PLAIN, PACKED = S.has_room, S.MOST_VALUES, S.MOST_PLAIN, S.PACKED

local CREATE_COST, RESUME_COST = 1000, 100
local NO_MEMORY = "not enough memory"

-- What the driver answered.
local function answered(...)
  if run.halted then return die() end
  refill()
  return ...
end

function S.operation(...args)
  if args.n > MOST_VALUES then return fail("an operation takes at most " .. MOST_VALUES .. " values") end
  has_room(0)
  if run.halted then return die() end
  if run.loading > 0 then return fail("an operation is not available while a lib file loads") end
  if run.blocked or not raw_isyieldable() then
    return fail("an operation cannot wait inside a gsub callback, an xpcall handler, __tostring or coroutine.close")
  end
  if run.current == run.main then
    if args.n > MOST_PLAIN then return answered(raw_yield(PACKED, OPERATION, { ... }, args.n)) end
    return answered(raw_yield(OPERATION, ...))
  end
  return answered(raw_yield(OP, ...))
end

function S.step_enter()
  local co = run.current
  open[co] = (open[co] or 0) + 1
end

function S.step_leave()
  local co = run.current
  local depth = (open[co] or 1) - 1
  open[co] = depth > 0 and depth or nil
end

local function create(f)
  charge(CREATE_COST)
  local co = raw_create(f)
  watch(co)
  return co
end

-- Goes on in `co`; the caller has saved what runs now.
local function enter(co, ...)
  run.current = co
  if not run.blocked and not raw_isyieldable() then run.blocked = true end
  return raw_resume(co, ...)
end

local left

-- Hands an operation that `co` yielded on to the resumer of what runs, and its answer back.
local function passed(from, blocked, co, _, ...)
  if from == run.main then
    local count = raw_select("#", ...)
    if count > MOST_PLAIN then
      return left(from, blocked, co, enter(co, raw_yield(PACKED, OPERATION, { ... }, count)))
    end
    return left(from, blocked, co, enter(co, raw_yield(OPERATION, ...)))
  end
  return left(from, blocked, co, enter(co, raw_yield(OP, ...)))
end

-- What each coroutine died of.
local failures = setmetatable({}, { __mode = "k" })

left = function(from, blocked, co, ok, ...)
  run.current, run.blocked = from, blocked
  if run.halted then return die() end
  if ok then
    if (...) == OP then return passed(from, blocked, co, ...) end
    return true, ...
  end
  local e = ...
  if raw_status(co) == "dead" then
    if e == NO_MEMORY then return out_of_memory() end
    e = error_of(co, e)
    failures[co] = e
  end
  return false, e
end

local function resume(co, ...)
  if raw_type(co) ~= "thread" then return raw_resume(co) end
  charge(RESUME_COST)
  if raw_status(co) ~= "suspended" then return raw_resume(co, ...) end
  local from = run.current
  resumer[co] = from
  return left(from, run.blocked, co, enter(co, ...))
end

-- Errors raised inside a hook (Lua's own, for the C stack) leave hooks off in a dead coroutine, where a
-- `__close` could then run for ever.
local function died_in_hook(e)
  return raw_type(e) == "string" and (raw_find(e, "stack overflow", 1, true) or raw_find(e, "error handling", 1, true))
end

local function closed(from, blocked, ...)
  run.current, run.blocked = from, blocked
  return checked(...)
end

local function close(co)
  if co == nil then co = run.current end
  if raw_type(co) == "thread" then
    local status = raw_status(co)
    if status == "running" or status == "normal" then return fail("cannot close a " .. status .. " coroutine") end
    if status == "dead" and died_in_hook(failures[co]) then return false, failures[co] end
    local from, blocked = run.current, run.blocked
    resumer[co], run.current, run.blocked = from, co, true
    return closed(from, blocked, raw_close(co))
  end
  return raw_close(co)
end

local function unwrap(co, ok, ...)
  if ok then return ... end
  local e = ...
  if raw_status(co) == "dead" and not died_in_hook(e) then
    local trace = raw_traceback(co)
    local fine, other = close(co)
    if not fine and other ~= nil and raw_type(e) ~= "string" then e = other end
    if raw_type(e) == "string" then e = S.position(1) .. e end
    S.inner_trace = { error = e, trace = trace }
  elseif raw_type(e) == "string" then
    e = S.position(1) .. e
  end
  return raw_error(e, 0)
end

local function wrap(f)
  local co = create(f)
  return function(...) return unwrap(co, resume(co, ...)) end
end

local function yield(...)
  local co = run.current
  if co == run.main then return fail("attempt to yield from outside a coroutine") end
  if open[co] then
    return fail("a coroutine in which a step is open cannot yield to its resumer until the step ends")
  end
  return raw_yield(...)
end

S.coroutine = {
  create = create,
  resume = resume,
  wrap = wrap,
  yield = yield,
  close = close,
  status = raw_status,
  running = function()
    local co = raw_running()
    return co, co == run.main
  end,
  isyieldable = function(co)
    if co == nil then co = run.current end
    return co ~= run.main and raw_isyieldable(co)
  end,
}
