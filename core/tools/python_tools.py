"""The functions of a workspace's Python files as tools, run in processes of the workspace's own interpreter.

Belongs here: starting and ending the processes, which of them serves a call, what a failure means. Never: what happens
in a process (`python_host.py`), or anything of the user's code in this one.

A process serves one call at a time, so calls that are under way together run in parallel, each in a process of its own.
The one that was used last is used first: what a module keeps in its variables mostly lasts from call to call, and must
be no more than a cache. A process gets the environment of proc-tui, all of it: these are the user's own programs, as if
started from the same shell, and may need a key to do their work. `PROC_TUI_TOOL=python` tells them where they run.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from ..errors import Blocked, InvalidValue, ToolError, did_you_mean
from ..model.messages import ToolResult
from ..model.workspace import FOLDER, TOOL_MARK
from ..values import from_json
from .log import LogFile
from .python_process import LINGER, Description, Gone, Process

if TYPE_CHECKING:
    from ..model.secrets import Secrets
    from ..model.settings import PythonToolSettings
    from .tool import Tool

HOST: Final = Path(__file__).resolve().with_name("python_host.py")
MAX_PROCESSES: Final = 32
"""How many calls run at the same time; further ones wait."""
MAX_STARTS: Final = 4
"""How many processes start at the same time: each holds up the loop for a moment."""
MAX_IDLE: Final = 4
"""How many processes are kept between calls."""
START_SECONDS: Final = 60.0
"""How long starting a process and importing the files may take; longer, when a call may take longer."""
_SMALL: Final = 64 * 1024
"""Bytes that are decoded at once; more would hold up the loop, and goes to a thread."""
_WHERE = f"pythonTools in {FOLDER}/config.toml"


class PythonTools:
    """The tools of `[pythonTools]`; a `Source`.

    A module's name is the `server` of its tools. `call` takes a plain name that only one module has, or
    `MODULE.FUNCTION`. A file that is edited takes effect at the next call, in new processes.
    """

    def __init__(
        self,
        settings: PythonToolSettings,
        workspace: Path,
        secrets: Secrets,
        *,
        start_seconds: float | None = None,
    ) -> None:
        self._settings: PythonToolSettings = settings
        self._workspace: Path = workspace
        self._secrets: Secrets = secrets
        self._start_seconds: float = start_seconds or max(START_SECONDS, settings.timeout)
        self._log: LogFile = LogFile(workspace, "python-tools.log")
        self._files: list[str] = list(dict.fromkeys(str(Path(file)) for file in settings.modules))
        self._processes: set[Process] = set()
        """Those that run, or are not reaped yet."""
        self._idle: list[Process] = []
        self._slots: asyncio.Semaphore = asyncio.Semaphore(MAX_PROCESSES)
        self._starts: asyncio.Semaphore = asyncio.Semaphore(MAX_STARTS)
        self._starting: asyncio.Lock = asyncio.Lock()
        self._closed: bool = False
        self.problems: list[str] = []
        """What is wrong with files and functions that are no tools, each with its place."""
        self._tools: list[Tool] = []
        self._latest: Process | None = None
        """The process that `tools` and `problems` are from; it may have ended."""

    @property
    def name(self) -> str:
        """What the log calls it; its tools are qualified by their modules."""
        return "python"

    @property
    def tools(self) -> list[Tool]:
        """The tools, as the process that started last has described them."""
        return self._tools

    async def start(self) -> None:
        """Import the files in a first process, anew when one of them was edited.

        Raises `Blocked` when the interpreter cannot be used here, `ToolError` when there is no tool in any file.
        """
        async with self._starting:
            if not self._files:
                return
            if self._latest is None or not await asyncio.to_thread(self._latest.is_fresh):
                self._give_back(await self._take())
            if not self._tools:
                raise ToolError(self._no_tools())

    async def call(self, name: str, args: dict[str, object], *, key: str) -> ToolResult:
        """Call a function. Raises as `Source.call` says; a call that is cancelled ends its process."""
        async with self._slots:
            process = await self._take()
            try:
                return await self._serve(process, name, args, key)
            finally:
                self._give_back(process)

    async def close(self) -> None:
        """End every process at once, with all that it started in its group; calls under way fail."""
        self._closed = True
        processes = list(self._processes)
        for process in processes:
            process.kill()
        self._idle.clear()
        if processes:
            await asyncio.wait([process.released for process in processes], timeout=2 * LINGER)

    async def _serve(self, process: Process, name: str, args: dict[str, object], key: str) -> ToolResult:
        module, function = self._find(name, process)
        try:
            line = await asyncio.to_thread(_request, module, function, args, key)
        except (TypeError, ValueError) as error:
            raise ToolError(f"{name}: the arguments are not JSON: {error}") from None
        try:
            async with asyncio.timeout(self._settings.timeout):
                reply = await process.ask(line)
        except TimeoutError:
            process.kill()
            over = f"not done after {self._settings.timeout:g} s, and ended"
            raise ToolError(f"{name}: {over}; if it needs longer, raise timeout of {_WHERE}") from None
        except Gone:
            raise ToolError(f"{name}: {await self._ending(process)}; {self._see_log()}") from None
        try:
            return _result(reply) if len(reply) < _SMALL else await asyncio.to_thread(_result, reply)
        except _Failed as failure:
            raise ToolError(f"{name}: {failure}") from None
        except InvalidValue as error:
            raise ToolError(f"{name}: it ran, but {error}") from None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            process.kill()
            raise ToolError(
                f"{name}: it wrote to the connection to proc-tui, which is not its own; {self._see_log()}"
            ) from None

    def _find(self, name: str, process: Process) -> tuple[str, str]:
        """The module and the function; raises `ToolError` when there is no such tool, or more than one."""
        found = [tool for tool in process.tools if name in (tool.name, tool.qualified)]
        if len(found) == 1:
            return found[0].server, found[0].name
        if found:
            raise ToolError(f'more than one module has "{name}": say {" or ".join(tool.qualified for tool in found)}')
        plain = [tool.name for tool in process.tools]
        names = plain if "." not in name else [tool.qualified for tool in process.tools]
        problems = "".join(f"\n{problem}" for problem in process.problems)
        raise ToolError(f'the Python files have no tool "{name}"{did_you_mean(name, names)}{problems}')

    def _no_tools(self) -> str:
        if self.problems:
            return "\n".join(["no Python file gives a tool:", *self.problems])
        return f"the files of {_WHERE} have no public function: {', '.join(self._files)}"

    async def _take(self) -> Process:
        """A process to call: the one that was used last, unless a file of it was edited."""
        if self._closed:
            raise ToolError("the Python tools are closed")
        while True:
            while self._idle:
                process = self._idle.pop()
                try:
                    fresh = await asyncio.to_thread(process.is_fresh)
                except BaseException:
                    process.kill()
                    raise
                if fresh and process.usable:
                    return process
                process.kill()
            async with self._starts:
                if not self._idle:
                    return await self._open()

    def _give_back(self, process: Process) -> None:
        if not process.usable or self._closed:
            process.kill()
            return
        self._idle.append(process)
        if len(self._idle) > MAX_IDLE:
            self._idle.pop(0).kill()

    async def _open(self) -> Process:
        """A new process with the files imported. A file at which a process ends or stays is left out."""
        interpreter = await asyncio.to_thread(self._interpreter)
        left_out: dict[str, str] = {}
        while True:
            process = await self._spawn(interpreter, [file for file in self._files if file not in left_out])
            try:
                await self._describe(process, interpreter)
            except _BadFile as bad:
                process.kill()
                left_out[bad.file] = f"{bad.file}: {bad.reason}"
                continue
            except BaseException:
                process.kill()
                raise
            process.problems = [*left_out.values(), *process.problems]
            self._latest, self._tools, self.problems = process, process.tools, process.problems
            return process

    def _interpreter(self) -> str:
        """The program; raises `Blocked` when there is none."""
        try:
            text = self._secrets.expand(self._settings.interpreter)
        except Blocked as problem:
            raise Blocked(f"pythonTools.interpreter {problem}") from None
        if "/" in text:
            return str(self._workspace / Path(text).expanduser())
        found = shutil.which(text)
        if found is None:
            raise Blocked(
                f'there is no program "{text}" on this worker; set interpreter of {_WHERE} to a Python 3.9 or newer: '
                'its name, its path, or "${PROC_TUI_PYTHON}" for the one that runs proc-tui'
            )
        return str(Path(found).absolute())

    async def _spawn(self, interpreter: str, files: list[str]) -> Process:
        loop = asyncio.get_running_loop()
        process = Process(self._log, self._secrets.redact, [str(self._workspace / file) for file in files])
        environment = {name: value for name, value in os.environ.items() if name != "__PYVENV_LAUNCHER__"}
        try:
            await loop.subprocess_exec(
                lambda: process,
                interpreter,
                str(HOST),
                *files,
                cwd=self._workspace,
                env={**environment, TOOL_MARK: "python"},
                start_new_session=True,
            )
        except (FileNotFoundError, PermissionError, NotADirectoryError, ValueError) as error:
            raise Blocked(self._no_python(interpreter, str(error))) from None
        except OSError as error:
            if error.errno is not None and error.strerror == "Exec format error":
                raise Blocked(self._no_python(interpreter, error.strerror)) from None
            raise ToolError(f"the Python tools cannot start {interpreter}: {error}") from None
        self._processes.add(process)
        process.released.add_done_callback(lambda _: self._processes.discard(process))
        if self._closed:
            process.kill()
            raise ToolError("the Python tools are closed")
        return process

    async def _describe(self, process: Process, interpreter: str) -> None:
        """Read what the process says of its files. Raises `_BadFile` for the one at which it ends or stays."""
        file = None
        try:
            async with asyncio.timeout(self._start_seconds):
                while not await _says_hello(process):
                    pass
                while True:
                    message = json.loads(await process.read())
                    if "importing" not in message:
                        break
                    file = str(message["importing"])
        except (TimeoutError, Gone, ValueError, TypeError) as error:
            if self._closed:
                raise ToolError("the Python tools are closed") from None
            late = isinstance(error, TimeoutError)
            reason = f"not done after {self._start_seconds:g} s" if late else await self._ending(process)
            if file is not None:
                raise _BadFile(file, f"importing it: {reason}; {self._see_log()}") from None
            process.kill()
            words = f":\n{process.last_words.strip()}" if process.last_words else ""
            version = await _version(interpreter)
            if version is None:
                raise Blocked(self._no_python(interpreter, f"it does not run Python: {reason}{words}")) from None
            why = f"it is {version}" if _too_old(version) else f"{version}: {reason}{words}"
            raise Blocked(self._no_python(interpreter, why)) from None
        process.ready(cast("Description", message), self._workspace)

    def _no_python(self, interpreter: str, reason: str) -> str:
        return self._secrets.redact(
            f"{interpreter} cannot run the Python tools on this worker ({reason}); set interpreter of {_WHERE} to a "
            "Python 3.9 or newer"
        )

    async def _ending(self, process: Process) -> str:
        """How a process ended, in words."""
        if self._closed:
            return "ended, since proc-tui closed its tools"
        process.kill()
        await asyncio.wait([process.exited], timeout=LINGER)
        code = process.exited.result() if process.exited.done() else None
        if code is None:
            return "its process does not answer"
        if code >= 0:
            return f"its process ended with exit code {code}"
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        if -code == signal.SIGKILL:
            return f"its process was killed ({name}): out of memory, or it closed the connection to proc-tui"
        return f"its process crashed ({name})"

    def _see_log(self) -> str:
        return self._log.refused or f"what it wrote is in {self._log.shown}"


class _Failed(Exception):
    """The function failed; the text says how."""


class _BadFile(Exception):
    """A file that cannot be imported without the end of its process."""

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(file, reason)
        self.file: str = file
        self.reason: str = reason


async def _says_hello(process: Process) -> bool:
    """Whether the next line is the first of `python_host.py`: what starts an interpreter may print before it."""
    return (await process.read()).startswith(b'{"hello":')


async def _version(interpreter: str) -> str | None:
    """What it says of its version, when it is a Python at all."""
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(
            interpreter, "--version", stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=asyncio.subprocess.STDOUT
        )
    except OSError:
        return None
    try:
        async with asyncio.timeout(5):
            said, _ = await process.communicate()
    except TimeoutError:
        return None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    found = re.search(r"^Python [\w.+-]+", said[:1000].decode(errors="replace"), re.MULTILINE)
    return found[0] if found else None


def _too_old(version: str) -> bool:
    found = re.match(r"Python (\d+)\.(\d+)", version)
    return found is not None and (int(found[1]), int(found[2])) < (3, 9)


def _request(module: str, function: str, args: dict[str, object], key: str) -> bytes:
    """The line of a call."""
    return json.dumps({"module": module, "function": function, "args": args, "key": key}).encode() + b"\n"


def _result(line: bytes) -> ToolResult:
    """What a process answered. Raises `_Failed`, `InvalidValue`."""
    message = cast("dict[str, object]", json.loads(line))
    if "error" in message:
        raise _Failed(str(message["error"]).encode(errors="replace").decode())
    found = message["result"]
    value = from_json(found, path="the result")
    if found is None:
        return ToolResult()
    text = found if isinstance(found, str) else _json(found)
    return ToolResult(value, text.encode(errors="replace").decode())


def _json(data: object) -> str:
    try:
        return json.dumps(data, ensure_ascii=False, allow_nan=False)
    except ValueError:
        return json.dumps(_named(data), ensure_ascii=False)


def _named(data: object) -> object:
    """The data with the names of what JSON has no numbers for."""
    if isinstance(data, list):
        return [_named(item) for item in cast("list[object]", data)]
    if isinstance(data, dict):
        return {key: _named(item) for key, item in cast("dict[str, object]", data).items()}
    return str(data) if isinstance(data, float) and data - data != 0 else data
