"""What the functions of a workspace are described as, and what arguments become."""

from __future__ import annotations

import collections.abc
import dataclasses
import datetime
import decimal
import enum
import functools
import typing
import uuid
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, NewType, NotRequired, Optional, TypedDict, TypeVar, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from proc_tui.core.tools.python_docstrings import documentation
from proc_tui.core.tools.python_functions import Function
from proc_tui.core.tools.python_results import Misfit
from proc_tui.core.tools.python_shapes import Describer
from proc_tui.core.tools.python_values import Undescribable

if typing.TYPE_CHECKING:
    from collections.abc import Callable

    from nowhere import Unknown  # pyright: ignore[reportMissingImports]


class Color(enum.Enum):
    """What it looks like."""

    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Kind(enum.Enum):
    BIG = object()
    SMALL = object()


class Person(TypedDict):
    name: str
    age: NotRequired[int]


@dataclasses.dataclass
class Node:
    """A node of a tree.

    Attributes:
        name: how it is called
    """

    name: str
    color: Color = Color.RED
    children: list[Node] = dataclasses.field(default_factory=list)
    kept: int = dataclasses.field(default=0, init=False)


@dataclasses.dataclass
class Positive:
    number: int

    def __post_init__(self) -> None:
        if self.number < 0:
            raise ValueError("below zero")


class Point(NamedTuple):
    x: float
    y: float = 0.0


class Model:
    """As pydantic's classes."""

    def __init__(self, size: int) -> None:
        self.size = size

    @classmethod
    def model_json_schema(cls) -> dict[str, object]:
        return {"$ref": "#/$defs/Model", "$defs": {"Model": {"type": "object"}}}

    @classmethod
    def model_validate(cls, value: Any) -> Model:
        if "size" not in value:
            raise ValueError("size is missing")
        return cls(value["size"])


UserId = NewType("UserId", int)
T = TypeVar("T")


def schema(annotation: object) -> dict[str, object]:
    return Describer().shape(annotation).schema


def convert(annotation: object, value: object) -> object:
    return Describer().shape(annotation).convert(value, "x")


def parameters(function: Callable[..., object]) -> dict[str, Any]:
    found = Function(function).schema
    Draft202012Validator.check_schema(found)
    return typing.cast("dict[str, Any]", found["properties"])


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (str, {"type": "string"}),
        (int, {"type": "integer"}),
        (float, {"type": "number"}),
        (bool, {"type": "boolean"}),
        (None, {"type": "null"}),
        (Any, {}),
        (object, {}),
        (list, {"type": "array"}),
        (list[int], {"type": "array", "items": {"type": "integer"}}),
        (typing.List[int], {"type": "array", "items": {"type": "integer"}}),  # noqa: UP006
        (collections.abc.Sequence[str], {"type": "array", "items": {"type": "string"}}),
        (set[str], {"type": "array", "items": {"type": "string"}, "uniqueItems": True}),
        (tuple[int, ...], {"type": "array", "items": {"type": "integer"}}),
        (
            tuple[int, str],
            {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "minItems": 2, "maxItems": 2},
        ),
        (dict, {"type": "object", "additionalProperties": True}),
        (dict[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}),
        (collections.abc.Mapping[str, Any], {"type": "object", "additionalProperties": True}),
        (Optional[int], {"anyOf": [{"type": "integer"}, {"type": "null"}]}),  # noqa: UP045
        (int | str, {"anyOf": [{"type": "integer"}, {"type": "string"}]}),
        (Literal["a", "b"], {"type": "string", "enum": ["a", "b"]}),
        (Literal[1, "b", None], {"type": ["integer", "string", "null"], "enum": [1, "b", None]}),
        (Color, {"type": "string", "enum": ["red", "blue"], "description": "What it looks like."}),
        (Level, {"type": "integer", "enum": [1, 2], "description": "1: LOW; 2: HIGH"}),
        (Kind, {"type": "string", "enum": ["BIG", "SMALL"]}),
        (Annotated[int, "how many"], {"type": "integer", "description": "how many"}),
        (UserId, {"type": "integer"}),
        (datetime.datetime, {"type": "string", "format": "date-time"}),
        (datetime.date, {"type": "string", "format": "date"}),
        (uuid.UUID, {"type": "string", "format": "uuid"}),
        (decimal.Decimal, {"type": "string"}),
        (Path, {"type": "string"}),
        (
            Person,
            {
                "type": "object",
                "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
                "required": ["name"],
                "additionalProperties": False,
            },
        ),
        (
            Point,
            {
                "type": "object",
                "properties": {"x": {"type": "number"}, "y": {"type": "number", "default": 0.0}},
                "required": ["x"],
                "additionalProperties": False,
            },
        ),
    ],
    ids=str,
)
def test_an_annotation_has_a_schema(annotation: object, expected: dict[str, object]) -> None:
    Draft202012Validator.check_schema(expected)
    assert schema(annotation) == expected


@pytest.mark.parametrize(
    ("annotation", "value", "expected"),
    [
        (int, 3.0, 3),
        (float, 3, 3.0),
        (int | str, "3", "3"),
        (str | None, None, None),
        (list[int], {}, []),
        (dict[str, int], [], {}),
        (set[int], [1, 2, 1], {1, 2}),
        (frozenset[int], [1], frozenset({1})),
        (tuple[int, str], [1, "a"], (1, "a")),
        (tuple[int, ...], [1, 2], (1, 2)),
        (dict[str, Color], {"a": "red"}, {"a": Color.RED}),
        (Level, 2, Level.HIGH),
        (Kind, "BIG", Kind.BIG),
        (Literal["a", 1], 1, 1),
        (Point, {"x": 1}, Point(1.0)),
        (Person, {"name": "a"}, {"name": "a"}),
        (datetime.datetime, "2030-01-31T12:00:00Z", datetime.datetime(2030, 1, 31, 12, tzinfo=datetime.UTC)),
        (datetime.date, "2030-01-31", datetime.date(2030, 1, 31)),
        (datetime.date | str, "soon", "soon"),
        (decimal.Decimal, "1.10", decimal.Decimal("1.10")),
        (uuid.UUID, "12345678123456781234567812345678", uuid.UUID(int=0x12345678123456781234567812345678)),
        (Path, "a/b", Path("a/b")),
        (Node, {"name": "a", "children": [{"name": "b"}]}, Node("a", Color.RED, [Node("b")])),
        (Any, {"a": [1, None]}, {"a": [1, None]}),
    ],
    ids=str,
)  # fmt: skip
def test_json_becomes_what_is_annotated(annotation: object, value: object, expected: object) -> None:
    found = convert(annotation, value)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("annotation", "value", "message"),
    [
        (int, True, "x: expected an integer, got true"),
        (int, 1.5, "x: expected an integer, got 1.5"),
        (str, None, "x: expected a string, got null"),
        (bool, 1, "x: expected true or false, got 1"),
        (float, "1", 'x: expected a number, got "1"'),
        (list[int], [1, "a"], 'x[1]: expected an integer, got "a"'),
        (dict[str, int], {"a": "b"}, 'x.a: expected an integer, got "b"'),
        (dict[str, int], 1, "x: expected an object, got 1"),
        (tuple[int, int], [1], "x: expected a list of 2, got [1]"),
        (set[Any], [[1]], "x: unhashable type: 'list'"),
        (int | None, "a", 'x: expected an integer, got "a"; or x: expected null, got "a"'),
        (Color, "green", 'x: expected one of "red", "blue", got "green"'),
        (Literal[1], True, "x: expected one of 1, got true"),
        (datetime.date, "soon", 'x: expected a date as 2030-01-31, got "soon"'),
        (Node, {"nam": "a"}, "x.nam is not known; known are name, color, children"),
        (Node, {"name": "a", "children": [{}]}, "x.children[0].name is missing"),
        (Model, {}, "x: size is missing"),
    ],
    ids=str,
)
def test_json_that_does_not_fit_is_a_misfit_with_its_path(annotation: object, value: object, message: str) -> None:
    with pytest.raises(Misfit) as caught:
        convert(annotation, value)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "annotation",
    [bytes, complex, typing.Callable[[], int], T, dict[int, str], type, Literal[b"a"], list[bytes]],
    ids=str,
)
def test_what_no_json_can_give_is_undescribable(annotation: object) -> None:
    with pytest.raises(Undescribable, match=r"has (a|the)"):
        schema(annotation)


def test_a_function_is_described_with_its_docstring_and_defaults() -> None:
    def find(text: str, limit: int = 10, *, since: datetime.date | None = None, color: Color = Color.BLUE, other=None):
        """Find what
        is written.

        More about it.

        Args:
            text (str): what to look for,
                in full
            limit: how many
        """

    found = Function(find)
    assert found.description == "Find what is written."
    assert found.schema == {
        "type": "object",
        "properties": {
            "text": {"type": "string", "description": "what to look for, in full"},
            "limit": {"type": "integer", "description": "how many", "default": 10},
            "since": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}], "default": None},
            "color": {
                "type": "string",
                "enum": ["red", "blue"],
                "description": "What it looks like.",
                "default": "blue",
            },
            "other": {"default": None},
        },
        "required": ["text"],
        "additionalProperties": False,
    }


def test_a_default_of_none_lets_null_in_and_a_default_that_is_not_json_is_not_told() -> None:
    def f(a: int = None, b: float = float("inf"), c: Any = object()): ...  # type: ignore[assignment]  # noqa: B008, RUF013

    assert parameters(f) == {
        "a": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None},
        "b": {"type": "number"},
        "c": {},
    }


def test_a_class_that_contains_itself_is_a_definition() -> None:
    def f(node: Node): ...

    found: Any = Function(f).schema
    Draft202012Validator.check_schema(found)
    assert found["properties"] == {"node": {"$ref": "#/$defs/Node"}}
    node = found["$defs"]["Node"]
    assert node["description"] == "A node of a tree."
    assert node["properties"]["children"] == {"type": "array", "items": {"$ref": "#/$defs/Node"}}
    assert node["properties"]["name"] == {"type": "string", "description": "how it is called"}
    assert node["required"] == ["name"]
    validator = Draft202012Validator(found)
    assert validator.is_valid({"node": {"name": "a", "children": [{"name": "b"}]}})
    assert not validator.is_valid({"node": {"name": "a", "children": [{}]}})


def test_a_model_class_describes_itself() -> None:
    def f(model: Model):
        return model.size

    found = Function(f)
    assert found.schema["$defs"] == {"Model": {"type": "object"}}
    assert found({"model": {"size": 3}}, "") == 3


def test_names_in_quotes_are_looked_up_and_what_is_returned_need_not_be_known() -> None:
    def good(color: Color) -> Unknown: ...

    def bad(color: Unknown): ...

    assert parameters(good)["color"]["enum"] == ["red", "blue"]
    with pytest.raises(Undescribable, match='"color" has the type Unknown: NameError'):
        Function(bad)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda *args: args, r"takes \*args"),
        (lambda **options: options, r"takes \*\*options"),
        (lambda: (yield), "is a generator"),
    ],
)
def test_functions_without_a_fixed_signature_are_undescribable(function: Callable[..., object], message: str) -> None:
    with pytest.raises(Undescribable, match=message):
        Function(function)


def test_a_decorated_function_is_described_by_what_it_wraps() -> None:
    def decorated(function: Callable[..., object]) -> Callable[..., object]:
        @functools.wraps(function)
        def inner(*args: object, **options: object) -> object:
            return ["called", function(*args, **options)]

        return inner

    @decorated
    def add(a: int, b: int = 1) -> int:
        return a + b

    cached = functools.lru_cache(lambda color: color)
    assert list(parameters(add)) == ["a", "b"]
    assert Function(add)({"a": 1}, "") == ["called", 2]
    assert Function(cached)({"color": "x"}, "") == "x"


def test_parameters_without_names_and_with_names_only_are_both_filled() -> None:
    def f(a: int, b: int = 2, /, c: int = 3, *, d: int, idempotency_key: str = "none") -> object:
        return a, b, c, d, idempotency_key

    assert Function(f)({"a": 1, "d": 4}, "k") == (1, 2, 3, 4, "k")


def test_an_error_of_the_functions_own_classes_passes() -> None:
    def f(positive: Positive): ...

    with pytest.raises(ValueError, match="below zero"):
        Function(f)({"positive": {"number": -1}}, "")


def test_a_docstring_may_look_like_anything() -> None:
    assert documentation(None) == ("", {})
    assert documentation("One line.") == ("One line.", {})
    assert documentation("Args:\n  a: first\n\n  b: second\n    more: than that\nReturns:\n  c: no") == (
        "",
        {"a": "first", "b": "second more: than that"},
    )


@given(st.text())
def test_no_docstring_is_too_odd(text: str) -> None:
    first, notes = documentation(text)
    assert "\n" not in first
    assert all(notes)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
KINDS = [str, int, float, bool, list[int], dict[str, str], set[str], Color, Level, Person, Node, Point, int | None,
         Literal["a", 1], tuple[int, str], datetime.date, Positive]  # fmt: skip


@pytest.mark.slow
@given(st.sampled_from(KINDS), JSON)
def test_what_a_schema_refuses_the_conversion_refuses(kind: object, value: object) -> None:
    describer = Describer()
    shape = describer.shape(kind)
    valid = Draft202012Validator({**shape.schema, "$defs": describer.definitions}).is_valid(cast("Any", value))
    try:
        shape.convert(value, "x")
    except (Misfit, ValueError):
        return
    assert valid or value in ([], {}) or kind == set[str]
