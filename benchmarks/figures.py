"""What a case measures, and how figures are shown.

Belongs here: the figure, its ratio and its aim, the table. Never: measuring.
"""

from __future__ import annotations

import gc
import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from proc_tui.tui.cli import GC_THRESHOLDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

FAMILIES = (
    "steps", "replay", "answers", "waiting", "logs", "sleeps", "startup", "sandbox", "windows", "turns",
    "interface",
)  # fmt: skip
"""The cases by the name they are chosen with; each is a module here whose `measure` yields figures."""


@dataclass(frozen=True)
class Figure:
    """One measured number beside its yardstick and its aim."""

    case: str
    measured: float
    unit: str
    """`s` (seconds), `B` (bytes), `B/s`, `%`, `x` (a ratio by itself) or empty (a count)."""
    raw: float | None = None
    """The same unit of work done by plain means, in the same unit."""
    yardstick: str = ""
    """What `raw` is, as README.md calls it: `FULL`, `NORMAL`, `python`, `minimal` or `small`."""
    aim: float | None = None
    relative: bool = False
    """Whether the aim is a ratio to `raw`; else it is in `unit`."""
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times the raw work this costs."""
        return None if not self.raw else self.measured / self.raw

    @property
    def met(self) -> bool | None:
        """Whether the aim is met; None without one."""
        if self.aim is None:
            return None
        value = self.ratio if self.relative else self.measured
        return value is not None and value <= self.aim


HEADER = ("case", "measured", "raw", "ratio", "aim", "met")


def row(figure: Figure) -> tuple[str, ...]:
    """The figure as the cells under `HEADER`."""
    ratio = figure.ratio
    aim = "" if figure.aim is None else f"{figure.aim:g}x raw" if figure.relative else shown(figure.aim, figure.unit)
    return (
        figure.case + (f" ({figure.note})" if figure.note else ""),
        shown(figure.measured, figure.unit),
        "" if figure.raw is None else f"{shown(figure.raw, figure.unit)} {figure.yardstick}",
        "" if ratio is None else f"{ratio:.3g}x" if ratio < 100 else f"{ratio:,.0f}x",
        aim,
        {True: "yes", False: "NO", None: ""}[figure.met],
    )


def shown(value: float, unit: str) -> str:
    """A number with a unit that suits its size."""
    if unit == "s":
        for scale, name in ((1.0, "s"), (1e-3, "ms"), (1e-6, "us")):
            if abs(value) >= scale:
                return f"{value / scale:.3g} {name}"
        return f"{value / 1e-9:.3g} ns"
    if unit == "B/s":
        return f"{shown(value, 'B')}/s"
    if unit == "B":
        for scale, name in ((2**20, "MB"), (2**10, "KB")):
            if abs(value) >= scale:
                return f"{value / scale:.3g} {name}"
        return f"{value:.0f} B"
    return f"{value:,.3g}{unit}" if unit in ("%", "x") else f"{value:,.0f}"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows as a Markdown table that can also be read as it is."""
    widths = [max(len(cells[column]) for cells in (HEADER, *rows)) for column in range(len(HEADER))]

    def line(cells: Iterable[str]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"

    return "\n".join([line(HEADER), line("-" * width for width in widths), *map(line, rows)])


def measure(family: str, quick: bool) -> list[Figure]:
    """The figures of one family; called in a process of its own, so that no case feels another's memory.

    The process is set up as the program's own is.
    """
    gc.set_threshold(*GC_THRESHOLDS)
    return list(importlib.import_module(family).measure(quick))
