"""Promises about the installed program as a whole: what starting it costs, and what its files claim."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.packaging

HEAVY = {
    "aiosqlite", "asyncio", "boto3", "jsonschema", "langchain_core", "langchain_openai", "lupa", "openai", "pygments",
    "rich", "sqlite3", "textual", "yaml",
}  # fmt: skip

LIST_MODULES = "print(json.dumps(sorted(set(sys.modules))), file=sys.stderr)"
RUN_MAIN = f"""
import json, sys
from proc_tui.tui.cli import main
try:
    main()
finally:
    {LIST_MODULES}
"""


def modules_after(program: str, *arguments: str) -> tuple[str, set[str]]:
    """What a fresh interpreter prints on standard output, and the modules it has imported at the end."""
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout, set(json.loads(done.stderr.splitlines()[-1]))


@pytest.fixture(scope="module")
def bare() -> set[str]:
    """What an interpreter of this environment imports before it runs anything."""
    return modules_after(f"import json, sys\n{LIST_MODULES}")[1]


@pytest.mark.slow
def test_importing_the_command_line_imports_nothing_heavy(bare: set[str]) -> None:
    _, modules = modules_after(f"import json, sys\nimport proc_tui.tui.cli\n{LIST_MODULES}")
    assert "proc_tui.tui.cli" in modules
    assert (modules - bare) & HEAVY == set()


@pytest.mark.slow
@pytest.mark.parametrize("option", ["--version", "--help"])
def test_version_and_help_import_nothing_heavy(option: str, bare: set[str]) -> None:
    printed, modules = modules_after(RUN_MAIN, option)
    assert printed.strip()
    assert (modules - bare) & HEAVY == set()


def test_the_version_is_the_one_of_the_package(project: Path) -> None:
    import proc_tui.core

    printed, _ = modules_after(RUN_MAIN, "--version")
    assert proc_tui.core.__version__ in printed
    assert "version" in tomllib.loads((project / "pyproject.toml").read_text())["project"]["dynamic"]
