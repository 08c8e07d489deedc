"""Which tools an agent is offered, and by which names they are recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from proc_tui.core.errors import DependencyError, NotFound
from proc_tui.core.journal.events import Ended
from proc_tui.core.model.settings import PythonToolSettings, ServerSettings, Settings
from proc_tui.core.testing import play

SETTINGS = Settings(
    durability="fast", python_tools=PythonToolSettings(interpreter="${PROC_TUI_PYTHON}", modules=["docs.py"])
)
MODULE = "def search(query: str) -> str:\n    return 'found ' + query\n"
OTHER = 'name: other\nversion: "1"\ncode: return 7\n'
TURN = "local turn = Worker.turn()\nreturn {turn.tool_calls[1], Tool.called('docs.search'), Tool.called('docs_search')}"


def agent(*tools: str) -> dict[str, Any]:
    return {"worker": {"system_prompt": "s", "tools": list(tools)}}


@pytest.mark.slow
@pytest.mark.parametrize("listed", ["docs.*", "docs.search"])
def test_a_tool_of_a_server_is_recorded_and_shown_by_the_name_that_the_author_uses(listed: str) -> None:
    replies = {"worker": [{"calls": [{"docs_search": {"query": "tea"}}]}]}
    played = play(TURN, agents=agent(listed), replies=replies, settings=SETTINGS, workspace={"docs.py": MODULE})
    shown = {"name": "docs.search", "args": {"query": "tea"}, "result": "found tea"}
    assert played.result == [shown, True, False]
    assert "tools.docs.search#1" in [event.name for event in played.events(Ended)]
    played.replay()


BROKEN = {"other.yaml": 'name: other\nversion: "1"\ncode: return )\nbogus: 1\n'}
TWICE = {"a/one.yaml": OTHER, "b/two.yaml": OTHER}
WAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "as a tool": ("return 1", {"agents": agent("other")}),
    "as a dependency": ("return 1", {"dependencies": {"procedures": ["other"]}}),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_broken_procedure_is_told_with_its_place_before_the_run_starts(way: str) -> None:
    code, keys = WAYS[way]
    with pytest.raises(DependencyError) as caught:
        play(code, **keys, workspace=BROKEN)
    told = str(caught.value)
    assert told.startswith('play needs what is not here: procedure "other", which is broken (other.yaml:')
    assert told.endswith("; and 1 more)")


def test_tools_of_a_server_that_is_not_there_are_told_once_with_its_reason_before_the_run_starts() -> None:
    settings = Settings(mcp_servers={"docs": ServerSettings(command="no-such-program")})
    with pytest.raises(DependencyError) as caught:
        play("return 1", dependencies={"tools": ["docs.search", "docs.*"]}, settings=settings)
    assert str(caught.value) == (
        'play needs what is not here: tool "docs.search", tool "docs.*" (the MCP server "docs" did not start: there is '
        'no program "no-such-program"; install it, or correct command)'
    )
    with pytest.raises(
        DependencyError, match=r'here: tool "search" \(0 known\), and the MCP server "docs" did not start'
    ):
        play("return 1", dependencies={"tools": ["search"]}, settings=settings)


@pytest.mark.parametrize("way", WAYS)
def test_two_procedures_of_one_name_are_told_with_their_files_before_the_run_starts(way: str) -> None:
    code, keys = WAYS[way]
    with pytest.raises(DependencyError, match=r"more than one file declares the name .*a/one.yaml and b/two.yaml"):
        play(code, **keys, workspace=TWICE)


def test_neither_of_two_procedures_of_one_name_is_run_by_it() -> None:
    played = play('return (select(2, pcall(Procedure.run, "other")))', workspace={**TWICE})
    assert "a/one.yaml and b/two.yaml; rename one, or run one by its file" in str(played.result)
    with pytest.raises(NotFound, match=r"more than one file .*a/one.yaml and b/two.yaml"):
        played.operator.start("other")
    assert played.operator.start(played.folder / "b" / "two.yaml").procedure == "other"
    files = {
        name: [str(file.relative_to(played.folder)) for file in found]
        for name, found in played.operator.namesakes().items()
    }
    assert files == {"other": ["a/one.yaml", "b/two.yaml"]}


@pytest.mark.parametrize(
    ("change", "says"), [(BROKEN, 'the procedure "other" is broken'), (TWICE, "more than one file")]
)
def test_a_procedure_that_becomes_unusable_meanwhile_fails_the_turn_with_the_reason(
    tmp_path: Path, change: dict[str, str], says: str
) -> None:
    code = 'Human.approve{message = "?"}\nlocal ok, why = pcall(Worker.turn)\nreturn why'
    played = play(
        code, agents=agent("other"), replies={"worker": ["never"]}, workspace={"other.yaml": OTHER}, folder=tmp_path
    )
    for name, text in change.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert says in str(played.go_on(answers=[True]).result)
