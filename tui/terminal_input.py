"""What the terminal sends, as text: a byte that is not UTF-8 is a sign that cannot be read, and not the end.

Terminals that send Meta as an eighth bit, or another encoding, and noisy lines send such bytes. Belongs here: reading
bytes. Never: what a key does (`keys.py`), or when it counts (`widgets/arming.py`).
"""

from __future__ import annotations

from codecs import getincrementaldecoder
from functools import partial
from typing import TYPE_CHECKING

from textual.drivers import linux_driver

if TYPE_CHECKING:
    from codecs import IncrementalDecoder
    from collections.abc import Callable


def _forgiving(encoding: str) -> Callable[[], IncrementalDecoder]:
    return partial(getincrementaldecoder(encoding), "replace")


class ForgivingDriver(linux_driver.LinuxDriver):
    """The driver of Textual, whose thread for keys ends the program at the first such byte."""

    def run_input_thread(self) -> None:
        """As in the base class."""
        linux_driver.getincrementaldecoder = _forgiving  # pyright: ignore[reportAttributeAccessIssue, reportPrivateImportUsage]
        super().run_input_thread()
