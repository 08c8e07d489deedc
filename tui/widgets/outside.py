"""An artifact in the person's editor, and back."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ..editor import edit

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..app import ProcTui


def edit_outside(proc: ProcTui, text: str, suffix: str, then: Callable[[str], None]) -> None:
    """Opens a text in the editor; `then` is given what was saved, or the same text when that cannot be read."""

    async def editing() -> None:
        with tempfile.TemporaryDirectory(prefix="proc-tui-") as folder:
            file = Path(folder) / f"artifact{suffix}"
            file.write_text(text, encoding="utf-8")
            done = await edit(proc, file)
            try:
                after = file.read_text(encoding="utf-8") if done else text
            except (OSError, UnicodeDecodeError) as error:
                proc.say(f"the edited artifact cannot be read: {error}", "error")
                after = text
        then(after)

    proc.run_worker(editing(), exit_on_error=False, group="editor", name="editor")
