"""The procedures that `proc-tui new` begins with; `NAME` is replaced by the new procedure's name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MINIMAL = """\
# Run it:    proc-tui run NAME -p who=you
# Check it:  proc-tui check NAME.yaml
name: NAME
version: "1.0"
description: Says hello.

params:                       # what it is given; `proc-tui run NAME -p who=Ada`
  who: {type: string, default: World, description: Whom to greet}

outputs:                      # what it must return
  greeting: {type: string, required: true}

code: |
  Log.info("greeting " .. params.who)
  -- What a step returns is recorded: when the run is resumed, it is not done again.
  local greeting = Step.run("compose", function()
    return "Hello, " .. params.who .. "!"
  end)
  return {greeting = greeting}
"""

APPROVAL = """\
# Run it:    proc-tui run NAME -p target=staging       (it asks here)
# Or apart:  proc-tui run NAME -p target=staging --detach; proc-tui watch; proc-tui inbox -i
name: NAME
version: "1.0"
description: Prepares a release, has it approved, and carries it out.

params:
  target: {type: string, required: true, enum: [staging, production]}

outputs:
  released: {type: boolean, required: true}
  comment: {type: string}

stages: [prepare, approve, release]

hitl:                         # where people come in
  go:
    type: review
    message: "Release to {params.target}?"
    options: [approve, reject]      # shown as Approve and Reject; more: {label: Ask Ben, type: action}
    timeout: 86400                  # seconds, also while nothing runs; then it counts as Reject
    # confirm: "{params.target}"      the word that must be typed to agree
    # approvals: 2                    how many people must agree
    # not_starter: true               somebody other than who started the run

code: |
  Stage.set("prepare")
  local notes = Step.run("notes", function()
    return "Changes for " .. params.target .. ":\\n- the first\\n- the second"
  end)

  Stage.set("approve")
  -- The run waits here, however long it takes; nothing of it has to stay in memory.
  local answer, timed_out = Human.review("go", {artifact = notes, artifact_type = "markdown"})
  if answer.decision ~= "Approve" then             -- the label of what was chosen
    Log.warn(timed_out and "nobody decided in time" or "rejected", {feedback = answer.feedback})
    return {released = false, comment = answer.feedback}
  end

  Stage.set("release")
  Step.run("release", function()
    Log.info("releasing to " .. params.target)     -- put the work here
  end)
  Human.notify{message = "Released to " .. params.target}
  return {released = true, comment = answer.feedback}
"""

BATCH = """\
# Run it:    proc-tui run NAME -p 'items=["a", "b", "c"]'
# Kill it at any time and go on:  proc-tui resume RUN
name: NAME
version: "1.0"
description: Does something with each item, tries again what fails, and asks a person when too much does.

params:
  items: {type: array, required: true}
  allowed_failures: {type: integer, default: 2, description: With one more a person is asked.}

outputs:
  done: {type: integer, required: true}
  failed: {type: array, required: true, description: The items that failed each time they were tried.}
  left: {type: integer, required: true, description: Items that were not begun because a person stopped it.}

code: |
  local failed, allowed, begun = {}, params.allowed_failures, 0

  local function work(item)
    return #tostring(item)                         -- put the work here; error("...") when it fails
  end

  for index, item in ipairs(params.items) do
    begun = index
    local ok, problem = pcall(Retry.with_backoff, function()
      -- Each step's name is used once; a completed step is never done again.
      return Step.run("item " .. index, function() return work(item) end)
    end, {max_attempts = 3, initial_delay = 1})
    if ok then
      State.increment("done")
    else
      Log.error("item " .. index .. " failed", {problem = problem})
      failed[#failed + 1] = item
    end
    if #failed > allowed then
      System.alert{level = "error", message = #failed .. " items failed", source = "NAME"}
      if not Human.approve{message = #failed .. " items failed. Go on?", context = {failed = failed}} then
        break
      end
      allowed = #failed + params.allowed_failures  -- asked again when as many more have failed
    end
  end

  return {done = State.get("done", 0), failed = Json.array(failed), left = #params.items - begun}
"""

CHILDREN = """\
# Run it:    proc-tui run NAME -p 'regions=["eu", "us"]'
name: NAME
version: "1.0"
description: Starts a child for each region, waits for all of them, and gathers what they return.

params:
  regions: {type: array, required: true}

outputs:
  total: {type: number, required: true}
  failed: {type: array, required: true, description: The regions whose child failed.}

procedures:                   # inline procedures; a file of the workspace works just as well
  count:
    params:
      region: {type: string, required: true}
    outputs:
      number: {type: number, required: true}
    code: |
      Sleep(0.1)                                   -- a durable timer: nothing stays in memory
      return {number = #params.region}

code: |
  local handles, region_of = {}, {}
  -- All of them run at the same time; each is a run of its own, with its own record, log and requests.
  for _, region in ipairs(params.regions) do
    local handle = Procedure.spawn("count", {region = region})
    handles[#handles + 1] = handle
    region_of[handle] = region
  end

  local total, failed = 0, {}
  if #handles > 0 then
    for handle, result in pairs(Procedure.wait_all(handles)) do
      if result.success == false then              -- a child that failed; result.error says why
        failed[#failed + 1] = region_of[handle]
      else
        total = total + result.number
      end
    end
  end
  return {total = total, failed = Json.array(failed)}
"""

AGENT = """\
# Run it:    proc-tui run NAME -p question="What is a lease?"        (needs a model: proc-tui doctor)
# Offline:   proc-tui run NAME --replies NAME.replies.yaml            (scripted, no key needed)
name: NAME
version: "1.0"
description: An agent answers a question with a tool at hand, turn by turn, until it says that it is done.

params:
  question: {type: string, default: How many letters has the word procedure?}
  max_turns: {type: integer, default: 8, description: After so many turns a person is asked whether to go on.}

outputs:
  answer: {type: string, required: true}
  turns: {type: integer, required: true}

agents:
  helper:                     # the code calls it Helper
    system_prompt: |
      Answer the question as briefly as you can. Use the tool `measure` where it helps, and call `done` with the answer
      as the reason when you have it.
    initial_message: "{params.question}"
    tools: [measure, done]

procedures:                   # tools of the agent may be procedures; so may MCP servers and Python functions
  measure:
    description: Counts the letters of a text.
    params:
      text: {type: string, required: true}
    outputs:
      letters: {type: integer, required: true}
    code: |
      return {letters = #params.text}

code: |
  local turns, limit, said = 0, params.max_turns, ""
  repeat
    turns = turns + 1
    -- A turn: the model replies, and the tools that it asks for are called. Each part is recorded, and paid for once.
    local reply = Helper.turn()
    if reply.content and reply.content ~= "" then said = reply.content end
    if turns >= limit and not Stop.requested() then
      if not Human.approve{message = "No answer after " .. turns .. " turns. Go on?", timeout = 3600} then break end
      limit = limit + params.max_turns
    end
  until Stop.requested()                           -- by the tool `done`, or by a person
  local reason = Stop.reason()
  return {answer = reason and reason ~= "" and reason or said, turns = turns}
"""

AGENT_REPLIES = """\
# What the agent of NAME says when it is run with --replies: nothing leaves this machine.
helper:
  - calls:
      - measure: {text: procedure}
  - text: It has nine letters.
    calls:
      - done: {reason: Nine.}
"""

TEMPLATES = {
    "minimal": (MINIMAL, "parameters, one step, a result"),
    "approval": (APPROVAL, "stages, and a person who decides"),
    "agent": (AGENT, "a model that works with tools until it is done"),
    "batch": (BATCH, "many items, tried again when they fail"),
    "children": (CHILDREN, "child procedures that run side by side"),
}
"""Text and a few words about each template."""
REPLIES = {"agent": AGENT_REPLIES}
"""What is written beside, as `NAME.replies.yaml`."""
TITLES = {
    "approval": "approval gate",
    "agent": "agent loop",
    "batch": "batch with alarm",
    "children": "fan-out with join",
}
"""What the interface offers."""


def write(file: Path, template: str) -> list[Path]:
    """Writes a procedure, and what belongs beside it; overwrites nothing. Raises `OSError`."""
    text = TEMPLATES[template][0].replace("NAME.yaml", file.name).replace("NAME", file.stem)
    written = [file]
    with file.open("x", encoding="utf-8") as stream:
        stream.write(text)
    replies = file.with_name(f"{file.stem}.replies.yaml")
    if template in REPLIES and not replies.exists():
        replies.write_text(REPLIES[template].replace("NAME", file.stem), encoding="utf-8")
        written.append(replies)
    return written
