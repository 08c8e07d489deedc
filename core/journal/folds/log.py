"""Log lines, notifications and alerts, in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..events import Alerted, Logged, Notified, Record


class LogFold:
    """What the log pane and `proc-tui log` read; long logs are read by window, not by this fold."""

    def __init__(self) -> None:
        self.lines: list[Record] = []

    def _apply_logged(self, event: Logged, record: Record) -> None:
        self.lines.append(record)

    def _apply_notified(self, event: Notified, record: Record) -> None:
        self.lines.append(record)

    def _apply_alerted(self, event: Alerted, record: Record) -> None:
        self.lines.append(record)
