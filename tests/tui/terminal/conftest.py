"""The installed program in a real terminal: tmux has a screen, keys and a shell, as people do.

def test_it_opens(tmux, shop):
    run = shop.start('return Human.approve{message = "Go on?"}')
    screen = tmux()
    screen.to_card("Go on?")
    screen.press("a")
    shop.until(run, "COMPLETED")
    shop.check(run, answers=1)

Where single bytes and their delays count, there is a terminal of our own: `open_terminal`.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pexpect
import pyte
import pytest
from proc_tui.core.operator import Operator
from proc_tui.core.testing import write_workspace
from proc_tui.tui.memory import Memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE = 30.0
"""Seconds after which something that should be on the screen counts as missing."""
INSTALLED = Path(sysconfig.get_path("scripts"), "proc-tui")
PROGRAM = (
    [str(INSTALLED)] if INSTALLED.exists() else [sys.executable, "-c", "from proc_tui.tui.cli import main; main()"]
)


class Screen:
    """One terminal with one shell command in it."""

    def __init__(self, server: Path, name: str) -> None:
        """`server` is the socket of the server of tmux."""
        self._server = server
        self.name = name

    def tmux(self, *words: str) -> str:
        """A command of tmux."""
        done = subprocess.run(["tmux", "-S", self._server, *words], capture_output=True, text=True, check=False)
        return done.stdout

    def press(self, *keys: str) -> None:
        """Presses keys, by tmux's names: `q`, `Enter`, `C-c`."""
        for key in keys:
            self.tmux("send-keys", "-t", self.name, key)
            # What is faster counts as pasted, and what follows an escape at once as a part of it.
            time.sleep(0.25 if key == "Escape" else 0.08)

    def type(self, text: str) -> None:
        """Types a text letter by letter."""
        for letter in text:
            self.tmux("send-keys", "-t", self.name, "-l", letter if letter != ";" else r"\;")
            time.sleep(0.01)
        time.sleep(0.1)  # what follows at once counts as pasted

    @property
    def text(self) -> str:
        """What is on the screen."""
        return self.tmux("capture-pane", "-p", "-t", self.name)

    @property
    def drawn(self) -> str:
        """The same with the sequences that draw it so."""
        return self.tmux("capture-pane", "-p", "-e", "-t", self.name)

    @property
    def title(self) -> str:
        """The terminal's title."""
        return self.tmux("display-message", "-p", "-t", self.name, "#{pane_title}").strip()

    def until(self, *parts: str, gone: bool = False) -> str:
        """Waits until texts are all on the screen, or `gone`."""
        deadline = time.monotonic() + PATIENCE
        while True:
            text = self.text
            if all((part in text) != gone for part in parts):
                return text
            if parts[0].startswith("Pane is dead") and self._is_zombie():
                return text  # tmux now and then misses the end of a process, and says nothing of it
            assert time.monotonic() < deadline, f"{parts} {'still' if gone else 'not'} on the screen:\n{text}"
            time.sleep(0.05)

    def to_card(self, message: str) -> None:
        """From the list to the card of the selected run, and waits until its keys act."""
        self.until(message)
        self.until("all commands", gone=True)
        self.press("Enter")
        self.armed(message)

    def armed(self, *parts: str) -> None:
        """Waits until the card in front has the focus and was seen long enough that its keys act."""
        deadline, seen = time.monotonic() + PATIENCE, 0
        while seen < 3:
            text = self.text
            ready = ("┏" in text or "┃" in text) and "arming" not in text and all(part in text for part in parts)
            seen = seen + 1 if ready else 0
            assert time.monotonic() < deadline, f"no card with {parts} takes keys:\n{text}"
            time.sleep(0.05)

    def kill(self) -> None:
        """Ends the program as a crash of the machine would, and waits until it is gone."""
        os.kill(self.pid, signal.SIGKILL)
        self.until("Pane is dead")

    def child(self) -> int:
        """The process of the program where a shell has started it."""
        return int(Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()[0])

    def reopen(self) -> None:
        """Starts the program again in the same terminal, with what it was started with."""
        self.tmux("respawn-pane", "-k", "-t", self.name)

    def is_set(self, flag: str) -> bool:
        """Whether the terminal is in a mode, by tmux's name: `alternate_on`, `mouse_any_flag`."""
        return self.tmux("display-message", "-p", "-t", self.name, f"#{{{flag}}}").strip() == "1"

    def resize(self, width: int, height: int) -> None:
        """Gives the terminal another size."""
        self.tmux("resize-window", "-t", self.name, "-x", str(width), "-y", str(height))

    @property
    def pid(self) -> int:
        """The process of the program: the shell has become it."""
        return int(self.tmux("display-message", "-p", "-t", self.name, "#{pane_pid}"))

    def _is_zombie(self) -> bool:
        try:
            return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except (OSError, ValueError):
            return False

    def close(self) -> None:
        """Closes the terminal, as a dropped connection does: SIGHUP."""
        self.tmux("kill-session", "-t", self.name)


def spawn_interface(folder: Path, home: Path, size: tuple[int, int], **variables: str) -> pexpect.spawn[bytes]:
    """The interface of this Python on a pseudo-terminal of so many rows and columns, with a home of its own."""
    environment = {
        **os.environ, "TERM": "xterm-256color", "HOME": str(home), "XDG_STATE_HOME": str(home / "state"),
        "LINES": str(size[0]), "COLUMNS": str(size[1]), **variables,
    }  # fmt: skip
    for name in ("SSH_CONNECTION", "TMUX", "TMUX_PANE"):
        environment.pop(name, None)
    start = "import sys; from proc_tui.tui.cli import main; sys.exit(main())"
    process = pexpect.spawn(sys.executable, ["-c", start, str(folder)], dimensions=size, env=environment, timeout=None)
    process.delaybeforesend = None
    return process


class Terminal:
    """The interface on a pseudo-terminal: bytes are sent to it with delays, and all that it sends is kept."""

    def __init__(
        self, folder: Path, home: Path, size: tuple[int, int] = (30, 100), *, answers: bool = True, **variables: str
    ) -> None:  # fmt: skip
        """`size` is rows and columns; `answers` is whether it says where the cursor is when it is asked."""
        self.answers = answers
        self.asked = 0
        self.sent = b""
        self.screen = pyte.Screen(size[1], size[0])
        self._stream = pyte.ByteStream(self.screen)
        self.process = spawn_interface(folder, home, size, **variables)

    def look(self, seconds: float = 0.05) -> str:
        """What is on the screen after a while."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                data = self.process.read_nonblocking(65536, timeout=0.02)
            except pexpect.TIMEOUT:
                continue
            except pexpect.EOF:
                break
            for _ in range(data.count(b"\x1b[6n")):
                self.asked += 1
                if self.answers:
                    self.reply()
            self.sent += data
            self._stream.feed(data)
        return "\n".join(self.screen.display)

    def reply(self) -> None:
        """Says where the cursor is."""
        self.process.send(b"\x1b[3;7R")

    def send(self, data: bytes, seconds: float = 0.05) -> None:
        """Types bytes, and looks for a while."""
        self.process.send(data)
        self.look(seconds)

    def press(self, *keys: str) -> None:
        """Presses keys, and waits after each until nothing more is drawn."""
        for key in keys:
            self.process.send(key.encode())
            self.rest()

    def rest(self) -> None:
        """Waits until nothing more is drawn."""
        before = -1
        while before != len(self.sent):
            before = len(self.sent)
            self.look(0.12)

    def until(self, text: str) -> None:
        """Waits until a text is on the screen."""
        end = time.monotonic() + PATIENCE
        while text not in self.look():
            assert time.monotonic() < end, "\n".join(line.rstrip() for line in self.screen.display)

    def resize(self, columns: int, rows: int) -> None:
        """Gives the terminal another size."""
        self.screen.resize(rows, columns)
        self.process.setwinsize(rows, columns)

    def end(self) -> None:
        """Ends the interface, if it has not ended."""
        with suppress(pexpect.ExceptionPexpect):
            self.process.close(force=True)


@pytest.fixture
def open_terminal() -> Iterator[Callable[..., Terminal]]:
    """Opens terminals of our own, as `Terminal` says; all are closed at the end."""
    opened: list[Terminal] = []

    def open_one(*args: Any, **options: Any) -> Terminal:
        opened.append(Terminal(*args, **options))
        return opened[-1]

    yield open_one
    for terminal in opened:
        terminal.end()


class Shop:
    """The workspace: who starts runs in it, and reads its journal by the command line afterwards."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self._environment = environment

    def start(self, code: str, name: str = "it") -> str:
        """Starts a procedure that nobody drives yet, from its Lua code alone; gives the run's id."""
        write_workspace(self.folder, {name: code})
        with Operator.open(self.folder) as operator:
            return operator.start(self.folder / f"{name}.yaml").id

    def configure(self, text: str) -> None:
        """Writes the configuration of the workspace."""
        file = self.folder / ".proc-tui" / "config.toml"
        file.parent.mkdir(mode=0o700, exist_ok=True)
        file.write_text(text)

    def call(self, *words: str, code: int = 0, **more: str) -> str:
        """What the command line prints about the workspace."""
        done = subprocess.run(
            [*PROGRAM, "-C", str(self.folder), *words], capture_output=True, text=True, check=False,
            env=os.environ | self._environment | more, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.returncode == code, f"{words} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout

    def status(self, run: str) -> str:
        """The status of a run."""
        with Operator.open(self.folder) as operator:
            return operator.run(run).status.value

    def until(self, run: str, status: str) -> None:
        """Waits until a run has a status."""
        deadline = time.monotonic() + PATIENCE
        while (found := self.status(run)) != status:
            assert time.monotonic() < deadline, f"the run is {found}, not {status}"
            time.sleep(0.05)

    def check(self, run: str, *, answers: int) -> dict[str, Any]:
        """Reads a run's journal back, which is sound and has so many answers, of no request two; gives the run."""
        exported = json.loads(self.call("export", run))
        events = exported["events"]
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1)), "the journal has gaps"
        given = [event["data"]["request"] for event in events if event["kind"] == "responded"]
        assert len(given) == len(set(given)) == answers
        for request in given:
            assert sum(not undone for _, undone in self.answers(request)) == 1
        assert exported["seq"] == len(events)
        self.call("doctor")
        return exported

    def answers(self, request: str) -> list[tuple[str, bool]]:
        """Who answered a request, and whether that was undone."""
        with Operator.open(self.folder) as operator:
            return [(answer.by, answer.undone_at is not None) for answer in operator.answers(request)]

    def deadline(self, run: str) -> float:
        """When the request of a run times out."""
        with Operator.open(self.folder) as operator:
            return operator.inbox(run=run)[0].deadline or 0.0

    def waits(self, run: str) -> str:
        """The request that a run waits for; empty when there is none."""
        with Operator.open(self.folder) as operator:
            return next((request.id for request in operator.inbox(run=run)), "")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The folder that terminals open in."""
    folder = tmp_path / "shop"
    folder.mkdir()
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The home of whoever works there, and has said in whose name they answer."""
    return _home_of("tester", tmp_path / "home")


@pytest.fixture
def home_of() -> Callable[[str, Path], Path]:
    """Makes the home of somebody else."""
    return _home_of


def _home_of(name: str, folder: Path) -> Path:
    Memory(folder, folder=folder / "state" / "proc-tui" / "interface", terminal="").keep_name(name)
    return folder


@pytest.fixture
def environment(home: Path) -> dict[str, str]:
    """What programs find in their environment."""
    return {
        "HOME": str(home), "XDG_STATE_HOME": f"{home}/state", "XDG_CONFIG_HOME": f"{home}/config",
        "XDG_DATA_HOME": f"{home}/data", "TERM": "tmux-256color", "LANG": "C.UTF-8",
    }  # fmt: skip


@pytest.fixture
def program() -> str:
    """The program as a shell is given it."""
    return shlex.join(PROGRAM)


@pytest.fixture
def shop(place: Path, environment: dict[str, str]) -> Shop:
    """The workspace of the terminals."""
    return Shop(place, environment)


@pytest.fixture
def tmux(place: Path, environment: dict[str, str]) -> Iterator[Callable[..., Screen]]:
    """Opens terminals; all are closed at the end, and so are the workers they left."""
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    # The folder of the test is too long a name for a socket.
    sockets = Path(tempfile.mkdtemp(prefix="tmux-"))
    server = sockets / "server"
    count = 0

    def open_one(
        *args: str, size: tuple[int, int] = (120, 36), shell: str = "", unset: str = "", **more: str
    ) -> Screen:
        """`shell` is a command line in place of the program, `unset` a variable that it is not to find."""
        nonlocal count
        count += 1
        name = f"t{count}"
        words = [f"{key}={shlex.quote(value)}" for key, value in {**environment, **more}.items()]
        gone = " ".join(f"-u {name}" for name in ("NO_COLOR", "COLUMNS", "LINES", unset) if name)
        line = f"exec env {gone} {' '.join(words)} {shell or shlex.join([*PROGRAM, *args])}"
        subprocess.run(
            ["tmux", "-S", server, "-f", "/dev/null", "start-server", ";", "set", "-s", "exit-empty", "off", ";",
             "set", "-g", "remain-on-exit", "on", ";",
             "new-session", "-d", "-s", name, "-x", str(size[0]), "-y", str(size[1]), "-c", str(place), line],
            check=True,
        )  # fmt: skip
        return Screen(server, name)

    yield open_one
    # Killed before they can hear of the end of their terminal, and leave a worker.
    panes = subprocess.run(
        ["tmux", "-S", server, "list-panes", "-a", "-F", "#{pane_dead} #{pane_pid}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    for line in panes.stdout.splitlines():
        if line.startswith("0 "):
            with suppress(ProcessLookupError):
                os.kill(int(line[2:]), signal.SIGKILL)
    subprocess.run(["tmux", "-S", server, "kill-server"], check=False, capture_output=True)
    shutil.rmtree(sockets)
    for pid in _workers(place):
        os.kill(pid, 9)


@pytest.fixture
def workers(place: Path) -> Callable[[], list[int]]:
    """The processes of the background workers of the folder."""
    return lambda: _workers(place)


def _workers(folder: Path) -> list[int]:
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"--until-idle" in words and str(folder).encode() in words:
                found.append(int(entry.name))
    return found
