"""The registry of primitives: what is declared, how calls are checked, and that every primitive is tested."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from proc_tui.core.document.procedure import PRIMITIVES
from proc_tui.core.errors import PrimitiveError
from proc_tui.core.primitives import REGISTRY
from proc_tui.core.primitives.registry import Form, Kind, Method
from proc_tui.core.testing import play

PUBLIC = [method for method in REGISTRY.methods if not method.serves]
BY_TITLE = [pytest.param(method, id=method.title) for method in PUBLIC]


def test_every_primitive_has_tests_of_success_each_option_an_error_and_a_replay() -> None:
    covered: set[tuple[str, str]] = set()
    for file in Path(__file__).parent.glob("test_*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "covers":
                title, *kinds = [item.value for item in node.args if isinstance(item, ast.Constant)]
                covered |= {(str(title), str(kind)) for kind in kinds}
    wanted = {
        (method.title, kind)
        for method in PUBLIC
        for kind in (
            "success",
            "error",
            "replay",
            *(f"option {item.name}" for item in method.parameters if not item.required),
        )
    }
    assert sorted(wanted - covered) == []
    assert sorted(covered - wanted) == [], "marks of what does not exist"


def test_the_names_that_documents_keep_from_agents_are_the_registrys_families() -> None:
    families = {method.family or method.name for method in PUBLIC} - {"node"}
    assert PRIMITIVES - families == {"_G", "_ENV", "_VERSION"}
    assert families - PRIMITIVES == {"Worker"}, "which stands for every agent"


def test_lua_has_exactly_the_declared_primitives() -> None:
    played = play("""
        local lua = {string = 1, table = 1, math = 1, utf8 = 1, coroutine = 1, os = 1, _G = 1}
        local found = {}
        for name, value in pairs(_G) do
          if type(value) == "table" and not lua[name] and name ~= "params" then
            for method in pairs(value) do found[#found + 1] = name .. "." .. method end
          end
        end
        for name in pairs(GraphNode.create("x")) do assert(name == "id" or name == "content" or name == "status") end
        table.sort(found)
        return found
    """)
    declared = {method.title for method in PUBLIC if method.family not in ("", "node", "Tools", "Worker")}
    assert isinstance(played.result, list)
    assert set(map(str, played.result)) - declared == {"Json.null"}
    assert declared - set(map(str, played.result)) == set()


@pytest.mark.parametrize("method", BY_TITLE)
def test_every_primitive_and_argument_is_described(method: Method) -> None:
    assert method.doc.endswith("."), method.doc
    assert "Args" not in method.doc
    for item in method.parameters:
        assert item.doc or (method.family == "node" and item.name == "node"), item.name
    if method.kind is Kind.QUERY:
        assert method.returns


@pytest.mark.parametrize("method", BY_TITLE)
def test_operations_have_checkpoints_of_their_own(method: Method) -> None:
    if method.kind is Kind.OPERATION and not method.in_lua:
        same = [
            other.title
            for other in PUBLIC
            if (other.checkpoint, other.kind, other.in_lua) == (method.checkpoint, Kind.OPERATION, False)
        ]
        assert same == [method.title]
        assert "#" not in method.checkpoint


@pytest.mark.parametrize("method", BY_TITLE)
def test_a_missing_argument_is_named_with_what_it_must_be(method: Method) -> None:
    required = [item for item in method.parameters if item.required]
    if required and not method.in_lua:
        with pytest.raises(PrimitiveError) as raised:
            method.bind({})
        assert str(raised.value) == f'{method.title}: "{required[0].name}" is missing ({required[0].type})'


@pytest.mark.parametrize("method", BY_TITLE)
def test_an_unknown_option_is_named_with_the_nearest_known_one(method: Method) -> None:
    if method.form in (Form.OPTIONS, Form.POINT, Form.EITHER):
        name = method.names[0]
        with pytest.raises(PrimitiveError) as raised:
            method.bind(method.named(({name[:-1]: 1},)))
        message = str(raised.value)
        assert message.startswith(f'{method.title}: unknown option "{name[:-1]}"; did you mean "{name}"? (options: ')
        assert all(known in message for known in method.names)


@pytest.mark.parametrize("method", BY_TITLE)
def test_too_many_arguments_are_refused(method: Method) -> None:
    with pytest.raises(PrimitiveError, match=f"{method.title} takes"):
        method.named(tuple(["x"] * (len(method.names) + 3)))


def test_arguments_that_are_nil_are_not_too_many() -> None:
    played = play('return State.get("a", "d", nil, nil)')
    assert played.result == "d"


def test_an_argument_that_is_nil_is_one_that_was_left_out() -> None:
    played = play(
        'return {Human.approve{message = "?", timeout = nil}, Stage.advance(nil)}', answers=[True], stages=["a"]
    )
    assert played.result == [True, "a"]
