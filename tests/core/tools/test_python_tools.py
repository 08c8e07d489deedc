"""Python functions as tools, in real processes of the interpreter that runs the tests."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import pytest
from proc_tui.core.errors import Blocked, ToolError
from proc_tui.core.model.secrets import Secrets
from proc_tui.core.model.settings import PythonToolSettings
from proc_tui.core.tools.python_tools import PythonTools

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from proc_tui.core.model.messages import ToolResult

    Make = Callable[..., PythonTools]

pytestmark = pytest.mark.kill

HOLD = """
import os, subprocess

def hold(file: str = "alive"):
    '''Start a program that holds the file open, and never return.'''
    leave(file)
    while True:
        pass

def leave(file: str = "alive"):
    subprocess.Popen(["sleep", "60"], stdout=open(file, "w"))
    return os.getpid()

def die():
    leave()
    os._exit(3)
"""


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    """Makes the tools of one file, or of several; all of them are closed in the end."""
    made: list[PythonTools] = []

    def tools_of(
        text: str = "", *, secrets: Secrets | None = None, start_seconds: float | None = None, **settings: Any
    ):
        if text:
            (tmp_path / "tools.py").write_text(textwrap.dedent(text))
        settings = {"interpreter": "${PROC_TUI_PYTHON}", "modules": ["tools.py"], **settings}
        tools = PythonTools(PythonToolSettings(**settings), tmp_path, secrets or Secrets(), start_seconds=start_seconds)
        made.append(tools)
        return tools

    yield tools_of
    for tools in made:
        await tools.close()
        assert not tools._processes


async def call(tools: PythonTools, name: str, /, **args: object) -> ToolResult:
    return await tools.call(name, args, key="key-1")


async def failure(tools: PythonTools, name: str, /, **args: object) -> str:
    with pytest.raises(ToolError) as caught:
        await call(tools, name, **args)
    return str(caught.value)


class Fifo:
    """Something that a tool holds open: its end is seen without waiting for a time to pass."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self._path = path
        self._file: Any = None

    async def opened(self) -> None:
        async with asyncio.timeout(20):
            self._file = await asyncio.to_thread(self._path.open, "rb")

    async def closed(self) -> None:
        async with asyncio.timeout(20):
            await asyncio.to_thread(self._file.read)
        self._file.close()


@pytest.fixture
def alive(tmp_path: Path) -> Fifo:
    return Fifo(tmp_path / "alive")


async def test_functions_are_tools_with_a_description_and_a_schema(make: Make) -> None:
    tools = make('''
        def add(a: int, b: float = 1.5) -> float:
            """Add two numbers.

            Args:
                a: the first
            """
            return a + b

        def _hidden(): ...
    ''')
    await tools.start()
    assert [(tool.name, tool.server, tool.qualified) for tool in tools.tools] == [("add", "tools", "tools.add")]
    assert tools.tools[0].description == "Add two numbers."
    assert tools.tools[0].schema["required"] == ["a"]
    assert tools.problems == []
    found = await call(tools, "add", a=2)
    assert (found.value, found.text) == (3.5, "3.5")
    assert (await call(tools, "tools.add", a=2)).value == 3.5


async def test_results_are_values_for_lua_and_text_for_models(make: Make) -> None:
    tools = make("""
        def give(what):
            return {"text": "é", "none": None, "table": {"a": [1, "ü"], "n": None}, "list": [1, 2], "true": True,
                    "nan": [float("nan")], "odd": "a\\udc80b"}[what]
    """)

    async def given(what: str) -> tuple[object, str]:
        found = await call(tools, "give", what=what)
        return found.value, found.text

    assert await given("text") == ("é", "é")
    assert await given("none") == (None, "")
    assert await given("table") == ({"a": [1, "ü"]}, '{"a": [1, "ü"], "n": null}')
    assert await given("list") == ([1, 2], "[1, 2]")
    assert await given("true") == (True, "true")
    assert await given("nan") == ([{"$f": "nan"}], '["nan"]')
    assert await given("odd") == ({"$b": "YYBi"}, "a?b")


async def test_the_key_of_a_call_reaches_a_function_that_asks_for_it(make: Make) -> None:
    tools = make("def pay(amount: int, *, idempotency_key): return [amount, idempotency_key]")
    assert (await call(tools, "pay", amount=3)).value == [3, "key-1"]
    assert "idempotency_key" not in str(tools.tools[0].schema)


async def test_an_async_function_keeps_its_loop_between_calls(make: Make) -> None:
    tools = make("""
        import asyncio
        seen = []
        async def loop_is_the_same():
            await asyncio.sleep(0)
            seen.append(asyncio.get_running_loop())
            return len(seen), all(loop is seen[0] for loop in seen)
    """)
    assert (await call(tools, "loop_is_the_same")).value == [1, True]
    assert (await call(tools, "loop_is_the_same")).value == [2, True]


async def test_an_exception_names_the_line_of_the_users_code(make: Make) -> None:
    tools = make("""
        import json
        class Odd(Exception):
            def __str__(self): raise ValueError
        def parse(text: str):
            return json.loads(text)
        def odd():
            raise Odd
        def empty():
            raise KeyError
    """)
    message = await failure(tools, "parse", text="{")
    assert message.startswith("parse: JSONDecodeError: Expecting property name")
    assert message.endswith("(tools.py:6)")
    assert await failure(tools, "odd") == "odd: Odd: (its message cannot be shown) (tools.py:8)"
    assert await failure(tools, "empty") == "empty: KeyError (tools.py:10)"


async def test_arguments_that_do_not_fit_are_refused_in_words(make: Make) -> None:
    tools = make("def add(a: int, b: int | None = 0): return a + b")
    assert await failure(tools, "add") == "add: a is missing"
    assert await failure(tools, "add", a="x") == 'add: a: expected an integer, got "x"'
    assert await failure(tools, "add", a=1, c=2) == "add: c is not known; known are a, b"
    assert await failure(tools, "add", a=1, b="x") == (
        'add: b: expected an integer, got "x"; or b: expected null, got "x"'
    )
    assert "add: the arguments are not JSON" in await failure(tools, "add", a=object())
    assert (await call(tools, "add", a=1, b=2)).value == 3


async def test_a_result_that_is_not_json_is_an_error_with_its_path(make: Make) -> None:
    tools = make("""
        class Thing: ...
        def thing(): return {"items": [1, Thing()]}
    """)
    message = await failure(tools, "thing")
    assert message.startswith("thing: result.items[1] is of type Thing, which JSON does not have")


async def test_an_unknown_name_is_answered_with_the_nearest(make: Make) -> None:
    tools = make("def search(): ...")
    assert await failure(tools, "serach") == 'the Python files have no tool "serach"; did you mean "search"?'
    assert "tools.search" in await failure(tools, "tools.serach")


async def test_two_modules_with_one_function_name_are_told_apart(make: Make, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.py").write_text(f"def who(): return {name!r}\ndef only_{name}(): return 1\n")
    tools = make(modules=["a.py", "b.py"])
    assert await failure(tools, "who") == 'more than one module has "who": say a.who or b.who'
    assert (await call(tools, "a.who")).value == "a"
    assert (await call(tools, "b.who")).value == "b"
    assert (await call(tools, "only_b")).value == 1


async def test_files_with_one_name_are_told_apart_by_their_folders(make: Make, tmp_path: Path) -> None:
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "tools.py").write_text(f"def who(): return {name!r}\n")
    tools = make(modules=["x/tools.py", "y/tools.py"])
    assert (await call(tools, "x.tools.who")).value == "x"
    assert (await call(tools, "y.tools.who")).value == "y"


async def test_a_file_finds_its_neighbours_and_its_package(make: Make, tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "near.py").write_text("NEAR = 1\n")
    (tmp_path / "lib" / "loose.py").write_text("import near, top\ndef f(): return near.NEAR + top.TOP\n")
    (tmp_path / "top.py").write_text("TOP = 10\n")
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__init__.py").write_text("")
    (tmp_path / "pack" / "part.py").write_text("PART = 2\n")
    (tmp_path / "pack" / "mine.py").write_text("from .part import PART\ndef g(): return PART, __name__\n")
    (tmp_path / "json.py").write_text("def h(): return __name__\n")
    tools = make(modules=["lib/loose.py", "pack/mine.py", "json.py"])
    assert (await call(tools, "f")).value == 11
    assert (await call(tools, "g")).value == [2, "pack.mine"]
    assert (await call(tools, "json.h")).value == "tools_json"


async def test_what_a_file_lists_is_what_it_offers(make: Make) -> None:
    tools = make("""
        from os.path import basename
        LIMIT = 3
        __all__ = ["basename", "_kept", "LIMIT", "missing"]
        def _kept(): return 1
        def other(): ...
    """)
    await tools.start()
    assert [tool.name for tool in tools.tools] == ["basename", "_kept"]
    assert tools.problems == ["tools.py: __all__ names missing, which is not defined"]
    assert (await call(tools, "basename", p="a/b")).value == "b"


async def test_files_that_cannot_be_imported_are_problems_and_the_others_work(make: Make, tmp_path: Path) -> None:
    (tmp_path / "needs.py").write_text("import os\nimport not_there_at_all\n")
    (tmp_path / "syntax.py").write_text("x = 1\ndef f(:\n")
    (tmp_path / "exits.py").write_text("import sys\nsys.exit(3)\n")
    (tmp_path / "dies.py").write_text("import os\nos._exit(3)\n")
    (tmp_path / "helper.py").write_text("1 / 0\n")
    (tmp_path / "uses.py").write_text("import helper\n")
    files = ["needs.py", "syntax.py", "exits.py", "dies.py", "uses.py", "gone.py", "tools.py"]
    tools = make("def f(): return 1\ndef g(*args): ...\n", modules=files)
    await tools.start()
    assert [tool.name for tool in tools.tools] == ["f"]
    dies, needs, syntax, exits, uses, gone, g = tools.problems
    log = "what it wrote is in .proc-tui/logs/python-tools.log"
    assert dies == f"dies.py: importing it: its process ended with exit code 3; {log}"
    assert needs.startswith("needs.py:2: ModuleNotFoundError: No module named 'not_there_at_all'; install it for /")
    assert syntax.startswith("syntax.py:2: SyntaxError: ")
    assert exits == "exits.py:2: SystemExit: 3"
    assert uses == "helper.py:1: ZeroDivisionError: division by zero (imported by uses.py)"
    assert gone == "gone.py: there is no such file in the workspace; correct pythonTools.modules"
    assert g == "tools.py:2: g takes *args, which cannot be described to a model; name every parameter"
    assert (await call(tools, "f")).value == 1
    assert needs in await failure(tools, "needs_this")


async def test_files_without_any_tool_are_an_error_that_says_why(make: Make) -> None:
    tools = make("import not_there_at_all")
    with pytest.raises(ToolError, match=r"no Python file gives a tool:\ntools.py:1: ModuleNotFoundError"):
        await tools.start()
    tools = make("x = 1")
    with pytest.raises(ToolError, match=r"have no public function: tools\.py"):
        await tools.start()


async def test_a_file_that_is_never_done_importing_is_left_out(make: Make, tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text("while True: pass\n")
    tools = make("def f(): return 1", modules=["slow.py", "tools.py", "./tools.py"], start_seconds=1.0)
    assert (await call(tools, "f")).value == 1
    assert tools.problems[0].startswith("slow.py: importing it: not done after 1 s; what it wrote is in ")


async def test_without_files_nothing_is_started(make: Make) -> None:
    tools = make(modules=[], interpreter="not-there")
    await tools.start()
    assert tools.tools == []


async def test_calls_run_in_parallel(make: Make, tmp_path: Path) -> None:
    tools = make("""
        def first():
            with open("there", "w") as file:
                file.write("hello")
            with open("back") as file:
                return file.read()
        def second():
            with open("there") as file:
                text = file.read()
            with open("back", "w") as file:
                file.write(text.upper())
    """)
    os.mkfifo(tmp_path / "there")
    os.mkfifo(tmp_path / "back")
    answer, _ = await asyncio.gather(call(tools, "first"), call(tools, "second"))
    assert answer.value == "HELLO"


MEET = """
    import os
    def meet(number: int, of: int):
        '''Return when all have come: everybody tells everybody else.'''
        for other in range(of):
            if other != number:
                with open(f"{min(number, other)}-{max(number, other)}", "w" if number < other else "r") as file:
                    file.write("x") if number < other else file.read()
        return os.getpid()
"""


async def test_four_processes_are_kept_and_the_one_used_last_serves_first(make: Make, tmp_path: Path) -> None:
    tools = make(MEET)
    for first in range(6):
        for second in range(first + 1, 6):
            os.mkfifo(tmp_path / f"{first}-{second}")

    async def together(of: int) -> set[int]:
        found = await asyncio.gather(*[call(tools, "meet", number=number, of=of) for number in range(of)])
        return {item.value for item in found if isinstance(item.value, int)}

    before, after = await together(6), await together(6)
    assert len(before) == len(after) == 6
    assert len(before & after) == 4
    alone = [(await call(tools, "meet", number=0, of=1)).value for _ in range(5)]
    assert alone == [alone[0]] * 5
    assert alone[0] in after


async def test_a_module_keeps_its_variables_until_it_is_edited(make: Make, tmp_path: Path) -> None:
    tools = make("""
        import helper
        count = 0
        def next_number():
            global count
            count += helper.STEP
            return count
    """)
    (tmp_path / "helper.py").write_text("STEP = 1\n")
    assert [(await call(tools, "next_number")).value for _ in range(3)] == [1, 2, 3]
    text = (tmp_path / "tools.py").read_text()
    (tmp_path / "tools.py").write_text(text.replace("count = 0", "count = 7"))
    assert (await call(tools, "next_number")).value == 8
    (tmp_path / "helper.py").write_text("STEP = 100\n")
    assert (await call(tools, "next_number")).value == 107
    (tmp_path / "tools.py").write_text("def next_number(: ...")
    assert "tools.py:1: SyntaxError" in await failure(tools, "next_number")
    (tmp_path / "tools.py").write_text("def next_number(start: int): return start")
    await tools.start()
    assert tools.tools[0].schema["required"] == ["start"]
    assert (await call(tools, "next_number", start=5)).value == 5


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("os._exit(3)", "f: its process ended with exit code 3; what it wrote is in .proc-tui/logs/python-tools.log"),
        ("os.abort()", "f: its process crashed (SIGABRT)"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "f: its process crashed (SIGSEGV)"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "f: its process was killed (SIGKILL)"),
        ("os.closerange(3, 100)", "f: its process was killed (SIGKILL): out of memory, or it closed the connection"),
        ("os.killpg(0, signal.SIGTERM)", "f: its process crashed (SIGTERM)"),
        ("sys.exit('over')", "f: SystemExit: over (tools.py:4)"),
        ("input()", "f: EOFError: EOF when reading a line (tools.py:4)"),
        ("f()", "f: RecursionError: maximum recursion depth exceeded"),
        ("open('none')", "f: FileNotFoundError: [Errno 2] No such file or directory: 'none' (tools.py:4)"),
        ("os.fork() or sys.exit(1); os.wait()", "works"),
        ("os.close(0); os.close(1); os.close(2)", "works"),
        ("sys.stdout.close(); sys.stderr.close()", "works"),
        ("sys.stdout = sys.stdin = sys.stderr = None", "works"),
        ("sys.stdin.read(); os.write(1, b'{}\\n'); print('x')", "works"),
        ("os.chdir('/'); sys.path.clear(); sys.modules.clear()", "works"),
        ("signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))", "works"),
    ],
)
async def test_whatever_a_function_does_to_its_process_only_that_call_sees(
    make: Make, statement: str, message: str
) -> None:
    tools = make(f"""
        import os, signal, sys
        def f():
            {statement}
            return "works"
        def g():
            return "fine"
    """)
    try:
        text = str((await call(tools, "f")).value)
    except ToolError as error:
        text = str(error)
    assert text.startswith(message)
    assert (await call(tools, "g")).value == "fine"


async def test_a_call_that_takes_too_long_ends_with_all_that_it_started(make: Make, alive: Fifo) -> None:
    tools = make(HOLD, timeout=2.0)
    async with asyncio.TaskGroup() as group:
        group.create_task(alive.opened())
        message = await failure(tools, "hold")
    wanted = "raise timeout of pythonTools in .proc-tui/config.toml"
    assert message == f"hold: not done after 2 s, and ended; if it needs longer, {wanted}"
    await alive.closed()


async def test_a_cancelled_call_ends_with_all_that_it_started(make: Make, alive: Fifo) -> None:
    tools = make(HOLD)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(call(tools, "hold"))
        await alive.opened()
        task.cancel()
        await alive.closed()
    assert task.cancelled()


async def test_a_cancelled_start_ends_what_importing_started_and_can_be_repeated(
    make: Make, tmp_path: Path, alive: Fifo
) -> None:
    tools = make("""
        import pathlib, subprocess
        if pathlib.Path("alive").exists():
            subprocess.Popen(["sleep", "60"], stdout=open("alive", "w"))
            while True:
                pass
        def f(): return 1
    """)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(tools.start())
        await alive.opened()
        task.cancel()
        await alive.closed()
    (tmp_path / "alive").unlink()
    assert (await call(tools, "f")).value == 1


async def test_a_process_that_ends_by_itself_leaves_nothing_behind(make: Make, alive: Fifo) -> None:
    tools = make(HOLD)
    async with asyncio.TaskGroup() as group:
        group.create_task(alive.opened())
        assert "exit code 3" in await failure(tools, "die")
    await alive.closed()


async def test_closing_ends_calls_under_way_and_what_idle_processes_started(
    make: Make, tmp_path: Path, alive: Fifo
) -> None:
    tools = make(HOLD)
    async with asyncio.TaskGroup() as group:
        group.create_task(alive.opened())
        await call(tools, "leave")
    other = Fifo(tmp_path / "other")
    await asyncio.gather(call(tools, "leave", file="other"), other.opened())
    async with asyncio.TaskGroup() as group:
        under_way = group.create_task(failure(tools, "hold", file="third"))
        third = Fifo(tmp_path / "third")
        await third.opened()
        await tools.close()
        for file in (alive, other, third):
            await file.closed()
    assert under_way.result().startswith("hold: ended, since proc-tui closed its tools")
    assert await failure(tools, "leave") == "the Python tools are closed"


async def test_when_proc_tui_is_killed_nothing_is_left(tmp_path: Path, alive: Fifo) -> None:
    (tmp_path / "tools.py").write_text(HOLD)
    program = textwrap.dedent("""
        import asyncio, sys
        from pathlib import Path
        from proc_tui.core.model.secrets import Secrets
        from proc_tui.core.model.settings import PythonToolSettings
        from proc_tui.core.tools.python_tools import PythonTools

        settings = PythonToolSettings(interpreter=sys.executable, modules=["tools.py"])
        asyncio.run(PythonTools(settings, Path.cwd(), Secrets()).call("hold", {}, key=""))
    """)
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, cwd=tmp_path)
    await alive.opened()
    process.kill()
    await process.wait()
    await alive.closed()


async def test_what_functions_print_goes_to_a_log_of_bounded_size(make: Make, tmp_path: Path) -> None:
    tools = make("""
        def shout():
            for number in range(60_000):
                print(f"{number:99}")
            print("the end")
            return "done"
    """)
    assert (await call(tools, "shout")).value == "done"
    await tools.close()
    logs = tmp_path / ".proc-tui" / "logs"
    assert (logs / "python-tools.log").read_text().endswith("the end\n")
    assert all(file.stat().st_size <= 1_000_000 for file in logs.iterdir())
    assert sorted(file.name for file in logs.iterdir()) == ["python-tools.log", "python-tools.log.1"]


async def test_the_log_has_tracebacks_and_no_secrets(make: Make, tmp_path: Path) -> None:
    secrets = Secrets({"TOKEN": "swordfish-1234"})
    secrets.environment("TOKEN")
    tools = make("def f(): print('the token is swordfish-1234', end=''); 1 / 0", secrets=secrets)
    await failure(tools, "f")
    await tools.close()
    text = (tmp_path / ".proc-tui" / "logs" / "python-tools.log").read_text()
    assert "the token is ***" in text
    assert "ZeroDivisionError" in text


async def test_a_log_that_cannot_be_written_stops_nothing(make: Make, tmp_path: Path) -> None:
    (tmp_path / ".proc-tui" / "logs").mkdir(parents=True)
    os.mkfifo(tmp_path / ".proc-tui" / "logs" / "python-tools.log")
    tools = make("def f(): print('x' * 300_000); return 1")
    assert (await call(tools, "f")).value == 1


async def test_large_arguments_and_results_pass_up_to_the_limit(make: Make) -> None:
    tools = make("""
        def back(text: str): return text
        def many(megabytes: int): return "x" * (megabytes * 2**20)
    """)
    assert (await call(tools, "back", text="é" * 5_000_000)).value == "é" * 5_000_000
    assert await failure(tools, "many", megabytes=65) == (
        "many: the result has 65.0 MB as JSON, and 64 MB is the limit; write a file and return its path"
    )
    assert len((await call(tools, "many", megabytes=63)).text) == 63 * 2**20


async def test_a_result_with_too_many_items_is_refused_with_the_reason(make: Make) -> None:
    tools = make("def many(): return [0] * 1_000_001")
    assert await failure(tools, "many") == "many: it ran, but the result has more than 1,000,000 values"


async def test_an_interpreter_that_is_not_there_blocks_the_run(make: Make) -> None:
    for interpreter in ("no-such-python", "/no/such/python", "no/such/python"):
        tools = make("def f(): ...", interpreter=interpreter)
        with pytest.raises(Blocked, match=r"on this worker.*set interpreter of pythonTools in .proc-tui/config.toml"):
            await tools.start()
    with pytest.raises(Blocked, match=r"pythonTools\.interpreter needs NO_SUCH on this worker"):
        await make("def f(): ...", interpreter="${NO_SUCH}/bin/python").start()


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ('[ "$1" = --version ] && echo "Python 3.6.9"; exit 1', r"\(it is Python 3.6.9\).*Python 3.9 or newer"),
        ('[ "$1" = --version ] && echo "Python 3.12.0"; echo oops >&2; exit 1', r"Python 3.12.0: .*exit code 1:\noops"),
        ("cat $1", r"does not run Python: its process ended with exit code 0"),
        ("kill -9 $$", r"does not run Python"),
        ("echo a; echo b; exec cat", r"does not run Python: not done after 0.5 s"),
    ],
)
async def test_an_interpreter_that_does_not_do_blocks_the_run(
    make: Make, tmp_path: Path, script: str, message: str
) -> None:
    (tmp_path / "python").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "python").chmod(0o755)
    with pytest.raises(Blocked, match=f"(?s){message}"):
        await make("def f(): ...", interpreter="./python", start_seconds=0.5).start()


async def test_a_function_sees_proc_tuis_environment_and_nothing_of_its_packages(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_KEY", "value")
    (tmp_path / "plain").write_text(f'#!/bin/sh\nexec "{os.path.realpath(sys.executable)}" -S -I "$@"\n')
    (tmp_path / "plain").chmod(0o755)
    tools = make(
        """
        import os, sys
        def look():
            ours = [name for name in sys.modules if name.partition(".")[0] in ("proc_tui", "msgspec", "core")]
            return {"env": [os.environ["PROC_TUI_TOOL"], os.environ["SOME_KEY"]], "ours": ours, "path": sys.path,
                    "cwd": os.getcwd(), "argv": len(sys.argv)}
        """,
        interpreter="./plain",
    )
    found: Any = (await call(tools, "look")).value
    assert found["env"] == ["python", "value"]
    assert found["ours"] == []
    assert found["cwd"] == found["path"][0] == str(tmp_path)
    assert not [place for place in found["path"] if place.endswith("core/tools")]
    assert found["argv"] == 1


async def test_a_function_may_use_other_processes_itself(make: Make) -> None:
    tools = make("""
        import multiprocessing
        def double(number): return 2 * number
        def doubled(how: str):
            with multiprocessing.get_context(how).Pool(2) as pool:
                return pool.map(double, [1, 2, 3])
    """)
    assert (await call(tools, "doubled", how="fork")).value == [2, 4, 6]
    assert (await call(tools, "doubled", how="spawn")).value == [2, 4, 6]


async def test_a_process_that_was_killed_while_idle_is_replaced(make: Make, alive: Fifo) -> None:
    tools = make(HOLD)
    async with asyncio.TaskGroup() as group:
        group.create_task(alive.opened())
        before = (await call(tools, "leave")).value
    assert isinstance(before, int)
    os.kill(before, signal.SIGKILL)
    await alive.closed()
    async with asyncio.TaskGroup() as group:
        group.create_task(alive.opened())
        after = (await call(tools, "leave")).value
    assert after != before
    await tools.close()
    await alive.closed()


async def test_tools_from_elsewhere_import_nothing_of_the_workspace(make: Make, tmp_path: Path) -> None:
    """The user's own file needs no agreement; a stranger's folder must not get to run by it."""
    own = tmp_path / "own"
    own.mkdir()
    (own / "mine.py").write_text(
        "import helper, yaml\n\ndef where():\n    return [helper.PLACE, hasattr(yaml, 'EVIL')]"
    )
    (own / "helper.py").write_text("PLACE = 'own'")
    (tmp_path / "helper.py").write_text("PLACE = 'workspace'")
    (tmp_path / "yaml.py").write_text("EVIL = True")
    assert (await call(make(modules=[str(own / "mine.py")]), "where")).value == ["own", False]


async def test_an_error_may_hold_what_is_no_text(make: Make) -> None:
    tools = make("""
        def fail():
            raise ValueError("half \\ud83d")
    """)
    assert "ValueError: half ?" in await failure(tools, "fail")


async def test_a_forged_answer_without_end_is_told(make: Make) -> None:
    tools = make("""
        import os

        def forge():
            for number in range(3, 30):
                try:
                    os.write(number, b'{"result":' + b"[" * 30000 + b"]" * 30000 + b"}\\n")
                except OSError:
                    pass
    """)
    assert "it wrote to the connection to proc-tui" in await failure(tools, "forge")
