"""Times, tokens and amounts in words, as every part of the interface says them."""

from __future__ import annotations

import datetime
import re

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(ms|s|min|m|h|d|w)?")


def age(seconds: float) -> str:
    """A duration in one unit, for columns: `12s`, `5m`, `3h`, `2d`."""
    seconds = max(0.0, seconds)
    for limit, unit, name in ((60, 1, "s"), (3600, 60, "m"), (86400, 3600, "h"), (float("inf"), 86400, "d")):
        if seconds < limit:
            return f"{int(seconds // unit)}{name}"
    return ""


def duration(seconds: float) -> str:
    """How long something took: `3 ms`, `1.2 s`, `4:05`, `1:04:05`, `2 d 03:00`."""
    if seconds < 1:
        return f"{max(0.0, seconds) * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    return clock(seconds)


def clock(seconds: float) -> str:
    """A duration as a clock shows it: `0:05`, `59:12`, `1:04:05`, `2 d 03:00`."""
    whole = int(max(0.0, seconds) + 0.5)
    days, hours, minutes = whole // 86400, whole // 3600 % 24, whole // 60 % 60
    if days:
        return f"{days} d {hours:02}:{minutes:02}"
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def parse_duration(text: str) -> float:
    """The seconds of `90`, `500ms`, `10s`, `8h`, `1h30m`, `2d`. Raises `ValueError`."""
    text = text.strip().casefold()
    found = _DURATION.findall(text)
    if not found or _DURATION.sub("", text).strip():
        raise ValueError(f'"{text}" is not a duration: write 30s, 10m, 8h, 2d or 1h30m')
    return sum(float(number) * _UNITS[unit or "s"] for number, unit in found)


def time_of_day(at: float) -> str:
    """A moment of these days, in local time: `12:04:05`."""
    return datetime.datetime.fromtimestamp(at).strftime("%H:%M:%S")


def moment(at: float) -> str:
    """A moment in local time: `2026-03-01 12:04:05`."""
    return datetime.datetime.fromtimestamp(at).strftime("%Y-%m-%d %H:%M:%S")


def stamp(at: float | None) -> str | None:
    """A moment as JSON has it: UTC, RFC 3339, with milliseconds."""
    if at is None:
        return None
    return datetime.datetime.fromtimestamp(at, datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def several(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun: `1 run`, `3 runs`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def money(dollars: float | None) -> str:
    """US dollars: `$0`, `$0.0042`, `$1.50`, `unknown`."""
    if dollars is None:
        return "unknown"
    if 0 < dollars < 0.0001:
        return "<$0.0001"
    return "$0" if dollars == 0 else f"${dollars:,.2f}" if dollars >= 1 else f"${dollars:.4f}"


def price(dollars: float | None, unpriced: int) -> str:
    """What replies cost of which some have no known price."""
    if dollars is None:
        return "cost unknown"
    more = f" and {several(unpriced, 'reply', 'replies')} of unknown price" if unpriced else ""
    return f"{money(dollars)}{more}"


def listed(items: list[str], most: int = 5) -> str:
    """A few of the items, and how many more there are."""
    more = f" and {len(items) - most} more" if len(items) > most else ""
    return ", ".join(items[:most]) + more
