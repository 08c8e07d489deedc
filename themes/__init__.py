"""The palettes: one TOML file each, here and in the user's own folder.

A palette names colours by what they mean; the interface uses only these names. Belongs here: palettes and reading them.
Never: which part of the screen has which meaning.

| colour | means |
|---|---|
| `background`, `surface`, `panel` | the screen, raised parts, the bars at the top and bottom |
| `foreground`, `quiet`, `strong` | text, what matters less, what matters more |
| `accent` | where the focus is, keys, what runs |
| `wait`, `good`, `bad` | waits for a person, went well, went wrong |
| `agent`, `string`, `number` | what a model said; strings and numbers among values |
| `line` | borders |
| `cursor`, `cursor_blurred` | behind the selected row, with and without the focus |
| `added`, `changed`, `removed`, `card` | behind rows that changed; behind a request |
| `on_wait`, `on_accent` | text on these colours |
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from textual.theme import Theme


@dataclass(frozen=True)
class Palette:
    """The colours of a theme, each as `#rrggbb` or `ansi_NAME`."""

    background: str
    surface: str
    panel: str
    foreground: str
    quiet: str
    strong: str
    accent: str
    wait: str
    good: str
    bad: str
    agent: str
    string: str
    number: str
    line: str
    cursor: str
    cursor_blurred: str
    added: str
    changed: str
    removed: str
    card: str
    on_wait: str
    on_accent: str


NAMES = tuple(field.name for field in fields(Palette))
DEFAULT = "proc-dark"
_COLOUR = re.compile("#[0-9a-fA-F]{6}|ansi_(?:default|(?:bright_)?(?:black|red|green|yellow|blue|magenta|cyan|white))")


def load(folder: Path | None = None) -> tuple[list[Theme], list[str]]:
    """The themes that come with the program and those in a folder, and what is wrong with files there."""
    found: list[Theme] = []
    problems: list[str] = []
    own = sorted(Path(__file__).parent.glob("*.toml"))
    others = sorted(folder.glob("*.toml")) if folder is not None and folder.is_dir() else []
    for file in (*own, *others):
        try:
            found.append(read(file))
        except (OSError, ValueError) as error:
            problems.append(f"{file}: {error}")
    return found, problems


def named(name: str) -> Theme:
    """A theme that comes with the program. Raises `OSError` and `ValueError` as `read` does."""
    return read(Path(__file__).with_name(f"{name.replace('-', '_')}.toml"))


def read(file: Path) -> Theme:
    """The theme of a file. Raises `OSError`, and `ValueError` that says what is wrong."""
    table = tomllib.loads(file.read_text(encoding="utf-8"))
    if not isinstance(table.get("colors"), dict):
        raise ValueError("it has no table [colors]")
    colours = {str(key): str(value) for key, value in cast("dict[object, object]", table["colors"]).items()}
    missing, unknown = [name for name in NAMES if name not in colours], [key for key in colours if key not in NAMES]
    if missing or unknown:
        raise ValueError(
            "; ".join([*(f"{name} is missing" for name in missing), *(f"unknown: {key}" for key in unknown)])
        )
    wrong = [f"{name} is no colour" for name in NAMES if not _COLOUR.fullmatch(colours[name])]
    if wrong:
        raise ValueError("; ".join(wrong))
    return theme(str(table.get("name", file.stem)), Palette(**colours), dark=bool(table.get("dark", True)))


def theme(name: str, palette: Palette, *, dark: bool) -> Theme:
    """A palette as Textual has it."""
    from textual.theme import BUILTIN_THEMES, Theme  # noqa: PLC0415 - the palettes themselves need no Textual

    ansi = palette.background.startswith("ansi_")
    # Textual's own styles use variables of these themes where a theme is of the terminal's colours.
    basis = BUILTIN_THEMES["ansi-dark" if dark else "ansi-light"].variables if ansi else {}
    return Theme(
        name=name, dark=dark, ansi=ansi, primary=palette.accent,
        secondary=palette.agent, accent=palette.accent, warning=palette.wait, error=palette.bad, success=palette.good,
        foreground=palette.foreground, background=palette.background, surface=palette.surface, panel=palette.panel,
        variables={**basis, **variables(palette)},
    )  # fmt: skip


def variables(palette: Palette) -> dict[str, str]:
    """The theme variables that styles use: `$wait`, `$cursor-blurred`, ..., and Textual's own in the same mood."""
    own = {name.replace("_", "-"): getattr(palette, name) for name in NAMES if name not in _TEXTUAL}
    return {
        **own,
        "border": palette.accent, "border-blurred": palette.line,
        "block-cursor-background": palette.cursor, "block-cursor-foreground": palette.strong,
        "block-cursor-text-style": "bold",
        "block-cursor-blurred-background": palette.cursor_blurred,
        "block-cursor-blurred-foreground": palette.foreground,
        "input-cursor-background": palette.foreground, "input-cursor-foreground": palette.background,
        "input-selection-background": palette.cursor, "input-selection-foreground": palette.strong,
        "scrollbar": palette.line, "scrollbar-hover": palette.quiet, "scrollbar-active": palette.accent,
        "scrollbar-background": palette.background, "scrollbar-background-hover": palette.background,
        "scrollbar-background-active": palette.background, "scrollbar-corner-color": palette.background,
        "footer-background": palette.panel, "footer-foreground": palette.quiet, "footer-key-foreground": palette.accent,
    }  # fmt: skip


_TEXTUAL = ("background", "surface", "panel", "foreground", "accent")
"""What Textual's themes have fields of their own for."""
