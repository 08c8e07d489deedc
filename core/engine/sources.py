"""Pinned sources: the text of a procedure with its `lib/`, and the `Procedure` read from it.

Belongs here: bundles, the cache of what was read, and finding a procedure by name. Never: runs.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from .. import document
from ..document import finding
from ..errors import NotFound, StoreDamaged, did_you_mean
from ..journal import journal

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from ..document import Procedure

CACHED = 256
"""How many procedures are kept after they were read."""


class Bundle(msgspec.Struct, frozen=True):
    """What a run pins when it starts."""

    file: str
    """The file, relative to the workspace where it is inside; for messages, and to find it again for an edit."""
    text: str
    libs: dict[str, str] = {}
    """The text of each file of `lib/` by its `require` name."""

    def encode(self) -> str:
        """The text that is kept in `sources`."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def decode(cls, text: str) -> Bundle:
        """The bundle that `encode` wrote."""
        return msgspec.json.decode(text, type=cls)


class Program(msgspec.Struct, frozen=True):
    """A procedure that can be run: read, checked, with the bundle it came from."""

    procedure: Procedure
    bundle: Bundle
    source: str = ""
    """Hash of the bundle once it is pinned."""
    path: str = ""
    """The inline procedure within the document, names joined by `/`; empty for the document itself."""

    def inline(self, name: str) -> Program | None:
        """The inline procedure that `name` means here: its own first, then those of the documents around it."""
        parts = self.path.split("/") if self.path else []
        for depth in range(len(parts), -1, -1):
            around = document_at(self.top, "/".join(parts[:depth]))
            if name in around.procedures:
                path = "/".join([*parts[:depth], name])
                return Program(around.procedures[name], self.bundle, self.source, path, self.top_procedure)
        return None

    top_procedure: Procedure | None = None
    """The document around an inline procedure."""

    @property
    def top(self) -> Procedure:
        """The whole document."""
        return self.top_procedure or self.procedure


def document_at(top: Procedure, path: str) -> Procedure:
    """The inline procedure at a path; raises `NotFound`."""
    found = top
    for name in path.split("/") if path else ():
        if name not in found.procedures:
            raise NotFound(f'there is no inline procedure "{path}" in {top.file}')
        found = found.procedures[name]
    return found


def read(bundle: Bundle) -> Procedure:
    """The procedure of a bundle; raises `DocumentError`."""
    return document.load(bundle.text, bundle.file, libs=bundle.libs)


SHIPPED = Path(__file__).parent.parent / "procedures"
"""The procedures that come with proc-tui; a workspace's own of the same name win."""


class Sources:
    """Reads pinned sources and the procedures of a workspace, keeping what was read."""

    def __init__(self, root: Path) -> None:
        self.root: Path = root
        self._read: OrderedDict[str, Procedure] = OrderedDict()
        self._bundles: dict[Path, tuple[tuple[object, ...], Bundle]] = {}
        self._names: dict[Path, tuple[float, finding.Declared | None]] = {}
        self._lock: threading.Lock = threading.Lock()

    def program(self, connection: sqlite3.Connection, source: str, path: str) -> Program:
        """What a run has pinned."""
        with self._lock:
            kept = self._read.get(source)
        try:
            bundle = Bundle.decode(journal.pinned(connection, source))
        except msgspec.MsgspecError as error:
            raise StoreDamaged(
                f"The pinned source {source} cannot be read: {error}. Restore it from a copy of the database."
            ) from error
        top = kept or self._keep(source, document.load_again(bundle.text, bundle.file))
        if not path:
            return Program(top, bundle, source)
        return Program(document_at(top, path), bundle, source, path, top)

    def _keep(self, key: str, procedure: Procedure) -> Procedure:
        with self._lock:
            self._read[key] = procedure
            if len(self._read) > CACHED:
                self._read.popitem(last=False)
        return procedure

    def load(self, file: Path) -> Program:
        """The procedure in a file as it is now; raises `DocumentError` and `NotFound`."""
        bundle = self._bundle(file)
        key = bundle.encode()
        with self._lock:
            kept = self._read.get(key)
        return Program(kept or self._keep(key, read(bundle)), bundle)

    def _bundle(self, file: Path) -> Bundle:
        try:
            stamp = _stamp(file)
            kept = self._bundles.get(file)
            if kept is not None and kept[0] == stamp:
                return kept[1]
            raw = document.read_file(file)
        except OSError as error:
            raise NotFound(f'cannot read "{file}": {error.strerror or error}') from None
        shown = str(file.relative_to(self.root)) if file.is_relative_to(self.root) else str(file)
        shown = file.name if file.parent == SHIPPED else shown
        bundle = Bundle(shown, _text(raw, shown), document.pin(file))
        self._bundles[file] = (stamp, bundle)
        return bundle

    def find(self, name: str) -> Program:
        """The procedure of the workspace with this name.

        Raises `NotFound` with the nearest known name, or when more than one file declares it, and `DocumentError`.
        """
        names = self.by_name()
        shipped = SHIPPED / f"{name}.yaml"
        if name not in names and _NAME_ONLY.fullmatch(name) and shipped.exists():
            return self.load(shipped)
        if name not in names:
            raise NotFound(f'there is no procedure "{name}" in {self.root}{did_you_mean(name, names)}')
        return self.the_one(name, names[name])

    def the_one(self, name: str, files: Sequence[Path]) -> Program:
        """The procedure of this name in the only one of these files; raises as `find` does."""
        if len(files) > 1:
            places = " and ".join(str(file.relative_to(self.root)) for file in files)
            advice = "rename one, or run one by its file"
            raise NotFound(f'more than one file declares the name "{name}": {places}; {advice}')
        return self.load(files[0])

    def place_of(self, file: str) -> Path:
        """Where the file of a bundle is: in the workspace, or among the shipped ones."""
        path, shipped = self.root / file, SHIPPED / file
        return shipped if not path.exists() and shipped.exists() else path

    def names(self) -> dict[str, Path]:
        """A procedure file of the workspace for each name that is declared: of several the first."""
        return {name: files[0] for name, files in self.by_name().items()}

    def namesakes(self) -> dict[str, list[Path]]:
        """The names that more than one file declares; `find` refuses them."""
        return {name: files for name, files in self.by_name().items() if len(files) > 1}

    def by_name(self) -> dict[str, list[Path]]:
        """Every procedure file of the workspace by the name it declares."""
        return finding.by_name(self.root, self._declared)

    def _declared(self, file: Path) -> finding.Declared | None:
        changed = file.stat().st_mtime
        kept = self._names.get(file)
        if kept is None or kept[0] != changed:
            kept = self._names[file] = (changed, finding.declared(file))
        return kept[1]


_NAME_ONLY = re.compile(r"[\w-]+")


def _text(raw: bytes, shown: str) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        document.load(raw, shown)
        raise


def _stamp(file: Path) -> tuple[object, ...]:
    info = file.stat()
    libs = tuple((lib, lib.stat().st_mtime_ns, lib.stat().st_size) for lib in sorted(file.parent.glob("lib/*.lua")))
    return (info.st_mtime_ns, info.st_size, info.st_ino, libs)
