"""`File`: text files under the workspace's file root."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from ..errors import PrimitiveError
from ..values import MAX_BYTES, Value, as_bytes, describe, tag_bytes
from .execution import Call
from .registry import Family, operation


class File(Family):
    """Files under the workspace's file root only: `..`, absolute paths and links that lead outside are errors, as is
    what is in `.proc-tui`. A file of more than 64 MB cannot be read."""

    lua_name = "File"

    @operation(checkpoint="file.read")
    async def read(self, call: Call, path: str) -> Value:
        """The content of a file. Raises when it cannot be read.

        Args:
            path: Relative to the file root.
        Returns: a string
        """
        with _named(path, "read"):
            raw = _content(Path(self.context.file_path(path)))
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return tag_bytes(raw)

    @operation(checkpoint="file.write")
    async def write(self, call: Call, path: str, text: Value = None) -> None:
        """Replaces the content of a file, which is never seen half written; folders are made as needed.

        Args:
            path: Relative to the file root.
            text: The new content.
        """
        raw = as_bytes(text)
        if raw is None:
            raise self.refuse("write", f'"text" must be a string, got {describe(text)}')
        with _named(path, "write"):
            target = Path(self.context.file_path(path))
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
            except FileExistsError:
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from None
            part = target.with_name(f".{self.context.run_id}.part")
            try:
                with part.open("wb") as stream:
                    stream.write(raw)
                    stream.flush()
                    os.fsync(stream.fileno())
                part.replace(target)
            finally:
                part.unlink(missing_ok=True)

    @operation(checkpoint="file.exists")
    async def exists(self, call: Call, path: str) -> bool:
        """Whether there is a file or folder of this name.

        Args:
            path: Relative to the file root.
        Returns: a boolean
        """
        with _named(path, "look at"):
            return Path(self.context.file_path(path)).exists()

    @operation(checkpoint="file.size")
    async def size(self, call: Call, path: str) -> int:
        """How long a file is. Raises when there is none.

        Args:
            path: Relative to the file root.
        Returns: bytes, an integer
        """
        with _named(path, "look at"):
            return Path(self.context.file_path(path)).stat().st_size


def _content(path: Path) -> bytes:
    """What is in a regular file: a pipe would make the run wait in a system call, which nothing can end."""
    with os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as stream:
        status = os.fstat(stream.fileno())
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("it is not a regular file")
        if status.st_size <= MAX_BYTES:
            raw = stream.read(MAX_BYTES + 1)
            if len(raw) <= MAX_BYTES:
                return raw
        raise ValueError(f"it has more than {MAX_BYTES // 2**20} MB")


class _named:
    """Turns errors of the system into ones that name the file as the code did."""

    def __init__(self, path: str, verb: str) -> None:
        self._path, self._verb = path, verb

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, (OSError, ValueError)):
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise PrimitiveError(f'cannot {self._verb} "{self._path}": {reason}') from None
