"""What a command takes from its start to its end."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import raw
from figures import Figure

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "hello.yaml"


def measure(quick: bool) -> Iterator[Figure]:
    rounds = 5 if quick else 21
    command = str(Path(sys.executable).with_name("proc-tui"))
    bare = raw.python(rounds)
    more = raw.process(command, "--version", rounds=rounds) - bare
    yield Figure("proc-tui --version, more than bare Python", more, "s", bare, "python", 0.150)
    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        hello = shutil.copy(EXAMPLE, folder)
        whole = raw.process(command, "run", str(hello), rounds=rounds)
    yield Figure("proc-tui run examples/hello.yaml", whole, "s", bare, "python", 0.400)
