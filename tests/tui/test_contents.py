"""Contents of Textual compare by their text alone: what holds them compares as itself, so that no colour is lost."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from proc_tui import tui
from textual.content import Content
from textual.widget import Widget

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

pytestmark = pytest.mark.slow


def modules() -> list[ModuleType]:
    """All modules of the interface."""
    names = (info.name for info in pkgutil.walk_packages(tui.__path__, f"{tui.__name__}."))
    return [importlib.import_module(name) for name in names]


def classes() -> Iterator[type]:
    for module in modules():
        for one in vars(module).values():
            if inspect.isclass(one) and one.__module__ == module.__name__:
                yield one


def compares(cls: type) -> bool:
    """Whether equal fields make equal values."""
    return bool(cls.__struct_config__.eq)  # pyright: ignore[reportAttributeAccessIssue] - of structs


def test_contents_compare_by_their_text_alone() -> None:
    assert Content("a") == Content.styled("a", "red"), "else all of this is not needed any more"
    assert not Content("a").is_same(Content.styled("a", "red"))


def test_what_holds_contents_is_equal_to_itself_alone() -> None:
    structs = [cls for cls in classes() if issubclass(cls, msgspec.Struct)]
    holders = [cls for cls in structs if mentions(cls, "Content")]
    assert holders, "there are such structs"
    assert [cls.__qualname__ for cls in holders if compares(cls)] == [], "these need eq=False"


def mentions(cls: type, name: str) -> bool:
    """Whether a type is in the annotation of a field, as data and not as what a function takes."""
    words = (str(text) for text in inspect.get_annotations(cls).values())
    return any(name in split(text) for text in words if not text.startswith("Callable"))


def split(text: str) -> set[str]:
    return set("".join(sign if sign.isalnum() or sign in "_." else " " for sign in text).split())


def test_no_reactive_holds_a_content() -> None:
    for cls in classes():
        if issubclass(cls, Widget):
            hints: dict[str, Any] = inspect.get_annotations(cls)
            found = [name for name, hint in hints.items() if "reactive" in str(hint) and "Content" in str(hint)]
            assert found == [], f"{cls.__qualname__}: a reactive of another colour is no change"
