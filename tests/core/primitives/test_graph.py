"""`GraphNode` and the methods of nodes."""

from __future__ import annotations

import pytest
from proc_tui.core.journal.events import NodeCreated, NodeMetadataSet, NodeSelected
from proc_tui.core.testing import play


@pytest.mark.covers(
    "GraphNode.create", "success", "option content", "option metadata", "option parent", "option score", "replay"
)
@pytest.mark.covers("GraphNode.root", "success", "replay")
@pytest.mark.covers("GraphNode.current", "success", "replay")
@pytest.mark.covers("GraphNode.get", "success", "replay")
def test_nodes_are_made_in_either_form_and_become_current() -> None:
    played = play("""
        assert(GraphNode.root() == nil and GraphNode.current() == nil and GraphNode.get("node-1") == nil)
        local root = GraphNode.create("first", {why = "seed"})
        local child = GraphNode.create{content = {text = "second"}, parent = root, metadata = {a = 1}, score = 0.5}
        local third = GraphNode.create("third", nil, child.id)
        local other = GraphNode.create()
        return {
          ids = {root.id, child.id, third.id, other.id}, content = child.content, status = root.status,
          root = GraphNode.root().id, current = GraphNode.current().id, got = GraphNode.get("node-2").content.text,
          self = GraphNode.get(root).content, none = other.content == nil,
        }
    """)
    assert played.result == {
        "ids": ["node-1", "node-2", "node-3", "node-4"],
        "content": {"text": "second"},
        "status": "open",
        "root": "node-1",
        "current": "node-4",
        "got": "second",
        "self": "first",
        "none": True,
    }
    assert played.events(NodeCreated)[1] == NodeCreated("node-2", {"text": "second"}, {"a": 1, "score": 0.5}, "node-1")
    played.replay()


@pytest.mark.covers("node:children", "success", "replay")
@pytest.mark.covers("node:parent", "success", "replay")
@pytest.mark.covers("node:score", "success", "replay")
@pytest.mark.covers("node:metadata", "success", "replay")
@pytest.mark.covers("node:set_metadata", "success", "option value", "replay")
def test_the_methods_of_a_node_read_and_change_it() -> None:
    played = play("""
        local root = GraphNode.create("r")
        local a = GraphNode.create{content = "a", parent = root, score = 1}
        local b = GraphNode.create{content = "b", parent = root.id, metadata = {score = 2, keep = true}}
        local names = {}
        for i, node in ipairs(root:children()) do names[i] = node.content .. node:parent().content end
        b:set_metadata("score", 9)
        b:set_metadata("status", "done")
        b:set_metadata("keep")
        b:metadata().score = "a copy"
        return {
          names = names, orphan = root:parent() == nil, a = a:score(), b = b:score(), none = root:score() == nil,
          metadata = b:metadata(), stale = b.status, status = GraphNode.get(b).status, leaf = #a:children(),
          chained = root:children()[2]:metadata().status,
        }
    """)
    assert played.result == {
        "names": ["ar", "br"],
        "orphan": True,
        "a": 1,
        "b": 9,
        "none": True,
        "metadata": {"score": 9, "status": "done"},
        "stale": "open",
        "status": "done",
        "leaf": 0,
        "chained": "done",
    }
    assert [(event.key, event.value) for event in played.events(NodeMetadataSet)] == [
        ("score", 9),
        ("status", "done"),
        ("keep", None),
    ]
    played.replay()


@pytest.mark.covers("GraphNode.set_current", "success", "replay")
def test_set_current_takes_a_node_or_an_id_and_is_false_for_an_unknown_one() -> None:
    played = play("""
        local a, b = GraphNode.create("a"), GraphNode.create("b")
        local seen = {GraphNode.current().id}
        seen[2] = GraphNode.set_current(a)
        seen[3] = GraphNode.current().id
        seen[4] = GraphNode.set_current("node-2")
        seen[5] = GraphNode.set_current("node-7")
        seen[6] = GraphNode.current().id
        return seen
    """)
    assert played.result == ["node-2", True, "node-1", True, False, "node-2"]
    assert played.events(NodeSelected) == [NodeSelected("node-1"), NodeSelected("node-2")]
    played.replay()


def test_ids_are_the_same_when_a_completed_step_that_made_nodes_is_skipped() -> None:
    played = play("""
        Step.run("make", function() GraphNode.create("in the step") end)
        local after = GraphNode.create("after")
        Sleep(1)
        return {after.id, after:parent() == nil, GraphNode.root().content}
    """)
    assert played.result == ["node-2", True, "in the step"]
    played.replay()


def test_a_node_crosses_operations_as_plain_values_and_its_id_still_works() -> None:
    played = play("""
        local node = GraphNode.create("x", {score = 4})
        State.set("best", node)
        local kept = State.get("best")
        return {kept = kept, methods = kept.children == nil, score = GraphNode.get(kept):score()}
    """)
    assert played.result == {
        "kept": {"id": "node-1", "status": "open", "content": "x"},
        "methods": True,
        "score": 4,
    }
    played.replay()


def test_the_metatable_of_nodes_cannot_be_reached() -> None:
    assert play('return getmetatable(GraphNode.create("x"))').result is False


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(
            'GraphNode.create{content = "x", parent = "node-9"}',
            'GraphNode.create: there is no node "node-9"',
            marks=pytest.mark.covers("GraphNode.create", "error"),
        ),
        (
            'GraphNode.create{conten = "x"}',
            'GraphNode.create: unknown option "conten"; did you mean "content"? '
            "(options: content, metadata, parent, score)",
        ),
        (
            'GraphNode.create("x", "y")',
            'GraphNode.create: "metadata" must be a table with string keys, got a string ("y")',
        ),
        ('GraphNode.create("x", {1})', 'GraphNode.create: "metadata" must be a table with string keys, got a table'),
        ('GraphNode.create("x", {}, {})', 'GraphNode.create: "parent" must be a node or a node\'s id, got a table'),
        ('GraphNode.create{score = "a"}', 'GraphNode.create: "score" must be a number, got a string ("a")'),
        pytest.param(
            "GraphNode.root(1)",
            "GraphNode.root takes at most 0 arguments, got 1",
            marks=pytest.mark.covers("GraphNode.root", "error"),
        ),
        pytest.param(
            "GraphNode.current(1)",
            "GraphNode.current takes at most 0 arguments, got 1",
            marks=pytest.mark.covers("GraphNode.current", "error"),
        ),
        pytest.param(
            "GraphNode.set_current()",
            'GraphNode.set_current: "node" is missing (a node or a node\'s id)',
            marks=pytest.mark.covers("GraphNode.set_current", "error"),
        ),
        pytest.param(
            "GraphNode.get(true)",
            'GraphNode.get: "id" must be a node or a node\'s id, got true',
            marks=pytest.mark.covers("GraphNode.get", "error"),
        ),
        pytest.param(
            "n:children(1)",
            "node:children takes at most 1 argument, got 2",
            marks=pytest.mark.covers("node:children", "error"),
        ),
        pytest.param(
            "n.parent()",
            'node:parent: "node" is missing (a node or a node\'s id)',
            marks=pytest.mark.covers("node:parent", "error"),
        ),
        pytest.param(
            'n.score("node-9")',
            'node:score: there is no node "node-9"',
            marks=pytest.mark.covers("node:score", "error"),
        ),
        pytest.param(
            "n.metadata(7)",
            'node:metadata: "node" must be a node or a node\'s id, got a number (7)',
            marks=pytest.mark.covers("node:metadata", "error"),
        ),
        pytest.param(
            "n:set_metadata()",
            'node:set_metadata: "key" is missing (a string)',
            marks=pytest.mark.covers("node:set_metadata", "error"),
        ),
        ('n:set_metadata("k", print)', "value is a function"),
    ],
)
def test_a_wrong_call_raises_with_what_was_wrong(call: str, message: str) -> None:
    played = play(f"""
        local n = GraphNode.create("n")
        return {{pcall(function() {call} end)}}
    """)
    assert played.result == [False, f"play.yaml:3: {message}"]
    assert len(played.records) == 3
    played.replay()
