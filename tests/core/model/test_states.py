"""States are tables, and what the engine does follows them."""

from __future__ import annotations

from proc_tui.core.model.states import ENDED, REQUEST_TRANSITIONS, RUN_TRANSITIONS, RequestStatus, RunStatus
from proc_tui.core.testing import play


def test_every_state_is_in_its_table() -> None:
    assert set(RUN_TRANSITIONS) == set(RunStatus)
    assert set(REQUEST_TRANSITIONS) == set(RequestStatus)


def test_nothing_follows_a_completed_or_cancelled_run() -> None:
    assert RUN_TRANSITIONS[RunStatus.COMPLETED] == RUN_TRANSITIONS[RunStatus.CANCELLED] == frozenset()
    assert {status for status in RunStatus if status.ended} == ENDED


def test_every_run_can_be_cancelled_until_it_ends() -> None:
    assert all(RunStatus.CANCELLED in following for status, following in RUN_TRANSITIONS.items() if not status.ended)


def test_only_a_pending_request_is_resolved() -> None:
    assert {status for status, following in REQUEST_TRANSITIONS.items() if following} == {RequestStatus.PENDING}


def test_runs_take_only_the_ways_of_the_table() -> None:
    """The statuses that a run with every kind of wait shows, in order."""
    seen: list[str] = []
    played = play(
        (
            "Sleep(5)\n"
            'Human.approve{message = "m", timeout = 5}\n'
            'local h = Procedure.spawn("child", {})\n'
            "Procedure.wait(h)\n"
            'error("no")'
        ),
        workspace={"child": "Sleep(5)"},
        upto="SLEEPING",
    )
    for upto in ("WAITING_FOR_HUMAN", "WAITING_FOR_CHILD", None):
        seen.append(played.status)
        played.go_on(upto=upto)
    seen.append(played.status)
    assert seen == ["SLEEPING", "WAITING_FOR_HUMAN", "WAITING_FOR_CHILD", "FAILED"]
    played.operator.resume(played.run)
    assert RunStatus.PENDING in RUN_TRANSITIONS[RunStatus.FAILED]
    assert played.status is RunStatus.PENDING
