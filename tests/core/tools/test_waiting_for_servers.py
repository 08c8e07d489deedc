"""While a server takes its time to answer, whoever waits for its tools can be told to stop."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from proc_tui.core.errors import LeaseLost
from proc_tui.core.model.settings import ServerSettings, Settings
from proc_tui.core.model.states import RunStatus

pytestmark = [pytest.mark.slow, pytest.mark.kill]

NEEDS = "dependencies: {tools: [search]}\ncode: return 1\n"


@pytest.fixture
def waiting(make_scene: Any, project: Path) -> Any:
    """A workspace whose only server never answers, and has a minute for that."""
    program = project / "tests" / "servers" / "never_answers.py"
    server = ServerSettings(command=sys.executable, args=[str(program)], connect_timeout=60.0)
    return make_scene(settings=Settings(durability="fast", mcp_servers={"slow": server}))


def asked(scene: Any) -> bool:
    log = scene.folder / ".proc-tui" / "logs" / "mcp-slow.log"
    return log.exists() and "waiting" in log.read_text()


@pytest.mark.parametrize("end", ["cancel", "quit"])
def test_a_run_that_looks_for_the_tools_of_a_child_lets_go_at_once(waiting: Any, until: Any, end: str) -> None:
    waiting.write(parent='return Procedure.run("child")', child=NEEDS)
    run = waiting.start("parent")
    with waiting.working() as worker:
        until(lambda: asked(waiting), "the server is started")
        if end == "cancel":
            waiting.operator.cancel(waiting.operator.run(run.id))
        else:
            worker.stop()
        until(lambda: worker.active == 0, "the run is let go of")
    row = waiting.operator.run(run.id)
    assert row.status is (RunStatus.CANCELLED if end == "cancel" else RunStatus.PENDING)
    assert row.owner is None
    assert not any(thread.name == "proc-tui run" and thread.is_alive() for thread in threading.enumerate())


def test_starting_a_run_can_be_given_up(waiting: Any, until: Any) -> None:
    waiting.write(child=NEEDS)
    failures: list[BaseException] = []

    def start() -> None:
        try:
            waiting.start("child")
        except LeaseLost as error:
            failures.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    until(lambda: asked(waiting), "the server is started")
    waiting.operator.end_waits()
    thread.join(10)
    assert not thread.is_alive()
    assert [str(error) for error in failures] == ["the workspace was closed"]
    assert waiting.operator.runs() == []
