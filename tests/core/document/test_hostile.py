"""No text, however made, gives anything but a procedure or diagnostics, and none takes long."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from proc_tui.core.document import CODES, Procedure, examine, load
from proc_tui.core.errors import DocumentError

from .test_loader import CODE, FULL, HEAD

if TYPE_CHECKING:
    from collections.abc import Mapping

FEW = settings(max_examples=60, deadline=None)


def judge(text: bytes | str, libs: Mapping[str, str] | None = None) -> list[str]:
    """The codes of a text, after checking that all that `examine` and `load` promise holds for it."""
    procedure, diagnostics = examine(text, "t.yaml", libs=libs)
    codes = [item.code for item in diagnostics]
    assert "DOC-099" not in codes, [str(item) for item in diagnostics]
    decoded = text.decode(errors="replace") if isinstance(text, bytes) else text
    lines = decoded.count("\n") + decoded.count("\r") + 1
    for item in diagnostics:
        assert item.severity == CODES[item.code][0]
        assert item.message
        assert item.column >= 1
        assert 1 <= item.line <= lines or item.file != "t.yaml"
    failed = any(item.severity == "error" for item in diagnostics)
    assert failed == (procedure is None)
    if failed:
        with pytest.raises(DocumentError):
            load(text, "t.yaml", libs=libs)
    else:
        assert isinstance(load(text, "t.yaml", libs=libs), Procedure)
    return codes


@FEW
@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    judge(data)


@FEW
@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    judge(text)


@FEW
@given(st.text(alphabet=" \t\n-:?,[]{}#&*!|>'\"%@`<ab1.~", max_size=80))
def test_any_text_of_yamls_own_characters(text: str) -> None:
    judge(text)
    judge(HEAD + CODE + "prompts:\n  a: " + text)


@FEW
@given(st.integers(0, len(FULL)), st.integers(0, 30), st.text(alphabet=" \t\n-:[]{}&*!|>'\"\x00é\u2028ab1", max_size=6))
def test_any_edit_of_a_valid_document(start: int, length: int, new: str) -> None:
    judge(FULL[:start] + new + FULL[start + length :])


@FEW
@given(st.lists(st.integers(0, FULL.count("\n")), max_size=6))
def test_a_valid_document_with_lines_left_out(left_out: list[int]) -> None:
    judge("\n".join(line for number, line in enumerate(FULL.split("\n")) if number not in left_out))


PLAIN = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=6))
KEYS = st.one_of(
    st.sampled_from(["type", "default", "enum", "class", "code", "chain", "filter", "x"]), st.text(max_size=4)
)
TREES = st.recursive(
    PLAIN,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=10,
)
TOP = ["params", "outputs", "hitl", "agents", "prompts", "procedures", "stages", "guards", "dependencies", "async"]


@FEW
@given(st.dictionaries(st.sampled_from([*TOP, "code", "max_turns", "return_prompt"]), TREES, max_size=4))
def test_any_tree_under_known_keys(tree: dict[str, object]) -> None:
    document = {"name": "demo", "version": "1", "code": "return", **tree}
    judge(yaml.safe_dump(document, allow_unicode=True, sort_keys=False))


TYPES = st.sampled_from(["string", "number", "integer", "boolean", "array", "object"])


@FEW
@given(TYPES, TREES, st.lists(TREES, min_size=1, max_size=3))
def test_any_default_and_enum_of_a_declared_type(kind: str, default: object, enum: list[object]) -> None:
    field = {"type": kind, "default": default, "enum": enum}
    codes = judge(yaml.safe_dump({"name": "a", "version": "1", "code": "return", "params": {"x": field}}))
    assert set(codes) <= {"DOC-003", "DOC-034", "DOC-035", "DOC-036"}


@FEW
@given(st.text(max_size=60))
def test_any_lua(lua: str) -> None:
    judge(yaml.safe_dump({"name": "a", "version": "1", "code": lua or "return"}, allow_unicode=True))
    judge(HEAD + CODE, libs={"x": lua})


NINE = ",".join(["*{0}"] * 9)
BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{NINE.format(before)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (BOMB, "DOC-008"),
        (BOMB.replace("[", "{k: [").replace("]", "]}"), "DOC-008"),
        ("a: &a " + "x" * 3_000_000 + "\nb: [*a, *a, *a, *a]\n", "DOC-008"),
        ("a: &a\n  b: *a\n", "DOC-007"),
        ("a: &a\n  <<: *a\n", "DOC-007"),
        ("a: " + "[" * 100_000, "DOC-009"),
        ("{a: " * 100_000, "DOC-009"),
        ("- " * 100_000, "DOC-009"),
        ("? " * 100_000, "DOC-009"),
        ("\n".join(" " * level + "a:" for level in range(1000)), "DOC-009"),
        (b"x" * 10_000_000, "DOC-002"),
        ("é" * 2_500_000, "DOC-002"),
        (b"\x00" * 4_000_000, "DOC-003"),
        ("!!python/object/apply:os.system ['true']\n", "DOC-012"),
    ],
    ids=range(14),
)
def test_a_text_made_to_exhaust_the_reader_is_refused_at_once(text: bytes | str, code: str) -> None:
    begin = time.perf_counter()
    assert code in [item.code for item in examine(text, "t.yaml")[1]]
    assert time.perf_counter() - begin < 2


def test_an_alias_bomb_is_one_error() -> None:
    assert judge(BOMB) == ["DOC-008"]


def test_thousands_of_problems_are_cut_off_with_a_note() -> None:
    codes = judge("".join(f"k{number}: 1\n" for number in range(3000)))
    assert len(codes) == 501
    assert codes[-1] == "DOC-098"


@pytest.mark.parametrize("reference", ["{params.x}", "{params.x%d}"])
def test_thousands_of_references_take_no_quadratic_time(reference: str) -> None:
    text = "".join(reference.replace("%d", str(number)) for number in range(20_000))
    begin = time.perf_counter()
    judge(HEAD + CODE + f"prompts: {{a: '{text}'}}\n")
    assert time.perf_counter() - begin < 5


def test_procedures_nest_as_deep_as_the_file_may() -> None:
    text, indent = HEAD, ""
    for _ in range(28):
        text += f"{indent}code: return\n{indent}procedures:\n{indent}  p:\n"
        indent += "    "
    assert judge(text + indent + "code: return\n") == []
    assert judge(text + indent + "cod: return\n") == ["DOC-021", "DOC-020"]


def test_filters_nest_as_deep_as_the_file_may() -> None:
    chain = "{class: TokenBudget, max_tokens: x}"
    for _ in range(27):
        chain = f"{{class: ComposedFilter, chain: [{chain}]}}"
    assert judge(HEAD + CODE + f"agents: {{a: {{system_prompt: x, filter: {chain}}}}}\n") == ["DOC-022"]


@pytest.mark.parametrize("lua", ["return " + "(" * 200_000, "x = '" + "y" * 1_000_000, "\x1bLua", "#!/bin/lua"])
def test_lua_made_to_exhaust_the_compiler_is_a_diagnostic(lua: str) -> None:
    assert judge(HEAD + CODE, libs={"x": lua}) == ["DOC-050"]


def test_a_default_may_be_as_deep_as_the_file() -> None:
    deep = "[" * 57 + "]" * 57
    assert judge(HEAD + CODE + f"params: {{a: {{type: array, default: {deep}}}}}\n") == []
    assert judge(HEAD + CODE + f"params: {{a: {{type: array, default: [{deep}]}}}}\n") == ["DOC-009"]
