"""What a person chose for the interface: theme and keys, from the configuration and what is remembered.

Belongs here: reading and applying it. Never: palettes (`themes/`), what keys there are (`keys.py`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import platformdirs

from ... import themes
from .. import keys
from ..configured import Configured
from .shared import Shared

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..memory import Memory


class Choosing(Shared):
    """The part of the application that knows what was chosen."""

    def __init__(self, folder: Path, memory: Memory, now: Callable[[], float], environment: Mapping[str, str]) -> None:
        super().__init__(folder, memory, now, environment)
        if self.remote:
            self.animation_level = "none"
        self.set_class(self.glyphs.name == "ascii", "-ascii")
        self.problems: list[str] = []
        """What is wrong with what was chosen, to be said once somebody can read it."""
        self._whole_themes: bool = False
        self.configured = Configured(folder)
        self.theme = self._chosen_theme(self.configured.value("theme"), environment)
        self.whole_keymap, problems = keys.keymap(_table(self.configured.own_value("keys")))
        if self.whole_keymap:
            self.set_keymap(self.whole_keymap)
        self.problems += problems

    def load_themes(self) -> None:
        """All themes can be chosen from now on; before, only the one that is shown is read."""
        if not self._whole_themes:
            self._whole_themes = True
            found, problems = themes.load(Path(platformdirs.user_config_dir("proc-tui")) / "themes")
            for theme in found:
                self.register_theme(theme)
            self.problems += problems

    def _chosen_theme(self, said: object, environment: Mapping[str, str]) -> str:
        named = said if isinstance(said, str) else _table(said).get("name")
        for name in (self.memory.now.theme, named):
            if isinstance(name, str) and name and self._has_theme(name):
                return name
        poor = environment.get("TERM") == "linux" or self.console.color_system == "standard"
        name = "proc-16" if poor and not self.is_headless else themes.DEFAULT
        self.register_theme(themes.named(name))
        return name

    def _has_theme(self, name: str) -> bool:
        """Whether there is a theme of a name; it is read then."""
        if name not in self.available_themes:
            self.load_themes()
        return name in self.available_themes

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """As in the base class: our names in Textual's own themes."""
        theme = self.current_theme
        wait, good, bad = theme.warning or "#f0b45c", theme.success or "#8fc073", theme.error or "#ee6a6f"
        quiet = "#8a8f98" if theme.dark else "#666c74"
        front = theme.foreground or ("#e0e0e0" if theme.dark else "#202020")
        back = theme.background or ("#121212" if theme.dark else "#f5f5f5")
        line, cursor = ("#3a3f48", "#2f3844") if theme.dark else ("#c4c8ce", "#cdd8e6")
        return {
            "wait": wait, "good": good, "bad": bad, "quiet": quiet, "strong": front, "line": line, "cursor": cursor,
            "agent": theme.secondary or theme.primary, "string": good, "number": wait, "cursor-blurred": line,
            "added": line, "changed": line, "removed": line, "card": back, "on-wait": back, "on-accent": back,
        }  # fmt: skip


def _table(value: object) -> dict[str, object]:
    return (
        {str(key): item for key, item in cast("dict[object, object]", value).items()} if isinstance(value, dict) else {}
    )
