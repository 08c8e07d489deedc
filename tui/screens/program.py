"""What the palette does about the program itself: its settings, and a picture of the screen.

Belongs here: reading and showing. Never: changing a setting, which the configuration file is for.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from .value import ValueScreen

if TYPE_CHECKING:
    from ..app import ProcTui


def show_settings(proc: ProcTui) -> None:
    """Every setting with its value and where it comes from, and the files that say so."""

    def read() -> str:
        from ...core.model import settings
        from ..commands.config import shown
        from ..readable import brief

        folder = proc.operator.workspace
        files = [f"{file}{'' if file.exists() else '  (not there)'}" for file in settings.config_files(folder)]
        rows = [(item.key, brief(shown(item.key, item.value)), item.origin) for item in settings.explain(folder)]  # pyright: ignore[reportArgumentType] - TOML data
        width = max((len(key) for key, _, _ in rows), default=0)
        lines = [f"{key:<{width}}  {value}  ({origin})" for key, value, origin in rows]
        return "\n".join(["files, the stronger one last:", *(f"  {file}" for file in files), "", *lines])

    proc.act(read, lambda text: proc.push_screen(ValueScreen("settings in effect", text)) and None)


def save_picture(proc: ProcTui) -> None:
    """Writes what is on the screen as SVG into the folder from which the program was started."""
    svg = proc.export_screenshot(title="proc-tui")
    file = Path.cwd() / f"proc-tui-{datetime.fromtimestamp(proc.now()):%Y%m%d-%H%M%S}.svg"
    try:
        file.write_text(svg, encoding="utf-8")
    except OSError as error:
        proc.say(f"the picture could not be written: {error}", "error")
    else:
        proc.say(f"the screen is in {file}")
