"""`Session`: the messages of the run."""

from __future__ import annotations

import pytest
from proc_tui.core.journal.events import MessageAppended, SessionCleared, SessionLoaded
from proc_tui.core.testing import play


@pytest.mark.covers("Session.append", "success", "option metadata", "replay")
@pytest.mark.covers("Session.history", "success", "replay")
@pytest.mark.covers("Session.count", "success", "replay")
def test_messages_are_appended_in_either_form_and_read_in_order() -> None:
    played = play("""
        Session.append("user", "one", {n = 1})
        Session.append{role = "Assistant", content = "two"}
        Session.append{role = "TOOL", content = "three", metadata = "m"}
        return {history = Session.history(), count = Session.count()}
    """)
    assert played.result == {
        "history": [
            {"role": "USER", "content": "one", "metadata": {"n": 1}},
            {"role": "ASSISTANT", "content": "two"},
            {"role": "TOOL", "content": "three", "metadata": "m"},
        ],
        "count": 3,
    }
    played.replay()


def test_an_empty_history_is_an_empty_list_and_a_copy() -> None:
    played = play("""
        assert(#Session.history() == 0 and Session.count() == 0)
        Session.append("user", "x")
        Session.history()[1].content = "changed"
        return Session.history()
    """)
    assert played.result == [{"role": "USER", "content": "x"}]


@pytest.mark.covers("Session.inject_system", "success", "replay")
def test_inject_system_adds_a_system_message() -> None:
    played = play('Session.inject_system("be brief") return Session.history()')
    assert played.result == [{"role": "SYSTEM", "content": "be brief"}]
    assert played.events(MessageAppended) == [MessageAppended("SYSTEM", "be brief")]
    played.replay()


@pytest.mark.covers("Session.clear", "success", "replay")
def test_clear_removes_every_message() -> None:
    played = play('Session.append("user", "a") Session.clear() Session.append("user", "b") return Session.count()')
    assert played.result == 1
    assert [message.content for message in played.fold.session.messages] == ["b"]
    assert len(played.events(SessionCleared)) == 1
    played.replay()


@pytest.mark.covers("Session.save_to_node", "success", "replay")
@pytest.mark.covers("Session.load_from_node", "success", "replay")
def test_messages_are_saved_to_a_node_beside_its_metadata_and_loaded_again() -> None:
    played = play("""
        local node = GraphNode.create("draft", {score = 3})
        Session.append("user", "one") Session.append("assistant", "two", {n = 1})
        local saved = Session.save_to_node(node)
        Session.clear()
        Session.append("user", "other")
        local loaded = Session.load_from_node(node.id)
        return {saved = saved, loaded = loaded, history = Session.history(), score = node:score()}
    """)
    assert played.result == {
        "saved": True,
        "loaded": 2,
        "history": [{"role": "USER", "content": "one"}, {"role": "ASSISTANT", "content": "two", "metadata": {"n": 1}}],
        "score": 3,
    }
    played.replay()


def test_an_empty_session_is_saved_and_loaded_as_one() -> None:
    played = play("""
        local node = GraphNode.create("n")
        Session.save_to_node(node)
        Session.append("user", "x")
        return {loaded = Session.load_from_node(node), count = Session.count()}
    """)
    assert played.result == {"loaded": 0, "count": 0}
    played.replay()


def test_loading_from_a_node_that_kept_nothing_changes_nothing() -> None:
    played = play("""
        local node = GraphNode.create("n")
        Session.append("user", "x")
        return {Session.load_from_node(node), Session.count()}
    """)
    assert played.result == [0, 1]
    assert played.events(SessionLoaded) == []


def test_saving_to_a_node_that_does_not_exist_is_false() -> None:
    assert play('return Session.save_to_node("node-9")').result is False


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(
            'Session.append("usr", "x")',
            'Session.append: unknown role "usr"; did you mean "USER"? (roles: SYSTEM, USER, ASSISTANT, TOOL)',
            marks=pytest.mark.covers("Session.append", "error"),
        ),
        ('Session.append("user")', 'Session.append: "content" is missing (a string)'),
        (
            'Session.append{role = "user", text = "x"}',
            'Session.append: unknown option "text" (options: role, content, metadata)',
        ),
        (
            'Session.append{role = "user", conten = "x"}',
            'Session.append: unknown option "conten"; did you mean "content"? (options: role, content, metadata)',
        ),
        ('Session.append("user", {1})', 'Session.append: "content" must be a string, got a table'),
        pytest.param(
            "Session.inject_system(true)",
            'Session.inject_system: "text" must be a string, got true',
            marks=pytest.mark.covers("Session.inject_system", "error"),
        ),
        pytest.param(
            "Session.clear(1)",
            "Session.clear takes at most 0 arguments, got 1",
            marks=pytest.mark.covers("Session.clear", "error"),
        ),
        pytest.param(
            "Session.history(1)",
            "Session.history takes at most 0 arguments, got 1",
            marks=pytest.mark.covers("Session.history", "error"),
        ),
        pytest.param(
            "Session.count(1)",
            "Session.count takes at most 0 arguments, got 1",
            marks=pytest.mark.covers("Session.count", "error"),
        ),
        pytest.param(
            "Session.save_to_node(3)",
            'Session.save_to_node: "node" must be a node or a node\'s id, got a number (3)',
            marks=pytest.mark.covers("Session.save_to_node", "error"),
        ),
        pytest.param(
            'Session.load_from_node("node-9")',
            'Session.load_from_node: there is no node "node-9"',
            marks=pytest.mark.covers("Session.load_from_node", "error"),
        ),
    ],
)
def test_a_wrong_call_raises_with_what_was_wrong(call: str, message: str) -> None:
    played = play(f"return {{pcall(function() {call} end)}}")
    assert played.result == [False, f"play.yaml:2: {message}"]
    assert played.events(MessageAppended) == []
    played.replay()
