"""Runs the functions of a workspace's Python files, one call at a time, under the interpreter that the workspace names.

A program and not a part of proc-tui: `python_tools.py` starts it by its path, in the workspace, with the files as
arguments. It speaks lines of JSON over what it was given as standard input and output:

    -> {"hello": [3, 12, 1]}
    -> {"importing": "tools.py"}                                      before each file
    -> {"tools": [...], "problems": [...], "files": [...]}
    <- {"module": "tools", "function": "add", "args": {...}, "key": "..."}
    -> {"result": ...} or {"error": "ValueError: too long (tools.py:12)"}

What the functions print goes to standard error, and they read nothing. When the input ends, this process and all that
it started in its group end. Belongs here: importing, describing, converting, calling. Never: an import of proc_tui or
of any package, or syntax newer than Python 3.9.
"""

# ruff: noqa: E402  # the package is made before anything is imported from it

from __future__ import annotations

import sys

OLDEST = (3, 9)
"""The oldest Python that runs this."""
if sys.version_info < OLDEST:
    sys.exit("proc-tui: Python 3.9 or newer is needed")

HERE = __file__.rpartition("/")[0]
if not __package__:
    # Run by its path: the files beside this one become a package, and no module of the user's finds any of them.
    if sys.path[:1] == [HERE]:
        del sys.path[0]
    __package__ = "_python_host"
    sys.modules[__package__] = type(sys)(__package__)
    sys.modules[__package__].__path__ = [HERE]

import contextlib
import faulthandler
import importlib
import inspect
import json
import os
import queue
import signal
import threading
import types
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, cast

from .python_functions import Function
from .python_results import Misfit, plain
from .python_values import Undescribable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_RESULT = 64 * 1024 * 1024
"""Bytes that a result may have as JSON."""
MAX_MESSAGE = 4000
"""Characters that are kept of an exception's message."""


def end() -> NoReturn:
    """End this process at once, and what it started in its group."""
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(1)


class Wire:
    """The connection to proc-tui, out of the way of what the functions print and read."""

    def __init__(self) -> None:
        self.requests: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._input: int = os.dup(0)
        self._output: int = os.dup(1)
        self._identity: tuple[int, int] = self._who()
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)
        os.register_at_fork(after_in_child=self._leave)
        threading.Thread(target=self._read, daemon=True).start()

    def send(self, message: bytes) -> None:
        """Send one line; end when proc-tui cannot be reached any more."""
        rest = memoryview(message + b"\n")
        try:
            if self._who() != self._identity:
                end()  # somebody closed our end, and its number is another file's now
            while rest:
                rest = rest[os.write(self._output, rest) :]
        except OSError:
            end()

    def _who(self) -> tuple[int, int]:
        found = os.fstat(self._output)
        return found.st_dev, found.st_ino

    def _read(self) -> None:
        # A thread, so that the end of proc-tui ends this process also while a function runs.
        try:
            with open(self._input, "rb", closefd=False) as lines:  # a descriptor
                for line in lines:
                    self.requests.put(line)
        finally:
            end()

    def _leave(self) -> None:
        """In a forked child: keep nothing open, so that proc-tui sees the end of this process and not the child's."""
        for descriptor in (self._input, self._output):
            with contextlib.suppress(OSError):
                os.close(descriptor)
        self._output = -1


class Loader(SourceFileLoader):
    """Reads the text at every start: a kept compilation misses an edit within one second."""

    def get_code(self, fullname: str) -> types.CodeType:
        return self.source_to_code(self.get_data(self.path), self.path)


class Workspace:
    """The user's files, imported and described."""

    def __init__(self, folder: Path) -> None:
        self._folder: Path = folder
        self._functions: dict[tuple[str, str], Function] = {}
        self._loop: Any = None
        self.tools: list[dict[str, object]] = []
        self.problems: list[str] = []

    def add(self, module: str, file: str) -> None:
        """Import a file and describe its functions; what goes wrong is in `problems`."""
        try:
            loaded = self._load(self._folder / file)
        except Undescribable as problem:
            self.problems.append(f"{file}: {problem}")
            return
        except BaseException as error:  # noqa: BLE001  # importing runs any code, which may also exit
            self._print_traceback(f"importing {file}", error)
            self.problems.append(self._import_problem(file, error))
            return
        for name, call in self._public(loaded, file):
            try:
                function = Function(call)
            except Exception as error:  # noqa: BLE001  # signatures and annotations may be any code
                line = getattr(getattr(inspect.unwrap(call), "__code__", None), "co_firstlineno", 0)
                where = f"{file}:{line}" if line else file
                reason = str(error) if isinstance(error, Undescribable) else f"{type(error).__name__}: {error}"
                self.problems.append(f"{where}: {name} {reason}")
                continue
            self._functions[module, name] = function
            self.tools.append(
                {"module": module, "name": name, "description": function.description, "schema": function.schema}
            )

    def _load(self, path: Path) -> types.ModuleType:
        if not path.is_file():
            raise Undescribable("there is no such file in the workspace; correct pythonTools.modules")
        names, root = [path.stem], path.parent
        while (root / "__init__.py").is_file() and root != root.parent:
            names.insert(0, root.name)
            root = root.parent
        if str(root) not in sys.path:
            sys.path.insert(1, str(root))
        name = ".".join(names)
        known = sys.modules.get(name)
        if known is not None and getattr(known, "__file__", None) == str(path):
            return known  # another of the files has imported it
        if known is not None:
            name = f"tools_{name}"  # `json.py`: the library's own stays what others import
        elif len(names) > 1:
            importlib.import_module(".".join(names[:-1]))
        spec = spec_from_file_location(name, path, loader=Loader(name, str(path)))
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            sys.modules.pop(name, None)
            raise
        return module

    def _public(self, module: types.ModuleType, file: str) -> Iterator[tuple[str, Callable[..., object]]]:
        listed: object = getattr(module, "__all__", None)
        if isinstance(listed, (list, tuple)):
            for name in map(str, cast("list[object]", listed)):
                if not hasattr(module, name):
                    self.problems.append(f"{file}: __all__ names {name}, which is not defined")
                elif _is_function(getattr(module, name)):
                    yield name, getattr(module, name)
            return
        for name, found in list(vars(module).items()):
            if not name.startswith("_") and _is_function(found) and found.__module__ == module.__name__:
                yield name, found

    def files(self) -> list[str]:
        """The files of the workspace that are imported: a change in one of them makes this process old."""
        found: list[str] = []
        for module in list(sys.modules.values()):
            file = getattr(module, "__file__", None)
            if isinstance(file, str) and "site-packages" not in file and file.startswith(f"{self._folder}/"):
                found.append(file)
        return found

    def answer(self, request: dict[str, Any]) -> bytes:
        """Do one call; the line to send."""
        try:
            text = json.dumps({"result": plain(self._call(request))}, ensure_ascii=False)
            line = text.encode("utf-8", "surrogatepass")
        except Misfit as problem:
            return json.dumps({"error": str(problem)}).encode()
        except BaseException as error:  # noqa: BLE001  # also sys.exit() is the function's failure and not our end
            self._print_traceback(request["function"], error)
            return json.dumps({"error": self._failure(error)}).encode()
        if len(line) <= MAX_RESULT:
            return line
        size = f"{len(line) / 2**20:.1f} MB"
        return json.dumps(
            {"error": f"the result has {size} as JSON, and 64 MB is the limit; write a file and return its path"}
        ).encode()

    def _call(self, request: dict[str, Any]) -> object:
        result = self._functions[request["module"], request["function"]](request["args"], request["key"])
        if not inspect.isawaitable(result):
            return result
        import asyncio  # noqa: PLC0415  # slow to import, and few need it

        if self._loop is None or self._loop.is_closed():
            self._loop = asyncio.new_event_loop()  # kept, since what a module keeps may belong to it

        async def wait() -> object:
            return await result

        return self._loop.run_until_complete(wait())

    def _failure(self, error: BaseException) -> str:
        """`ValueError: too long (tools.py:12)`: the last line of the user's own code that it came through."""
        file, line = self._place(error)
        return f"{_message(error)} ({file}:{line})" if line else _message(error)

    def _import_problem(self, file: str, error: BaseException) -> str:
        if isinstance(error, SyntaxError) and error.filename and error.lineno:
            where, line = self._short(error.filename), error.lineno
            text = f"{type(error).__name__}: {error.msg}"
        else:
            (where, line), text = self._place(error), _message(error)
        if isinstance(error, ModuleNotFoundError):
            text += f"; install it for {sys.executable}"
        prefix = f"{where}:{line}" if line else file
        return f"{prefix}: {text}" if where == file or not line else f"{prefix}: {text} (imported by {file})"

    def _place(self, error: BaseException) -> tuple[str, int]:
        best = other = ("", 0)
        trace = error.__traceback__
        while trace is not None:
            name = trace.tb_frame.f_code.co_filename
            if name.startswith(f"{self._folder}/") and "site-packages" not in name:
                best = (self._short(name), trace.tb_lineno)
            elif not name.startswith(("<", f"{HERE}/")):
                other = (name, trace.tb_lineno)
            trace = trace.tb_next
        return best if best[1] else other

    def _short(self, file: str) -> str:
        prefix = f"{self._folder}/"
        return file[len(prefix) :] if file.startswith(prefix) else file

    def _print_traceback(self, what: str, error: BaseException) -> None:
        import traceback  # noqa: PLC0415  # only failures need it

        with contextlib.suppress(Exception):  # standard error may be closed, or what somebody put in its place
            lines = traceback.format_exception(type(error), error, error.__traceback__)
            sys.stderr.write(f"{what} failed:\n{''.join(lines)}")


def _is_function(found: object) -> bool:
    return inspect.isroutine(found) or type(found).__name__ == "_lru_cache_wrapper"


def _message(error: BaseException) -> str:
    name = type(error).__qualname__
    try:
        text = str(error)
    except Exception:  # noqa: BLE001  # a class of the user's may fail at this too
        text = "(its message cannot be shown)"
    text = text if len(text) <= MAX_MESSAGE else f"{text[:MAX_MESSAGE]}…"
    return f"{name}: {text}" if text else name


def module_names(files: list[str]) -> list[str]:
    """The names by which the files' tools are qualified: without the folder, unless two would be the same."""
    stems = [Path(file).stem for file in files]
    return [
        stem if stems.count(stem) == 1 else ".".join(Path(file).with_suffix("").parts)
        for stem, file in zip(stems, files)
    ]


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError, ValueError):  # closed or replaced by the function
            stream.flush()


def main(files: list[str]) -> NoReturn:
    """Serve until the input ends."""
    wire = Wire()
    wire.send(json.dumps({"hello": list(sys.version_info[:3])}).encode())
    for stream in (sys.stdout, sys.stderr):
        cast(Any, stream).reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    faulthandler.enable()
    folder = Path.cwd()
    if not all(Path(file).is_absolute() for file in files):
        # Only then was it agreed to run what lies here; a stranger's folder gives no modules to the user's own tools.
        sys.path.insert(0, str(folder))
    workspace = Workspace(folder)
    for name, file in zip(module_names(files), files):
        wire.send(json.dumps({"importing": file}).encode())
        workspace.add(name, file)
        _flush()
    found = {"tools": workspace.tools, "problems": workspace.problems, "files": workspace.files()}
    wire.send(json.dumps(found).encode())
    while True:
        line = workspace.answer(json.loads(wire.requests.get()))
        _flush()
        wire.send(line)


if __name__ == "__main__":
    sys.argv, _files = sys.argv[:1], sys.argv[1:]
    main(_files)
