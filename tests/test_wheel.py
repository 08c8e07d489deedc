"""The wheel holds the packages that exist, all of their files and nothing else, and works on its own."""

from __future__ import annotations

import email
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.packaging

ROOTS = ("core", "themes", "tui")
UNSHIPPED = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")


def folders(project: Path) -> set[str]:
    """The dotted names of all packages: every folder under the roots that has a Python file somewhere below it."""
    return {
        ".".join(("proc_tui", *folder.relative_to(project).parts))
        for root in ROOTS
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
    for name in ("LICENSE", "README.md", "pyproject.toml"):
        if (project / name).exists():
            shutil.copy(project / name, copy)
    return copy


@pytest.fixture(scope="module")
def wheel(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(target), str(sources)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def contents(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_listed_packages_are_the_folders_that_exist(project: Path, configuration: dict[str, Any]) -> None:
    listed = configuration["tool"]["setuptools"]["packages"]
    assert sorted(listed) == sorted(folders(project))


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
        for root in ROOTS
        for source in sorted((sources / root).rglob("*.py"))
        if source.stem != "__main__"
    ]
    run(python, "-I", "-W", "error", "-c", "".join(f"import {module}\n" for module in modules))
    assert wheel.name.split("-")[1] in run(environment / "bin" / "proc-tui", "--version")


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
        assert {f"proc_tui/{root}/py.typed" for root in ROOTS} <= contents

    def test_the_metadata_says_version_license_and_python(self, wheel: Path, configuration: dict[str, Any]) -> None:
        import proc_tui.core

        with zipfile.ZipFile(wheel) as archive:
            (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
            metadata = email.message_from_bytes(archive.read(name))
            assert any(name.endswith("/licenses/LICENSE") for name in archive.namelist())
        assert metadata["Version"] == proc_tui.core.__version__
        assert metadata["License-Expression"] == "MIT"
        assert metadata["Requires-Python"] == configuration["project"]["requires-python"]
