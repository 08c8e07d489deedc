"""What the README and the guides show is true: procedures are sound, code runs, commands and files exist."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from proc_tui.core import document
from proc_tui.tui.cli import COMMANDS, cli

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([ROOT / "README.md", ROOT / "examples" / "README.md", *(ROOT / "docs").glob("*.md")])
_OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")


def blocks(text: str, language: str) -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [content for name, content in found if name == language]


def called(text: str) -> list[tuple[str, list[str]]]:
    """Every command that a page calls, with its options."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    spans = [span.replace("\n", " ") for span in re.findall(r"`(proc-tui [^`]+)`", prose)]
    shown = "\n".join(blocks(text, ""))
    spans += re.findall(r"^(?:\$ |\.venv/bin/)?(proc-tui .*?)(?:   .*)?$", shown, re.MULTILINE)
    return [(span.split()[1], _OPTION.findall(span)) for span in spans if re.match(r"[a-z]", span.split()[1])]


def test_its_procedures_have_no_problems(tmp_path: Path) -> None:
    found = blocks(README, "yaml")
    assert len(found) == 2
    for text in found:
        assert document.examine(text.encode(), "readme.yaml")[1] == []


@pytest.mark.slow
def test_its_python_runs_as_printed(tmp_path: Path) -> None:
    (tmp_path / "hello.yaml").write_text(blocks(README, "yaml")[0])
    (script,) = blocks(README, "python")
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("{'greeted': True}\n", "")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_of_a_page_exist_with_their_options(page: Path) -> None:
    with cli.make_context("proc-tui", [], resilient_parsing=True) as context:
        for name, options in called(page.read_text(encoding="utf-8")):
            assert name in COMMANDS, name
            command = cli.get_command(context, name)
            assert command is not None
            known = {option for param in command.params for option in (*param.opts, *param.secondary_opts)}
            unknown = [option for option in options if option not in known | {"--help"}]
            assert not unknown, f"proc-tui {name} {unknown}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_links_to_is_there(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target
