"""What `+ new` and `proc-tui new` begin with: each is without a warning, and runs to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from proc_tui.core import document
from proc_tui.core.journal.events import Alerted, Notified, Requested
from proc_tui.core.model.states import RunStatus
from proc_tui.core.operator import Given
from proc_tui.core.testing import play, play_file
from proc_tui.core.values import to_plain
from proc_tui.tui.templates import REPLIES, TEMPLATES, TITLES, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from proc_tui.core.testing import Played


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a template to a file, as `fresh`."""

    def write_template(template: str) -> Path:
        file = tmp_path / "fresh.yaml"
        write(file, template)
        return file

    return write_template


def begin(file: Path, old: str = "", new: str = "", **options: Any) -> Played:
    """Plays the file after its author put something else in the place of a line."""
    text = file.read_text()
    assert old in text
    return play(text.replace(old, new) if old else text, **options)


def result(played: Played) -> Any:
    assert played.status is RunStatus.COMPLETED, played
    played.replay()
    return to_plain(played.result)


def test_the_interface_offers_four() -> None:
    assert list(TITLES.values()) == ["approval gate", "agent loop", "batch with alarm", "fan-out with join"]
    assert set(TITLES) < set(TEMPLATES)


@pytest.mark.parametrize("template", TEMPLATES)
def test_has_no_errors_or_warnings_and_says_how_to_run_it(written: Callable[[str], Path], template: str) -> None:
    file = written(template)
    procedure, diagnostics = document.examine(file.read_bytes(), file.name)
    assert [str(item) for item in diagnostics] == []
    assert procedure is not None
    assert procedure.name == "fresh"
    assert procedure.description
    text = file.read_text()
    assert text.startswith("# Run it:    proc-tui run fresh ")
    assert "NAME" not in text
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize("template", REPLIES)
def test_replies_are_written_beside_and_nothing_is_overwritten(written: Callable[[str], Path], template: str) -> None:
    file = written(template)
    replies = file.with_name("fresh.replies.yaml")
    assert replies.read_text().startswith("# What the agent of fresh says")
    with pytest.raises(FileExistsError):
        write(file, template)


class TestApprovalGate:
    def test_releases_what_somebody_approves(self, written: Callable[[str], Path]) -> None:
        given = Given(decision="Approve", feedback="after lunch")
        played = begin(written("approval"), params={"target": "production"}, answers=[given])
        assert result(played) == {"released": True, "comment": "after lunch"}
        assert [request.message for request in played.asked] == ["Release to production?"]
        assert [note.message for note in played.events(Notified)] == ["Released to production"]
        assert [change.to_stage for change in played.fold.stages.history] == ["prepare", "approve", "release"]

    def test_releases_nothing_that_is_rejected(self, written: Callable[[str], Path]) -> None:
        given = Given(decision="Reject", feedback="not today")
        played = begin(written("approval"), params={"target": "staging"}, answers=[given])
        assert result(played) == {"released": False, "comment": "not today"}
        assert played.log == ["rejected"]

    def test_releases_nothing_that_nobody_decides_in_a_day(self, written: Callable[[str], Path]) -> None:
        played = begin(written("approval"), params={"target": "staging"})
        assert result(played) == {"released": False}
        assert played.log == ["nobody decided in time"]
        assert played.clock.now() - played.run.created_at >= 86400

    def test_what_it_suggests_in_comments_works(self, written: Callable[[str], Path]) -> None:
        file = written("approval")
        text = file.read_text()
        for line in ('confirm: "{params.target}"', "approvals: 2", "not_starter: true"):
            assert f"# {line} " in text
            text = text.replace(f"# {line} ", f"{line} #")
        file.write_text(text)
        _, diagnostics = document.examine(file.read_bytes(), file.name)
        assert [str(item) for item in diagnostics] == []
        played = begin(file, params={"target": "staging"}, upto="WAITING_FOR_HUMAN")
        (request,) = played.operator.inbox()
        for name in ("Ada", "Ben"):
            played.operator.answer(request.id, Given(decision="Approve", typed="staging"), by=name)
        assert result(played.go_on()) == {"released": True}


class TestAgentLoop:
    def test_answers_with_the_replies_beside_it(self, written: Callable[[str], Path]) -> None:
        played = play_file(written("agent"))
        assert result(played) == {"answer": "Nine.", "turns": 2}
        assert played.asked == []
        assert to_plain(played.child("measure").result) == {"letters": 9}

    def test_a_person_decides_after_so_many_turns_and_is_asked_again_after_as_many_more(
        self, written: Callable[[str], Path]
    ) -> None:
        replies = {"helper": ["Let me think.", "Hm.", "Still thinking.", "No idea."]}
        options: dict[str, Any] = {"params": {"max_turns": 2}, "replies": replies}
        played = begin(written("agent"), answers=[True, False], **options)
        assert result(played) == {"answer": "No idea.", "turns": 4}
        messages = [event.message for event in played.events(Requested)]
        assert messages == ["No answer after 2 turns. Go on?", "No answer after 4 turns. Go on?"]

    def test_nobody_who_answers_ends_it(self, written: Callable[[str], Path]) -> None:
        played = begin(written("agent"), params={"max_turns": 1}, replies={"helper": ["I do not know."]})
        assert result(played) == {"answer": "I do not know.", "turns": 1}


class TestBatchWithAlarm:
    WORK = "return #tostring(item) "
    BREAKS = "if item:find('bad') then error('it is bad') end return 1 "

    def test_does_every_item(self, written: Callable[[str], Path]) -> None:
        played = begin(written("batch"), params={"items": ["a", "b", "c"]})
        assert result(played) == {"done": 3, "failed": [], "left": 0}
        assert played.asked == []

    def test_no_items_are_no_problem(self, written: Callable[[str], Path]) -> None:
        assert result(begin(written("batch"), params={"items": []})) == {"done": 0, "failed": [], "left": 0}

    def test_tries_three_times_and_goes_on_while_few_fail(self, written: Callable[[str], Path]) -> None:
        items = ["a", "bad 1", "b", "bad 2", "c"]
        played = begin(written("batch"), self.WORK, self.BREAKS, params={"items": items})
        assert result(played) == {"done": 3, "failed": ["bad 1", "bad 2"], "left": 0}
        tried = [entry.name for entry in played.fold.checkpoints.entries if entry.op == "step" and entry.failed]
        assert tried == ["item 2"] * 3 + ["item 4"] * 3

    def test_alarms_and_asks_when_too_many_fail_and_stops_when_told(self, written: Callable[[str], Path]) -> None:
        params = {"items": ["bad 1", "bad 2", "a", "b"], "allowed_failures": 1}
        played = begin(written("batch"), self.WORK, self.BREAKS, params=params, answers=[False])
        assert result(played) == {"done": 0, "failed": ["bad 1", "bad 2"], "left": 2}
        assert [(event.message, event.source) for event in played.events(Alerted)] == [("2 items failed", "fresh")]
        assert to_plain(played.asked[0].data["context"]) == {"failed": ["bad 1", "bad 2"]}

    def test_whoever_says_go_on_is_not_asked_for_each_item_after_that(self, written: Callable[[str], Path]) -> None:
        params = {"items": [f"bad {n}" for n in range(5)], "allowed_failures": 1}
        played = begin(written("batch"), self.WORK, self.BREAKS, params=params, answers=[True, True])
        assert len(result(played)["failed"]) == 5
        assert [event.message for event in played.events(Alerted)] == ["2 items failed", "4 items failed"]


class TestFanOutWithJoin:
    def test_adds_up_what_the_children_return(self, written: Callable[[str], Path]) -> None:
        played = begin(written("children"), params={"regions": ["eu", "us", "apac"]})
        assert result(played) == {"total": 8, "failed": []}
        assert [child.run.procedure for child in played.children] == ["count"] * 3

    def test_one_that_fails_does_not_take_the_others_with_it(self, written: Callable[[str], Path]) -> None:
        broken = "if params.region == 'us' then error('no such region') end return {"
        played = begin(written("children"), "return {number", f"{broken}number", params={"regions": ["eu", "us"]})
        assert result(played) == {"total": 2, "failed": ["us"]}

    def test_nothing_to_do_is_no_problem(self, written: Callable[[str], Path]) -> None:
        assert result(begin(written("children"), params={"regions": []})) == {"total": 0, "failed": []}
