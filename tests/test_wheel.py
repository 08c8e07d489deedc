"""The wheel holds the packages that exist, all of their files and nothing else, and works on its own."""

from __future__ import annotations

import email
import os
import shutil
import subprocess
import sys
import time
import tomllib
import venv
import zipfile
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pexpect
import pyte
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.packaging

CODE = ("core", "themes", "tui")
ROOTS = ("examples", *CODE)
UNSHIPPED = shutil.ignore_patterns("__pycache__", "*.pyc", ".*", "output")
PATIENCE = 60.0
"""Seconds after which something that did not happen never will."""
LEFTOVERS = (
    "examples/.proc-tui/runs.db", "examples/.proc-tui/worker.log", "examples/output/report.txt",
    "examples/servers/__pycache__/library.cpython-311.pyc",
)  # fmt: skip
"""What runs and Python leave beside the examples of a checkout."""


def folders(project: Path) -> set[str]:
    """The dotted names of all packages: every folder of code that has a Python file somewhere below it."""
    return {
        ".".join(("proc_tui", *folder.relative_to(project).parts))
        for root in CODE
        for source in (project / root).rglob("*.py")
        for folder in source.parents
        if folder.is_relative_to(project / root)
    }


@pytest.fixture(scope="module")
def configuration(project: Path) -> dict[str, Any]:
    return tomllib.loads((project / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def sources(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the wheel is built from: building in the checkout would leave files, and pick up old ones."""
    copy = tmp_path_factory.mktemp("sources")
    for root in ROOTS:
        shutil.copytree(project / root, copy / root, ignore=UNSHIPPED)
    (copy / "examples/.proc-tui").mkdir()
    shutil.copy(project / "examples/.proc-tui/config.toml", copy / "examples/.proc-tui")
    for name in ("LICENSE", "README.md", "pyproject.toml"):
        if (project / name).exists():
            shutil.copy(project / name, copy)
    return copy


@pytest.fixture(scope="module")
def wheel(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("wheel")
    for name in LEFTOVERS:
        (sources / name).parent.mkdir(exist_ok=True)
        (sources / name).write_text("left over")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(target), str(sources)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    for name in LEFTOVERS:
        (sources / name).unlink()
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def contents(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_listed_packages_are_the_folders_that_exist(project: Path, configuration: dict[str, Any]) -> None:
    listed = configuration["tool"]["setuptools"]["packages"]
    assert sorted(listed) == sorted(folders(project) | {"proc_tui.examples"})


def test_every_package_has_an_init(project: Path) -> None:
    inits = [project.joinpath(*name.split(".")[1:], "__init__.py") for name in folders(project)]
    assert [init for init in inits if not init.exists()] == []


@pytest.mark.slow
def test_the_wheel_imports_and_runs_in_an_empty_environment(
    wheel: Path, sources: Path, tmp_path: Path, outside: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"

    def run(*command: str | Path) -> str:
        done = outside(command, cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel)
    modules = [
        ".".join(("proc_tui", *source.relative_to(sources).with_suffix("").parts)).removesuffix(".__init__")
        for root in CODE
        for source in sorted((sources / root).rglob("*.py"))
        if source.stem != "__main__"
    ]
    run(python, "-I", "-W", "error", "-c", "".join(f"import {module}\n" for module in modules))
    program = environment / "bin" / "proc-tui"
    assert wheel.name.split("-")[1] in run(program, "--version")

    examples = next(environment.glob("lib/python*/site-packages/proc_tui/examples"))
    given = [f"--{kind}={examples}/poet.{kind}.yaml" for kind in ("replies", "answers")]
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    shutil.copy(examples / "poet.yaml", workspace)
    assert "approved: true" in run(program, "-C", workspace, "run", "poet", *given)

    before = {path for path in environment.rglob("*") if "__pycache__" not in path.parts}
    show_demo(program, tmp_path)
    assert {path for path in environment.rglob("*") if "__pycache__" not in path.parts} == before


def show_demo(program: Path, place: Path) -> None:
    """Opens the demo of an installation on a terminal until a decision waits, and leaves it: nothing stays behind."""
    home, temporary = place / "home", place / "temporary"
    for folder in (home, temporary):
        folder.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "PROC_TUI_"))}
    environment = {**kept, "HOME": str(home), "TMPDIR": str(temporary), "TERM": "xterm-256color", "TZ": "UTC"}
    terminal = pexpect.spawn(str(program), ["demo"], cwd=str(place), env=environment, dimensions=(40, 150))
    screen = pyte.Screen(150, 40)
    stream = pyte.ByteStream(screen)

    def until(words: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while words not in "\n".join(screen.display):
            assert time.monotonic() < deadline, "\n".join(screen.display)
            with suppress(pexpect.TIMEOUT):
                stream.feed(terminal.read_nonblocking(65536, timeout=0.1))

    try:
        until("if nobody answers")
        assert len(list(temporary.iterdir())) == 1
        terminal.send("q")
        until("Leave the demo")
        terminal.send("\r")
        until("The demo is gone")
        terminal.expect(pexpect.EOF, timeout=PATIENCE)
    finally:
        terminal.close(force=True)
    assert terminal.exitstatus == 0
    assert list(temporary.iterdir()) == []
    assert [path for path in home.rglob("*") if path.is_file()] == []


class TestContents:
    def test_every_file_of_the_packages_is_inside_and_nothing_else(self, contents: set[str], sources: Path) -> None:
        shipped = {
            f"proc_tui/{file.relative_to(sources).as_posix()}"
            for root in ROOTS
            for file in (sources / root).rglob("*")
            if file.is_file()
        }
        assert {name for name in contents if ".dist-info/" not in name} == shipped

    def test_nothing_of_ours_lands_at_the_top(self, contents: set[str]) -> None:
        tops = {name.split("/")[0] for name in contents}
        assert {top for top in tops if not top.endswith(".dist-info")} == {"proc_tui"}

    def test_the_types_are_marked_as_shipped(self, contents: set[str]) -> None:
        assert {f"proc_tui/{root}/py.typed" for root in CODE} <= contents

    def test_what_runs_left_beside_the_examples_is_not(self, contents: set[str]) -> None:
        assert "proc_tui/examples/.proc-tui/config.toml" in contents
        assert [name for name in LEFTOVERS if f"proc_tui/{name}" in contents] == []

    def test_the_metadata_says_version_license_and_python(self, wheel: Path, configuration: dict[str, Any]) -> None:
        import proc_tui.core

        with zipfile.ZipFile(wheel) as archive:
            (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
            metadata = email.message_from_bytes(archive.read(name))
            assert any(name.endswith("/licenses/LICENSE") for name in archive.namelist())
        assert metadata["Version"] == proc_tui.core.__version__
        assert metadata["License-Expression"] == "MIT"
        assert metadata["Requires-Python"] == configuration["project"]["requires-python"]
