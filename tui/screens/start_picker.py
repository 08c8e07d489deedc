"""Which procedure to start, or which template to begin a new one from.

Belongs here: the list. Never: the form of a procedure (`start.py`), writing procedures (`editor.py`, `templates.py`).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .picking import Choice, PickDialog

if TYPE_CHECKING:
    from pathlib import Path

NEW = "new "


class StartPicker(PickDialog):
    """Which procedure to start, or which template to begin a new one from."""

    def __init__(self) -> None:
        super().__init__(
            "Start a run, or write a procedure", [], typing=True, placeholder="a procedure; “new” writes one"
        )

    def on_mount(self) -> None:
        """Lists the procedures at once, and what they are for when that has been read."""
        super().on_mount()
        found = sorted(self.proc.operator.procedures().items())
        self._fill(dict.fromkeys((name for name, _ in found), ""))
        self.run_worker(self._describe([(name, path) for name, path in found]), exit_on_error=False, group="read")

    async def _describe(self, found: list[tuple[str, Path]]) -> None:
        self._fill(await asyncio.to_thread(lambda: {name: _description(path) for name, path in found}))

    def _fill(self, described: dict[str, str]) -> None:
        from ..templates import TEMPLATES, TITLES

        choices = [Choice(name, name, about, "Start") for name, about in described.items()]
        choices += [
            Choice(f"{NEW}{name}", f"New: {title}", TEMPLATES[name][1], "Write") for name, title in TITLES.items()
        ]
        self._list.offer(choices)

    def action_choose(self) -> None:
        """Opens the form, or writes a procedure."""
        picked, proc = self._list.picked, self.proc
        if picked is None:
            return
        self.dismiss(None)
        if picked.group == "Start":
            proc.call_later(proc.start_form, picked.key)
        else:
            proc.call_later(proc.new_procedure, picked.key.removeprefix(NEW))


def _description(path: Path) -> str:
    """The description of a procedure, from the first lines of its file: nothing is parsed for a list."""
    try:
        with path.open(encoding="utf-8", errors="replace") as stream:
            head = stream.read(4096)
    except OSError:
        return ""
    line = next((line for line in head.splitlines() if line.startswith("description:")), "")
    return line.partition(":")[2].strip().strip("\"'>|")
