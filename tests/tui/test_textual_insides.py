"""What we use of Textual's insides and why: a Textual without one of them is noticed here, and not by a person.

Textual is pinned to a minor version for their sake. Whatever is to be used besides has to be listed here.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import pkgutil
import textwrap
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from proc_tui import tui
from textual._compositor import Compositor
from textual.app import App
from textual.drivers import linux_driver
from textual.drivers.linux_driver import LinuxDriver
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import TextArea

if TYPE_CHECKING:
    from types import ModuleType

pytestmark = pytest.mark.slow

USED: dict[tuple[type, str], str] = {
    (App, "_fatal_error"): "a failure that nothing caught is one line and a file of details, not pages of source",
    (App, "_exception"): "which failure that is",
    (App, "_exit_renderables"): "the line, printed when the screen was given back",
    (App, "_close_messages_no_wait"): "the end of the application after it",
    (App, "_return_code"): "whoever started the program hears that it failed",
    (App, "_batch_count"): "nothing can be asked of a terminal that an editor has",
    (App, "_driver"): "sequences of ours are written: the title, the bell, where the cursor is",
    (App, "_notifications"): "the same is not said twice at a time",
    (LinuxDriver, "_writer_thread"): "a writer whose terminal is gone would block the loop for ever",
    (Screen, "_compositor"): "screens compare each layout with the latest one that widgets were told of",
    (Compositor, "_full_map"): "the layout that the next one is compared with",
    (Widget, "_border_subtitle"): "a frame is drawn anew only when it says something else",
    (Widget, "_clear_arrangement_cache"): "panes that changed places are laid out anew",
    (Widget, "_get_style"): "a row is drawn without a widget of its own",
    (Widget, "_scroll_update"): "a list that became longer has its scroll bar without a layout of the screen",
    (TextArea, "_on_key"): "enter sends what is typed, and no handler of the base class may see it before",
    (TextArea, "_on_paste"): "a word that confirms is typed, not pasted",
}
"""Where it is, and what it is for."""


@cache
def names_of(cls: type) -> frozenset[str]:
    """The private names that a class itself defines, or sets on `self`."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    found: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                found.add(node.name)
            case ast.Attribute(value=ast.Name(id="self"), ctx=ast.Store()):
                found.add(node.attr)
            case ast.AnnAssign(target=ast.Name(id=name)):
                found.add(name)
            case _:
                pass
    return frozenset(name for name in found if name.startswith("_") and not name.endswith("__"))


def of_textual(cls: type) -> bool:
    return cls.__module__.partition(".")[0] == "textual"


def modules() -> list[ModuleType]:
    """All modules of the interface."""
    names = (info.name for info in pkgutil.walk_packages(tui.__path__, f"{tui.__name__}."))
    return [importlib.import_module(name) for name in names]


def reached(module: ModuleType) -> set[str]:
    """The private names that a module reaches for, on whatever."""
    tree = ast.parse(Path(module.__file__ or "").read_text())
    found = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return {name for name in found if name.startswith("_") and not name.endswith("__")}


@pytest.mark.parametrize(("cls", "name"), USED, ids=lambda one: getattr(one, "__name__", one))
def test_textual_has_it_still(cls: type, name: str) -> None:
    known = frozenset[str]().union(*(names_of(base) for base in cls.__mro__ if of_textual(base)))
    assert name in known, f"this Textual has no {cls.__name__}.{name}, which we use: {USED[cls, name]}"


def test_the_driver_reads_bytes_by_the_decoder_that_we_replace() -> None:
    text = inspect.getsource(LinuxDriver.run_input_thread)
    assert "getincrementaldecoder(" in text, "ForgivingDriver replaces it in textual.drivers.linux_driver"
    assert hasattr(linux_driver, "getincrementaldecoder")


def test_nothing_else_of_it_is_used() -> None:
    """Neither called, nor replaced, nor by accident: a name of ours that Textual has, too."""
    listed = {name for _, name in USED}
    own: set[str] = set()
    wanted: dict[str, str] = {}
    for module in modules():
        classes = [one for one in vars(module).values() if inspect.isclass(one) and one.__module__ == module.__name__]
        own |= {name for name in vars(module) if name.startswith("_")}
        for cls in classes:
            theirs = frozenset[str]().union(*(names_of(base) for base in cls.__mro__ if of_textual(base)))
            own |= names_of(cls) - theirs
            wanted |= dict.fromkeys(names_of(cls) & theirs, f"{module.__name__}.{cls.__name__}")
    for module in modules():
        wanted |= dict.fromkeys(reached(module) - own, module.__name__)
    unknown = {name: where for name, where in wanted.items() if name not in listed and not hasattr(os, name)}
    assert unknown == {}, "these belong to Textual: do without them, or list them here with the reason"
    assert listed <= set(wanted).union(*map(reached, modules())), "what is listed is used"
