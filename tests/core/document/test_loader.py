"""`load` and `examine`: what a valid document becomes, and what is wrong with an invalid one."""

from __future__ import annotations

import subprocess
import sys

import pytest
from proc_tui.core.document import Diagnostic, Field, Filter, LuaSource, Procedure, examine, load, load_again
from proc_tui.core.errors import DocumentError

HEAD = "name: demo\nversion: '1'\n"
CODE = "code: return {}\n"

FULL = """\
name: research
version: "1.0"
description: Looks things up.
class: LuaDSL
params:
  topic: {type: string, required: true, enum: [moon, sun]}
  depth: {type: integer, default: 3.0, description: how deep}
  tags: {type: array, default: []}
outputs:
  result: {type: string, required: true}
return_prompt: prompts.summary
error_prompt: What went wrong with {params.topic}?
async: false
max_depth: 2
max_turns: 9
checkpoint_interval: 1
guards:
  - |
    if params.topic == "" then
      return false, "no topic"
    end
    return true
hitl:
  check:
    type: review
    message: "See {params.topic}"
    options: [approve, {label: Reject, type: cancel}]
    timeout: 10
    confirm: "{params.topic}"
    approvals: 2
    not_starter: true
dependencies: {tools: [search], procedures: [other]}
prompts:
  system: |
    You study {params.topic}.
    Answer as {"depth": {params.depth}}
  summary: Say {outputs.result}
procedures:
  inner:
    params: {x: {type: string}}
    code: return {}
agents:
  worker: &worker
    system_prompt: prompts.system
    initial_message: Begin.
    prepare: |
      return {x = 1}
    tools: [search, inner]
    filter:
      class: ComposedFilter
      chain:
        - class: TokenBudget
          max_tokens: 1000
        - class: LimitToolResults
          count: 2
    response: {retries: 1, retry_delay: 2}
    temperature: 0.5
  data_analyst:
    <<: *worker
    filter: StandardFilter
stages: [plan, work]
code: |
  local x = 1
  return {result = "x"}
"""


@pytest.fixture(scope="module")
def full() -> Procedure:
    return load(FULL, "full.yaml")


def found(text: str | bytes) -> list[tuple[str, int, int]]:
    """Code, line and column of every diagnostic."""
    return [(item.code, item.line, item.column) for item in examine(text, "t.yaml")[1]]


def only(text: str | bytes) -> Diagnostic:
    """The one diagnostic of a text."""
    diagnostics = examine(text, "t.yaml")[1]
    assert len(diagnostics) == 1, [str(item) for item in diagnostics]
    return diagnostics[0]


def test_a_document_with_every_key_loads_without_a_diagnostic() -> None:
    procedure, diagnostics = examine(FULL, "full.yaml")
    assert diagnostics == []
    assert procedure is not None


def test_plain_keys_become_fields(full: Procedure) -> None:
    assert (full.name, full.version, full.description) == ("research", "1.0", "Looks things up.")
    assert (full.async_, full.max_depth, full.max_turns, full.checkpoint_interval) == (False, 2, 9, 1)
    assert (full.tools, full.uses, full.stages) == (("search",), ("other",), ("plan", "work"))


def test_fields_have_their_types_and_lines(full: Procedure) -> None:
    assert full.params["topic"] == Field("string", required=True, enum=("moon", "sun"), line=6)
    assert full.params["depth"] == Field("integer", default=3, description="how deep", line=7)
    assert isinstance(full.params["depth"].default, int)
    assert full.params["tags"].default == []


def test_a_point_keeps_the_options_of_its_call_apart_from_its_own(full: Procedure) -> None:
    point = full.hitl["check"]
    assert (point.type, point.confirm, point.approvals, point.not_starter) == ("review", "{params.topic}", 2, True)
    assert point.options == {
        "message": "See {params.topic}",
        "options": ["approve", {"label": "Reject", "type": "cancel"}],
        "timeout": 10,
    }


def test_prompt_names_are_replaced_by_their_text(full: Procedure) -> None:
    assert full.return_prompt == "Say {outputs.result}"
    assert full.agents["worker"].system_prompt == full.prompts["system"]


def test_an_agent_takes_what_a_merge_key_gives_and_its_own_keys_win(full: Procedure) -> None:
    worker, analyst = full.agents["worker"], full.agents["data_analyst"]
    chain = (Filter("TokenBudget", max_tokens=1000), Filter("LimitToolResults", count=2))
    assert worker.filter == Filter("ComposedFilter", chain=chain)
    assert analyst.filter == Filter("StandardFilter")
    assert (analyst.tools, analyst.retries, analyst.retry_delay) == (("search", "inner"), 1, 2.0)


def test_agents_have_their_names_in_lua(full: Procedure) -> None:
    assert full.agents["worker"].lua_names == ("Worker",)
    assert full.agents["data_analyst"].lua_names == ("Data_analyst", "DataAnalyst")


def test_an_inline_procedure_has_its_key_as_name_and_the_outer_version(full: Procedure) -> None:
    inner = full.procedures["inner"]
    assert (inner.name, inner.version, inner.file) == ("inner", "1.0", "full.yaml")
    assert inner.params == {"x": Field("string", line=40)}


def test_lua_knows_the_line_it_begins_on(full: Procedure) -> None:
    lines = FULL.split("\n")
    sources = [full.code, full.guards[0], full.procedures["inner"].code]
    assert full.agents["worker"].prepare is not None
    for source in [*sources, full.agents["worker"].prepare]:
        first = source.text.split("\n")[0]
        assert lines[source.line - 1].endswith(first)
        assert source.padded.split("\n")[source.line - 1] == first


def test_workflow_is_the_older_name_of_code() -> None:
    assert load(HEAD + "workflow: return 1\n", "t.yaml").code == LuaSource("return 1", "t.yaml", 3)


def test_load_raises_with_every_problem_in_the_order_of_the_text() -> None:
    with pytest.raises(DocumentError) as caught:
        load("name: 1\nversion: 2\nstages: [a, a]\n", "t.yaml")
    assert [item.code for item in caught.value.diagnostics] == ["DOC-021", "DOC-022", "DOC-022", "DOC-038"]
    assert "t.yaml:1:7: error DOC-022: `name` must be a string" in str(caught.value)


def test_warnings_do_not_keep_a_document_from_loading() -> None:
    text = HEAD + CODE + "params: {a: {type: string, required: true, default: x}}\n"
    assert only(text).severity == "warning"
    assert load(text, "t.yaml").params["a"].default == "x"


def test_importing_the_package_loads_neither_jsonschema_nor_lupa() -> None:
    code = "import sys, proc_tui.core.document; assert not {'jsonschema', 'lupa'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


STRING, INTEGER, NUMBER, BOOLEAN, LIST, MAP = "a string", "an integer", "a number", "true or false", "a list", "a map"
EXPECTED = {
    **dict.fromkeys(("description", "class", "return_prompt", "error_prompt", "status_prompt", "code"), STRING),
    **dict.fromkeys(("max_depth", "max_turns", "checkpoint_interval"), INTEGER),
    **dict.fromkeys(("guards", "stages", "dependencies.tools", "dependencies.procedures"), LIST),
    **dict.fromkeys(("params", "outputs", "hitl", "dependencies", "prompts", "procedures", "agents"), MAP),
    **dict.fromkeys(("params.x", "outputs.x", "hitl.x", "procedures.x", "agents.x"), MAP),
    "async": BOOLEAN,
    "prompts.x": STRING,
    "params.x.type": STRING,
    "params.x.required": BOOLEAN,
    "params.x.enum": LIST,
    "params.x.description": STRING,
    "outputs.x.type": STRING,
    "outputs.x.required": BOOLEAN,
    "outputs.x.enum": LIST,
    "hitl.x.type": STRING,
    "hitl.approval.message": STRING,
    "hitl.approval.default": BOOLEAN,
    "hitl.approval.timeout": "a number of seconds",
    "hitl.approval.on_timeout": STRING,
    "hitl.approval.confirm": STRING,
    "hitl.approval.approvals": INTEGER,
    "hitl.approval.not_starter": BOOLEAN,
    "hitl.input.default": STRING,
    "hitl.input.placeholder": STRING,
    "hitl.input.multiline": BOOLEAN,
    "hitl.review.default": STRING,
    "hitl.review.options": LIST,
    "hitl.review.artifact_type": STRING,
    "agents.x.system_prompt": STRING,
    "agents.x.initial_message": STRING,
    "agents.x.prepare": STRING,
    "agents.x.tools": LIST,
    "agents.x.filter": "a string or a map",
    "agents.x.response": MAP,
    "agents.x.response.retries": INTEGER,
    "agents.x.response.retry_delay": "a number of seconds",
    "agents.x.max_turns": INTEGER,
    "agents.x.model": STRING,
    "agents.x.temperature": NUMBER,
    "agents.x.max_tokens": INTEGER,
    "agents.x.reasoning_effort": STRING,
}
WRONG = {
    STRING: ["1.5", "true", "[]", "{}", "~", ""],
    INTEGER: ["'1'", "1.5", "true", "[]", ".nan", ""],
    NUMBER: ["'1'", "true", "{}", ".inf"],
    "a number of seconds": ["4h", "true", "[]"],
    BOOLEAN: ["yes", "1", "'true'", "[]"],
    LIST: ["text", "1", "{}", ""],
    MAP: ["text", "1", "[]", ""],
    "a string or a map": ["1", "[]"],
}


@pytest.mark.parametrize(
    ("path", "expected", "wrong"),
    [(path, expected, wrong) for path, expected in EXPECTED.items() for wrong in WRONG[expected]],
)
def test_a_wrong_type_says_what_was_expected_and_where(path: str, expected: str, wrong: str) -> None:
    *outer, key = path.split(".")
    lines = ["name: demo", "version: '1'"]
    for level, name in enumerate(outer):
        lines.append("  " * level + f"{name}:")
    indent = "  " * len(outer)
    if outer[:1] == ["hitl"] and len(outer) == 2 and key != "type":
        lines.append(f"{indent}type: {outer[1]}")
    lines.append(f"{indent}{key}: {wrong}".rstrip())
    matching = [
        item
        for item in examine("\n".join(lines) + "\n", "t.yaml")[1]
        if item.code == "DOC-022" and expected in item.message and f"`{path}`" in item.message
    ]
    assert len(matching) == 1
    assert (matching[0].line, matching[0].column) == (len(lines), len(indent) + (len(key) + 3 if wrong else 1))


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("version: 1.0", '`version` must be a string, not the number 1.0; put it in quotes: "1.0"'),
        ("version: 1.10", 'put it in quotes: "1.10"'),
        ("async: yes", "; write true"),
        ("async: off", "; write false"),
        ("max_turns: '5'", "; remove the quotes"),
        ("return_prompt: {params.x}", "; a text that begins with `{` must be quoted"),
        ("stages: plan", "; a list is written [a, b]"),
        ("params:", "`params` is empty; write a map, or remove the key"),
    ],
)
def test_a_wrong_type_says_how_to_mend_it(text: str, fix: str) -> None:
    assert any(fix in item.message for item in examine(text, "t.yaml")[1])


@pytest.mark.parametrize(
    ("text", "place", "nearest"),
    [
        ("autor: x\nagentz: {}\n", (5, 1), "agents"),
        ("params: {a: {type: string, requird: true}}\n", (4, 28), "required"),
        ("outputs: {a: {type: string, descripton: x}}\n", (4, 29), "description"),
        ("hitl: {a: {type: input, mesage: x}}\n", (4, 25), "message"),
        ("agents: {a: {system_promt: x, system_prompt: y}}\n", (4, 14), "system_prompt"),
        ("agents: {a: {system_prompt: y, response: {retry: 1}}}\n", (4, 43), "retries"),
        ("agents: {a: {system_prompt: y, filter: {class: LastMessages, count: 1, cuont: 1}}}\n", (4, 72), "count"),
        ("dependencies: {tool: []}\n", (4, 16), "tools"),
        ("procedures: {p: {code: return, agentz: {}}}\n", (4, 32), "agents"),
    ],
)
def test_an_unknown_key_names_the_nearest_known_one(text: str, place: tuple[int, int], nearest: str) -> None:
    diagnostic = next(item for item in examine(HEAD + CODE + text, "t.yaml")[1] if (item.line, item.column) == place)
    assert diagnostic.code == "DOC-020"
    assert f'did you mean "{nearest}"?' in diagnostic.message


@pytest.mark.parametrize("key", ["placeholder", "artifact", "options"])
def test_a_point_takes_only_the_options_of_its_type(key: str) -> None:
    assert only(HEAD + CODE + f"hitl: {{a: {{type: approval, {key}: [x]}}}}").code == "DOC-020"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("version: '1'\ncode: return\n", [("DOC-021", 1, 1)]),
        (HEAD, [("DOC-021", 1, 1)]),
        (HEAD + CODE + "workflow: return\n", [("DOC-027", 4, 1)]),
        (HEAD + CODE + "class: Python\n", [("DOC-023", 4, 8)]),
        (HEAD + CODE + "max_turns: 0\n", [("DOC-024", 4, 12)]),
        (HEAD + CODE + "params: {a: {}}\n", [("DOC-021", 4, 10)]),
        (HEAD + CODE + "params: {a: {type: strng}}\n", [("DOC-023", 4, 20)]),
        (HEAD + CODE + "params: {a.b: {type: string}}\n", [("DOC-025", 4, 10)]),
        (HEAD + CODE + "agents: {a-b: {system_prompt: x}}\n", [("DOC-025", 4, 10)]),
        (HEAD + CODE + "params: {a: {type: string, enum: []}}\n", [("DOC-026", 4, 34)]),
        (HEAD + CODE + "procedures: {p: {name: x, code: return}}\n", [("DOC-028", 4, 18)]),
        (HEAD + CODE + "agents: {a: {system_prompt: prompts.x}}\n", [("DOC-030", 4, 29)]),
        (HEAD + CODE + "error_prompt: prompts.a.b\n", [("DOC-030", 4, 15)]),
        (HEAD + CODE + "error_prompt: '{outputs.x}'\n", [("DOC-032", 4, 16)]),
        (HEAD + CODE + "outputs: {a: {type: string}}\nreturn_prompt: '{outputs.x}'\n", [("DOC-033", 5, 17)]),
        (HEAD + CODE + "params: {a: {type: integer, default: 1.5}}\n", [("DOC-034", 4, 38)]),
        (HEAD + CODE + "params: {a: {type: string, default: x, enum: [y]}}\n", [("DOC-035", 4, 37)]),
        (HEAD + CODE + "params: {a: {type: integer, enum: [1, x]}}\n", [("DOC-036", 4, 39)]),
        (HEAD + CODE + "stages: [a, b, a]\n", [("DOC-038", 4, 16)]),
        (HEAD + CODE + "agents: {worker: &a {system_prompt: x}, Worker: *a}\n", [("DOC-039", 4, 41)]),
        (HEAD + CODE + "agents: {a_b: &a {system_prompt: x}, aB: *a}\n", [("DOC-039", 4, 38)]),
        (HEAD + CODE + "agents: {human: {system_prompt: x}}\n", [("DOC-040", 4, 10)]),
        (HEAD + CODE + "agents: {graph_node: {system_prompt: x}}\n", [("DOC-040", 4, 10)]),
        (HEAD + CODE + "hitl: {a: {type: review, options: [yes, no], default: maybe}}\n", [("DOC-041", 4, 55)]),
    ],
)
def test_a_problem_has_its_code_and_place(text: str, expected: list[tuple[str, int, int]]) -> None:
    assert found(text) == expected


def test_a_duplicate_key_shows_both_places() -> None:
    diagnostic = only(HEAD + "code: |\n  return 1\nname: other\n")
    assert (diagnostic.code, diagnostic.line, diagnostic.column) == ("DOC-006", 5, 1)
    assert diagnostic.related == (("`name` is first given here", 1, 1),)


def test_a_template_reference_is_placed_inside_a_block_text() -> None:
    text = (
        HEAD
        + CODE
        + "params: {topic: {type: string}}\nprompts:\n  a: |\n    One {params.topic}\n    two {params.topik}\n"
    )
    diagnostic = only(text)
    assert (diagnostic.code, diagnostic.line, diagnostic.column) == ("DOC-031", 8, 9)
    assert diagnostic.message == '{params.topik}: no parameter "topik" is declared; did you mean "topic"?'


@pytest.mark.parametrize(
    ("prompt", "place"),
    [
        ("error_prompt: see {params.x}\n", (4, 19)),
        ("error_prompt: 'it''s {params.x}'\n", (4, 22)),
        ('error_prompt: "a\\tb {params.x}"\n', (4, 21)),
        ("error_prompt: >-\n  one\n  two {params.x}\n", (6, 7)),
        ("error_prompt: {{params.x}} {params.x}\n".replace(": ", ": a "), (4, 30)),
        ('error_prompt: "\\x7bparams.x}"\n', (4, 15)),
    ],
)
def test_a_template_reference_is_placed_whatever_the_quoting(prompt: str, place: tuple[int, int]) -> None:
    assert found(HEAD + CODE + prompt) == [("DOC-031", *place)]


def test_inline_procedures_see_only_their_own_parameters_and_prompts() -> None:
    text = (
        HEAD
        + CODE
        + "params: {a: {type: string}}\nprompts: {b: x}\nprocedures:\n  p:\n    code: return\n"
        + "    return_prompt: '{params.a}'\n    error_prompt: prompts.b\n"
    )
    assert found(text) == [("DOC-031", 9, 21), ("DOC-030", 10, 19)]


@pytest.mark.parametrize(
    ("lua", "place", "says"),
    [
        ("code: |\n  local x = 1\n  x = = 2\n", (5, 5), "unexpected symbol near '='"),
        ("code: |\n\n\n  x = = 2\n", (6, 5), "unexpected symbol"),
        ("code: |\n  if x then\n    y()\n\n", (5, 5), "'end' expected (to close 'if' at line 4)"),
        ("code: x = ) 2\n", (3, 11), "unexpected symbol"),
        ("guards:\n  - return true\n  - |\n    return tru e\ncode: return\n", (6, 16), "near 'e'"),
        ("agents:\n  a:\n    system_prompt: x\n    prepare: return (\ncode: return\n", (6, 14), "near <eof>"),
        ("procedures:\n  p:\n    code: |\n      x y\ncode: return\n", (6, 9), "near 'y'"),
    ],
)
def test_lua_that_does_not_compile_is_placed_on_its_line(lua: str, place: tuple[int, int], says: str) -> None:
    diagnostic = only(HEAD + lua)
    assert (diagnostic.code, diagnostic.line, diagnostic.column) == ("DOC-050", *place)
    assert says in diagnostic.message


def test_assigning_to_a_loop_variable_says_to_use_a_local_copy() -> None:
    diagnostic = only(HEAD + "code: |\n  for i = 1, 2 do\n    i = 3\n  end\n")
    assert (diagnostic.code, diagnostic.line, diagnostic.column) == ("DOC-051", 5, 5)
    assert "use a local copy: `local i = i`" in diagnostic.message


@pytest.mark.parametrize("code", ["code: >\n  x = 1\n  y = 2\n", 'code: "x = 1\\ny = 2"\n', "code: x = 1\n  y = 2\n"])
def test_lua_whose_lines_cannot_match_is_a_warning(code: str) -> None:
    assert found(HEAD + code) == [("DOC-052", 3, 7)]


def test_windows_line_ends_do_not_move_lua_lines() -> None:
    text = (HEAD + "code: |\n  local x\n  x = = 3\n").replace("\n", "\r\n")
    assert found(text) == [("DOC-050", 5, 5)]


def test_lua_of_lib_is_checked_under_its_own_name() -> None:
    _, diagnostics = examine(HEAD + CODE, "flows/t.yaml", libs={"good": "return 1", "bad": "local x =\n= 1"})
    assert [(item.file, item.line, item.code) for item in diagnostics] == [("flows/lib/bad.lua", 2, "DOC-050")]


def test_old_names_of_values_stay_text() -> None:
    text = HEAD + CODE + "prompts: {on: yes, 1: 'no', d: 2020-01-01, 'true': x}\n"
    assert load(text, "t.yaml").prompts == {"on": "yes", "1": "no", "d": "2020-01-01", "true": "x"}


def test_unknown_namespaces_and_json_stay_literal_text() -> None:
    assert found(HEAD + CODE + "prompts: {a: '{foo.bar} {\"a\": {b}} {params} {{params.nope}}'}\n") == []


def test_a_default_of_null_is_no_default() -> None:
    assert load(HEAD + CODE + "params: {a: {type: string, default: ~}}", "t.yaml").params["a"].default is None


def test_a_text_that_was_taken_before_is_read_again_without_being_judged() -> None:
    text = "name: p\nversion: '1'\nparams: {n: {type: integer, default: 3}}\ncode: |\n  return 1\n"
    assert load_again(text, "p.yaml") == load(text, "p.yaml")
    assert load_again(text + "later_refused: true\n", "p.yaml") == load(text, "p.yaml")


@pytest.mark.parametrize("text", ["a: [", "just text", "name: p\n"])
def test_a_damaged_text_is_a_document_error_when_it_is_read_again(text: str) -> None:
    with pytest.raises(DocumentError):
        load_again(text, "p.yaml")
