from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import OpenApp, Stage

TREE = """
local root = GraphNode.create{content = "find the way", score = 0.5}
local ways = {}
for n = 1, 3 do
  ways[n] = GraphNode.create{content = "way " .. n, score = n / 10, metadata = {status = "open"}, parent = root}
end
local best = GraphNode.create{content = "shorter way", score = 0.9, parent = ways[2]}
GraphNode.set_current(ways[3])
Human.approve{message = "Go on?"}
"""
MANY = """
local root = GraphNode.create{content = "many"}
for n = 1, 1203 do GraphNode.create{content = "leaf " .. n, score = n % 100, parent = root} end
GraphNode.set_current(root)
Human.approve{message = "Go on?"}
"""
HOSTILE = "[/foo] [@click=app.quit]x[/] \\27[31m"

pytestmark = pytest.mark.slow


def shown_line(app: OpenApp) -> str:
    """The line of the source that the cursor is on."""
    lines = app.pane("source").query_one("SourceLines")
    return lines.copied(lines.cursor)


async def test_the_way_to_the_current_node_is_unfolded_and_it_is_marked(stage: Stage) -> None:
    await stage.play(TREE, name="ways")
    async with stage.open(size=(150, 44)) as app:
        await app.press("5")
        assert "▾" in app.line("find the way")
        assert "● way 3" in app.text()
        assert "0.3" in app.line("● way 3")
        assert "5 nodes" in app.text()
        assert "shorter way" not in app.text(), "what is folded was not asked for"
        assert "status: open" in app.text(), "the selected node is shown below"


async def test_its_columns_have_headings_that_stand_above_their_numbers(stage: Stage) -> None:
    await stage.play(TREE, name="ways")
    async with stage.open(size=(80, 24)) as app:
        await app.press("5")
        heading, root = app.line("children"), app.line("find the way")
        assert heading.index("score") + len("score") == root.index("0.5") + 3
        assert heading.index("children") + len("children") == root.index("3 ") + 1


async def test_unfolding_reads_what_is_below(stage: Stage) -> None:
    await stage.play(TREE, name="ways")
    async with stage.open(size=(150, 44)) as app:
        await app.press("5", "k", "space")
        assert "0.9" in app.line("shorter way")
        await app.press("space")
        assert "shorter way" not in app.text()
        await app.press("l", "l", "enter")
        assert "metadata:" in app.text()
        await app.press("escape", "h")
        assert "way 2" in app.line("▾ way 2") or "way 2" in app.text()


async def test_sorting_by_score_puts_the_best_first(stage: Stage) -> None:
    await stage.play(TREE, name="ways")
    async with stage.open(size=(150, 44)) as app:
        await app.press("5")
        text = app.text()
        assert text.index("way 1") < text.index("way 2")
        await app.press("s")
        text = app.text()
        assert text.index("way 2") < text.index("way 1")
        assert "best first" in text


async def test_children_come_five_hundred_at_a_time(stage: Stage) -> None:
    await stage.play(MANY, name="many")
    async with stage.open(size=(150, 44)) as app:
        await app.press("5", "G")
        assert "703 more" in app.text()
        await app.press("space")
        await app.press("G")
        assert "203 more" in app.text()
        await app.press("space", "G")
        assert "more" not in app.line("leaf 1203")
        assert "leaf 1203" in app.text()


async def test_the_graph_follows_the_moment(stage: Stage) -> None:
    await stage.play(TREE, name="ways")
    async with stage.open(size=(150, 44)) as app:
        await app.press("5")
        assert "5 nodes" in app.text()
        await app.press("g", "t")
        assert app.app.at is not None
        assert "1 node " in app.text()
        await app.press("full_stop")
        assert "2 nodes" in app.text()


async def test_a_node_leads_to_its_line(stage: Stage) -> None:
    await stage.play(TREE, name="ways")
    async with stage.open(size=(150, 44)) as app:
        await app.press("5", "g", "o")
        assert app.focused_layer() == "source"
        assert "find the way" in shown_line(app)


async def test_a_run_without_nodes_says_so(stage: Stage) -> None:
    await stage.play('Human.approve{message = "x"}', name="none")
    async with stage.open(size=(150, 44)) as app:
        await app.press("5")
        assert "the run has no nodes" in app.text()


async def test_hostile_content_and_metadata_are_text(stage: Stage) -> None:
    node = f'{{content = "{HOSTILE}", metadata = {{["{HOSTILE}"] = "{HOSTILE}"}}}}'
    code = f'GraphNode.create{node} Human.approve{{message = "x"}}'
    await stage.play(code, name="ways")
    async with stage.open(size=(150, 44)) as app:
        await app.press("5")
        assert app.text().count("[@click=app.quit]x[/] ‹U+001B›[31m") >= 3
        await app.press("enter")
        assert "[/foo]" in app.text()


def test_graph(stage: Stage, snap_compare: Any) -> None:
    stage.play_now(TREE, name="ways")
    assert snap_compare(stage.app(), press=["5", "z"], terminal_size=(80, 24), run_before=stage.settle)


def test_graph_beside_its_node_in_the_light_theme(stage: Stage, snap_compare: Any) -> None:
    stage.play_now(TREE, name="ways")
    app = stage.app(theme="proc-light")
    assert snap_compare(app, press=["5", "z", "k"], terminal_size=(120, 30), run_before=stage.settle)


@pytest.mark.slow
def test_wide_and_long_texts(wide_is_as_kept: Callable[..., bool]) -> None:
    assert wide_is_as_kept("5", "z")
