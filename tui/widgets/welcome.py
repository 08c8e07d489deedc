"""What an empty workspace shows: its procedures, and the keys to start one, write one, or see the demo."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from textual.containers import Container
from textual.content import Content
from textual.widgets import Static

from .. import keys
from ..screen_safety import safe_line
from ..words import several
from .lines import Lines

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from ..app import ProcTui
    from ..live.workspace import WorkspaceView


class Welcome(Container):
    """An empty workspace."""

    DEFAULT_CSS = """
    Welcome { layout: vertical; width: 1fr; height: 1fr; padding: 1 3; }
    Welcome Static { height: auto; width: 1fr; }
    Welcome #procedures { height: auto; max-height: 60%; margin: 1 0; border: none; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._head: Static = Static("", markup=False)
        self._list: Procedures = Procedures()
        self._keys: Static = Static("", markup=False)

    def compose(self) -> ComposeResult:
        """As in the base class."""
        yield self._head
        yield self._list
        yield self._keys

    def show(self, view: WorkspaceView) -> None:
        """Shows what there is to start."""
        what = several(len(view.procedures), "procedure") if view.procedures else "no procedures yet"
        self._head.update(
            Content.assemble(
                ("Nothing was run here yet.", "b $strong"),
                "\n\n",
                safe_line(_at_home(view.folder)),
                f" has {what}{':' if view.procedures else '.'}",
                "" if view.procedures else "\n",
            )
        )
        self._list.names = list(view.procedures)
        self._list.styles.height = max(1, min(16, len(view.procedures)))
        self._list.display = bool(view.procedures)
        self._list.update()
        rows: list[tuple[str, str]] = [("enter", "start the one that is selected")] if view.procedures else []
        rows += [("+", "write a new one from a template, or start one"), (":", "all commands"), ("?", "help")]
        parts: list[Content | str | tuple[str, str]] = []
        for key, text in rows:
            parts += [(f"{key:>7}", "b $accent"), f"  {text}\n"]
        parts += [
            "\n",
            ("proc-tui demo", "b $accent"),
            ("  shows examples at work, offline, in a folder of its own", "$quiet"),
        ]
        self._keys.update(Content.assemble(*parts))

    def take_focus(self) -> None:
        """To the procedures."""
        if self._list.display:
            self._list.focus()


class Procedures(Lines):
    """The procedures of the workspace."""

    LAYER: ClassVar[str] = "welcome"
    BINDINGS = keys.bindings("welcome")

    def __init__(self) -> None:
        super().__init__(id="procedures")
        self.names: list[str] = []

    def total(self) -> int:
        """As in the base class."""
        return len(self.names)

    def row(self, index: int, width: int) -> Content:
        """As in the base class."""
        return Content.assemble(
            (f" {self.glyphs.here if index == self.cursor else ' '} ", "$accent"), safe_line(self.names[index])
        )

    def action_new(self) -> None:
        """Starts or writes one."""
        cast("ProcTui", self.app).start_form(None)

    def action_open(self) -> None:
        """Starts it."""
        if self.names and self.screen.has_class("-empty"):
            cast("ProcTui", self.app).start_form(self.names[self.cursor])


def _at_home(folder: str) -> str:
    """A folder as people write it: below their own as `~/...`."""
    home = Path.home()
    path = Path(folder)
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) and path != home else folder
