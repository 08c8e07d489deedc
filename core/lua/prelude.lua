-- The Lua half of the primitives: what must be Lua because it calls functions of the author's.
-- Everything else is bound to Python by `bind`. No global is read here but at load time, so that
-- nothing that the author's code replaces changes what a primitive does.

local S, body_seed, STEP_BEGIN, STEP_END, GUARD_BEGIN, REFUSED, TURN_BEGIN, TURN, TOOL = ...

S.body_seed = body_seed

local env, operation, where, raise = S.env, S.operation, S.where, S.raise
local raw_pcall, pcall_body, check_halted, loading = S.pcall_raw, S.pcall_body, S.check_halted, S.loading
local step_enter, step_leave, scope_push, scope_pop = S.step_enter, S.step_leave, S.scope_push, S.scope_pop
local type, setmetatable, next, select, tostring = type, setmetatable, next, select, env.tostring
local pack, unpack, concat = table.pack, table.unpack, table.concat

-- The metatable of nodes. Its methods are bound like any primitive.
local node_methods = {}
local NODE = { __index = node_methods, __metatable = false, __name = "node" }

local function as_node(t)
  if t == nil then return nil end
  return setmetatable(t, NODE)
end

local function as_nodes(list)
  for i = 1, #list do as_node(list[i]) end
  return list
end

local function finish(ok, ...)
  if ok then return ... end
  check_halted()
  return raise((...))
end

local function finish_node(ok, node)
  if ok then return as_node(node) end
  return finish(ok, node)
end

local function finish_nodes(ok, nodes)
  if ok then return as_nodes(nodes) end
  return finish(ok, nodes)
end

local FINISH = { [""] = finish, node = finish_node, nodes = finish_nodes }

local function refuse_loading(title)
  return S.fail(title .. " cannot be called while a file of lib/ loads; call it in a function")
end

-- The functions that are called get no arguments, so none can be meant for them.
local function too_many(title, more)
  return S.fail(title .. " takes at most 2 arguments, got " .. 2 + more)
end

local function family(name)
  if name == "" then return env end
  if name == "node" then return node_methods end
  local t = env[name]
  if t == nil then
    t = {}
    env[name] = t
  end
  return t
end

-- Both bind many in one call, since calls from Python cost far more than what they carry.

-- Binds a primitive that Python answers at once.
local function bind_direct(group, name, title, callback, wraps)
  local done = FINISH[wraps]
  local function primitive(...)
    if loading() then return refuse_loading(title) end
    return done(callback(where(), ...))
  end
  family(group)[name] = primitive
end

-- Binds a primitive that the driver performs.
local function bind_operation(group, name, title, id)
  local function primitive(...)
    if loading() then return refuse_loading(title) end
    return finish(operation(id, where(), ...))
  end
  family(group)[name] = primitive
end

local function bind_all(bind, width, ...)
  local items = pack(...)
  for at = 1, items.n, width do bind(unpack(items, at, at + width - 1)) end
end

local function bind_directs(...) return bind_all(bind_direct, 5, ...) end
local function bind_operations(...) return bind_all(bind_operation, 4, ...) end

-- ---- bodies: functions of the author's whose results are recorded

local function failed(e, trace)
  if trace then S.keep_trace(e, trace) end
  return finish(false, e)
end

local function body_failed(_, e, trace) return failed(e, trace) end

local function body_ended(ok, ...)
  scope_pop()
  step_leave()
  check_halted()
  if ok then return finish(operation(STEP_END, 0, true, nil, ...)) end
  return body_failed(operation(STEP_END, 0, false, tostring((...)), (...), S.trace_of((...))))
end

local function body_entered(fn, ok, how, ...)
  if not ok then return failed(how, (...)) end
  if how ~= true then return ... end
  step_enter()
  scope_push()
  return body_ended(pcall_body(fn))
end

env.Step = {
  run = function(name, fn, ...)
    if loading() then return refuse_loading("Step.run") end
    if select("#", ...) > 0 then return too_many("Step.run", select("#", ...)) end
    if type(fn) ~= "function" then
      return S.fail('Step.run: "fn" must be a function, got ' .. type(fn))
    end
    return body_entered(fn, operation(STEP_BEGIN, where(), name))
  end,
}

-- ---- agents and tools

-- A turn: its `prepare`, whose operations are recorded inside it, then the model and the tools.
local function prepared(ok, value, ...)
  scope_pop()
  step_leave()
  check_halted()
  if not ok then return body_failed(operation(STEP_END, 0, false, tostring(value), value, S.trace_of(value))) end
  return finish(operation(TURN, 0, value))
end

local function turn_entered(prepare, ok, how, ...)
  if not ok then return failed(how, (...)) end
  if how ~= true then return ... end
  if not prepare then return finish(operation(TURN, 0)) end
  step_enter()
  scope_push()
  return prepared(pcall_body(prepare))
end

local function bind_agent(name, title, prepare)
  local agent = setmetatable({
    turn = function(...)
      if loading() then return refuse_loading(title .. ".turn") end
      return turn_entered(prepare, operation(TURN_BEGIN, where(), name, title, ...))
    end,
  }, {
    __index = function(_, key)
      return S.fail(title .. "." .. tostring(key) .. ": an agent has only turn()")
    end,
    __metatable = false,
  })
  env[title] = agent
end

-- Agents come as: name, how many names it has in Lua, these names, its `prepare` or false.
local function bind_agents(...)
  local items, at = pack(...), 1
  while at <= items.n do
    local name, count = items[at], items[at + 1]
    local prepare = items[at + 2 + count] or nil
    for i = at + 2, at + 1 + count do bind_agent(name, items[i], prepare) end
    at = at + 3 + count
  end
end

env.Tools = setmetatable({}, {
  __index = function(_, name)
    if type(name) ~= "string" then return S.fail("Tools: the name of a tool is a string, got " .. type(name)) end
    return function(...)
      if loading() then return refuse_loading("Tools." .. name) end
      return finish(operation(TOOL, where(), name, ...))
    end
  end,
  __newindex = function() return S.fail("Tools cannot be changed") end,
  __metatable = false,
})

-- ---- what is easier said in Lua

local function texts(...)
  local parts = {}
  for i = 1, select("#", ...) do parts[i] = tostring((select(i, ...))) end
  return concat(parts, "\t")
end

-- Called once everything is bound.
local function complete(params)
  env.params = params
  local log = env.Log
  for level, write in next, log do
    log[level] = function(message, ...)
      if type(message) ~= "string" then message = tostring(message) end
      return write(message, ...)
    end
  end
  local info = log.info
  env.print = function(...) return info(texts(...)) end

  local read_options, sleep = env.Retry._options, env.Sleep
  env.Retry._options = nil

  local function retry(fn, on_error, max_attempts, delay, max_delay, factor)
    for attempt = 1, max_attempts do
      local results = pack(raw_pcall(fn))
      check_halted()
      if results[1] then return unpack(results, 2, results.n) end
      local last = attempt == max_attempts
      local wait = delay < max_delay and delay or max_delay
      if on_error then
        on_error({ attempt = attempt, max_attempts = max_attempts, error = results[2], delay = not last and wait or nil })
      end
      if last then return raise(results[2]) end
      sleep(wait)
      delay = delay * factor
    end
  end

  function env.Retry.with_backoff(fn, options, ...)
    if select("#", ...) > 0 then return too_many("Retry.with_backoff", select("#", ...)) end
    if type(fn) ~= "function" then
      return S.fail('Retry.with_backoff: "fn" must be a function, got ' .. type(fn))
    end
    local plain, on_error = {}, nil
    if options ~= nil then
      if type(options) ~= "table" then
        return S.fail("Retry.with_backoff takes a table of options, got " .. type(options))
      end
      for key, value in next, options do
        if key == "on_error" then on_error, value = value, true end
        plain[key] = value
      end
      if on_error ~= nil and type(on_error) ~= "function" then
        return S.fail('Retry.with_backoff: "on_error" must be a function, got ' .. type(on_error))
      end
    end
    return retry(fn, on_error, read_options(plain))
  end

  env.Json.encode, env.Json.array, env.Json.null = S.json.encode, S.json.array, S.json.null
end

-- The main program: the guards, then the code.
local function main(code, ...)
  for i = 1, select("#", ...) do
    local guard = select(i, ...)
    local ok, why = body_entered(guard, operation(GUARD_BEGIN, 0, i))
    if not ok then operation(REFUSED, 0, i, why) end
  end
  return code()
end

return bind_directs, bind_operations, bind_agents, complete, main
