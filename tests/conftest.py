"""The surroundings that every test runs in, and the limit on slow tests.

Belongs here: what all tests share. Fixtures of one part of the tree belong in a conftest.py beside its tests.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import ModuleType

PROJECT = Path(__file__).resolve().parent.parent
ORIGINAL_ENVIRONMENT: Mapping[str, str] = dict(os.environ)

MARK_ABOVE = 0.5
"""Seconds after which a test should be marked `slow`; it is listed at the end of the session."""
REFUSE_ABOVE = 10 * MARK_ABOVE
"""Seconds after which `--slow-gate` refuses a test without the mark: far above what a busy machine explains."""

REMOVED_PREFIXES = ("AWS_", "LC_", "OPENAI_", "PROC_TUI_", "XDG_")
REMOVED = (
    "CLICOLOR", "CLICOLOR_FORCE", "COLORTERM", "EDITOR", "FORCE_COLOR", "LANGUAGE", "NO_COLOR", "PAGER", "PYTHONPATH",
    "SSH_CONNECTION", "SSH_TTY", "TERM_PROGRAM", "TMUX", "VISUAL",
)  # fmt: skip
KEPT = ("PROC_TUI_SUSPEND",)

settings.register_profile("local", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("local"), derandomize=True, database=None, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.fixture(scope="session", autouse=True)
def neutral_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test sees the user's settings, keys, time zone, terminal or current folder."""
    place = tmp_path_factory.mktemp("surroundings")
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name not in KEPT and (name in REMOVED or name.startswith(REMOVED_PREFIXES)):
                patch.delenv(name)
        home = place / "home"
        for name, folder in {
            "HOME": home,
            "XDG_CACHE_HOME": home / ".cache",
            "XDG_CONFIG_HOME": home / ".config",
            "XDG_DATA_HOME": home / ".local/share",
            "XDG_RUNTIME_DIR": place / "run",
            "XDG_STATE_HOME": home / ".local/state",
        }.items():
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            patch.setenv(name, str(folder))
        for name, value in {
            "COLUMNS": "100",
            "LINES": "30",
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "TZ": "UTC",
        }.items():
            patch.setenv(name, value)
        (place / "empty").mkdir()
        patch.chdir(place / "empty")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture(scope="session")
def project() -> Path:
    """The root of the checkout, to find examples and sources: the current folder of a test is an empty one."""
    return PROJECT


@pytest.fixture(scope="session")
def outside() -> Callable[..., subprocess.CompletedProcess[str]]:
    """`subprocess.run` in the environment the session was started in, for what needs the user's package index.

    A function and not the environment itself, which a failing test would print.
    """
    return partial(subprocess.run, env=ORIGINAL_ENVIRONMENT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def servers() -> ModuleType:
    """The module of the scripted OpenAI-compatible server, which is also a program: `servers.__file__`."""
    path = PROJECT / "tests" / "servers" / "openai_server.py"
    spec = importlib.util.spec_from_file_location("openai_server", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def openai_server(servers: ModuleType) -> Iterator[Any]:
    """A running `OpenAIServer`; tell it with `play` what to reply."""
    with servers.OpenAIServer() as server:
        yield server


SCREENS = (PROJECT / "tests" / "tui" / "app", PROJECT / "tests" / "tui" / "terminal")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests of the interface, which are no tests of runs."""
    for item in items:
        if any(item.path.is_relative_to(folder) for folder in SCREENS):
            item.add_marker("screen")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--slow-gate",
        action="store_true",
        help=f"fail when a test that is marked neither slow nor kill takes more than {REFUSE_ABOVE:g} s",
    )


def unmarked_slow_tests(reporter: pytest.TerminalReporter, above: float) -> list[tuple[str, float]]:
    """Name and seconds of the tests without a mark that took longer than `above`, slowest first."""
    found = [
        (report.nodeid, report.duration)
        for reports in reporter.stats.values()
        for report in reports
        if isinstance(report, pytest.TestReport)
        and report.when == "call"
        and report.duration > above
        and not {"slow", "kill"} & report.keywords.keys()
    ]
    return sorted(found, key=lambda item: -item[1])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    slow = unmarked_slow_tests(terminalreporter, MARK_ABOVE)
    if slow:
        terminalreporter.section(f"slower than {MARK_ABOVE:g} s and not marked slow")
        gate = terminalreporter.config.getoption("--slow-gate")
        for nodeid, seconds in slow:
            verdict = "  refused by --slow-gate" if gate and seconds > REFUSE_ABOVE else ""
            terminalreporter.line(f"{seconds:6.2f} s  {nodeid}{verdict}")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Iterator[None]:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    gate = session.config.getoption("--slow-gate") and session.exitstatus == pytest.ExitCode.OK
    if gate and reporter is not None and unmarked_slow_tests(reporter, REFUSE_ABOVE):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    return (yield)
