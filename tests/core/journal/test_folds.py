"""Folds: what events add up to, whatever order of things they tell of."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from proc_tui.core.journal.events import (
    EVENTS,
    AttemptBegan,
    Began,
    CheckpointsCleared,
    Ended,
    Event,
    MessageAppended,
    MessageReceived,
    NodeCreated,
    NodeMetadataSet,
    NodeSelected,
    Record,
    RequestCancelled,
    Requested,
    RequestTimedOut,
    Responded,
    RunEnded,
    RunResumed,
    RunStarted,
    SessionCleared,
    SessionLoaded,
    SessionSaved,
    StageHistoryCleared,
    StageSet,
    StateAppended,
    StateCleared,
    StateIncremented,
    StateSet,
    StopRequested,
    decode_event,
    encode_event,
)
from proc_tui.core.journal.folds import LogFold, RunFold
from proc_tui.core.journal.folds.fold import appliers
from proc_tui.core.model.states import RequestStatus
from proc_tui.core.testing import fold_image
from proc_tui.core.values import encode

STARTED = RunStarted(procedure="p", version="1", source="s", params={"a": 1}, seed=7, started_at=100.0)


def fold(*events: Event) -> RunFold:
    return RunFold([Record(seq, 100.0 + seq, seq, event) for seq, event in enumerate((STARTED, *events), 1)])


def test_state_is_what_was_set_last() -> None:
    found = fold(
        StateSet("a", 1), StateSet("b", [1]), StateAppended("b", 2), StateIncremented("n", 5, 5),
        StateAppended("new", 1), StateSet("a"), StateSet("c", {"x": 1}),
    )  # fmt: skip
    assert found.state.values == {"b": [1, 2], "n": 5, "new": [1], "c": {"x": 1}}
    assert fold(StateSet("a", 1), StateCleared()).state.values == {}


def test_appending_changes_no_event() -> None:
    event = StateSet("l", [1])
    records = [Record(1, 1.0, 0, STARTED), Record(2, 2.0, 0, event), Record(3, 3.0, 0, StateAppended("l", 2))]
    assert RunFold(records).state.values == RunFold(records).state.values == {"l": [1, 2]}
    assert event.value == [1]


def test_operations_open_and_end() -> None:
    found = fold(Began("step", "outer"), Ended("sleep", "sleep#1"), Began("approve", "approve#1")).checkpoints
    assert [(entry.name, entry.level, entry.ended) for entry in found.entries] == [
        ("outer", 0, False), ("sleep#1", 1, True), ("approve#1", 1, False),
    ]  # fmt: skip
    assert [entry.name for entry in found.open] == ["outer", "approve#1"]
    assert found.numbered("sleep") == "sleep#2"
    assert found.numbered("approve") == "approve#2"
    assert found.numbered("input") == "input#1"


def test_failures_of_a_step_are_counted_until_it_completes() -> None:
    failed = Ended("step", "s", failed=True, error="no")
    assert fold(failed, failed).checkpoints.next_attempt("s") == 3
    done = fold(failed, Ended("step", "s", attempt=2)).checkpoints
    assert done.next_attempt("s") == 1
    assert "s" in done.completed


def test_clearing_forgets_names_from_a_checkpoint_on() -> None:
    found = fold(
        Ended("step", "a"), Ended("sleep", "sleep#1"), Ended("step", "b"), Ended("sleep", "sleep#2"),
        CheckpointsCleared("b"),
    ).checkpoints  # fmt: skip
    assert list(found.completed) == ["a", "sleep#1"]
    assert found.numbered("sleep") == "sleep#2"
    assert found.cleared_from == 4
    assert fold(Ended("step", "a"), CheckpointsCleared()).checkpoints.cleared_from == 2
    assert fold(Ended("step", "a"), CheckpointsCleared("unknown")).checkpoints.cleared_from is None


def test_a_step_that_was_open_when_it_was_cleared_is_a_checkpoint_once_it_ends() -> None:
    found = fold(Began("step", "s"), CheckpointsCleared(), Ended("step", "s", opened=True)).checkpoints
    assert [entry.name for entry in found.entries] == ["s"]
    assert list(found.completed) == ["s"]


def test_requests_are_resolved_once_known() -> None:
    asked = [Requested(request=f"r.{n}", type="input", message="m") for n in range(4)]
    found = fold(
        *asked,
        Responded("r.0", {"text": "x"}, "ann"),
        RequestTimedOut("r.1"),
        RequestCancelled("r.2"),
        RequestTimedOut("unknown"),
    )
    assert [item.status for item in found.requests.requests.values()] == [
        RequestStatus.ANSWERED, RequestStatus.TIMED_OUT, RequestStatus.CANCELLED, RequestStatus.PENDING,
    ]  # fmt: skip
    assert [item.event.request for item in found.requests.pending] == ["r.3"]
    assert found.requests.requests["r.0"].by == "ann"


def test_stages_remember_how_they_came() -> None:
    found = fold(StageSet("a"), StageSet("b")).stages
    assert found.current == "b"
    assert [(change.from_stage, change.to_stage, change.timestamp) for change in found.history] == [
        (None, "a", 102.0),
        ("a", "b", 103.0),
    ]
    cleared = fold(StageSet("a"), StageHistoryCleared()).stages
    assert (cleared.current, cleared.history) == ("a", [])


def test_the_graph_has_a_root_and_a_current_node() -> None:
    found = fold(
        NodeCreated("node-1", "x"), NodeCreated("node-2", "y", {"score": 1}, "node-1"), NodeCreated("node-3"),
        NodeSelected("node-1"), NodeMetadataSet("node-2", "status", "done"), NodeMetadataSet("node-2", "score"),
    ).graph  # fmt: skip
    assert (found.root, found.current, found.next_id()) == ("node-1", "node-1", "node-4")
    assert found.nodes["node-1"].children == ["node-2"]
    assert (found.nodes["node-2"].status, found.nodes["node-2"].score, found.nodes["node-3"].status) == (
        "done",
        None,
        "open",
    )


def test_a_session_is_kept_in_a_node_and_comes_back() -> None:
    found = fold(
        NodeCreated("node-1"), MessageAppended("USER", "hi", {"k": 1}), MessageReceived("psst", "ann"),
        SessionSaved("node-1"), SessionCleared(), MessageAppended("USER", "gone"), SessionLoaded("node-1"),
    )  # fmt: skip
    assert [message.as_value() for message in found.session.messages] == [
        {"role": "USER", "content": "hi", "metadata": {"k": 1}}
    ]
    assert [message.content for message in found.session.received] == ["psst"]


def test_an_end_is_taken_back_by_whatever_goes_on() -> None:
    ended = RunEnded("FAILED", message="no")
    assert fold(ended).ended == ended
    assert fold(ended, RunResumed()).ended is None
    again = fold(ended, AttemptBegan(2, 2, "reset"))
    assert (again.ended, again.attempt) == (None, 2)
    assert fold(StopRequested("why", True)).tools.stop == StopRequested("why", True)


def test_a_restart_has_its_own_parameters_seed_and_clock() -> None:
    found = fold(AttemptBegan(2, 2, "restart", params={"a": 2}, seed=9))
    assert (found.params, found.seed, found.clock, found.began_at) == ({"a": 2}, 9, 102.0, 102.0)


def test_the_clock_moves_with_outcomes_only() -> None:
    assert fold(StateSet("a", 1)).clock == 100.0
    assert fold(StateSet("a", 1), Ended("sleep", "sleep#1")).clock == 103.0


def test_a_fold_that_applies_an_unknown_event_is_a_mistake() -> None:
    class Wrong:
        def _apply_nonsense(self, event: Any, record: Any) -> None: ...

    with pytest.raises(TypeError, match="_apply_nonsense"):
        appliers(Wrong())


@pytest.mark.parametrize("kind", sorted(EVENTS))
def test_every_event_survives_the_journal(kind: str) -> None:
    cls = EVENTS[kind]
    samples: dict[str, Any] = {"str": "x", "int": 3, "float": 1.5, "bool": True}
    fields = {
        name: samples.get(str(hint).split(" |")[0])
        for name, hint in cls.__annotations__.items()
        if str(hint).split(" |")[0] in samples
    }
    fields |= {name: {"k": 1} for name, hint in cls.__annotations__.items() if str(hint).startswith("dict")}
    fields |= {"value": {"$f": "nan"}} if "value" in cls.__struct_fields__ else {}
    event = cls(**fields)
    assert decode_event(kind, encode_event(event)) == event


STEPS = st.lists(
    st.sampled_from(
        [
            StateSet("a", 1), StateAppended("l", 1), StateCleared(), StageSet("x"), Began("step", "s"),
            Ended("step", "s", opened=True), Ended("step", "t"), Ended("step", "u", failed=True), CheckpointsCleared(),
            CheckpointsCleared("t"), MessageAppended("USER", "m"),
            SessionCleared(), RunEnded("FAILED"), RunResumed(), StopRequested(), NodeCreated("node-1"),
        ]
    ),
    max_size=30,
)  # fmt: skip


@given(STEPS)
def test_a_fold_of_everything_is_the_fold_record_by_record(events: list[Event]) -> None:
    records = [Record(seq, 100.0 + seq, seq, event) for seq, event in enumerate((STARTED, *events), 1)]
    slowly = RunFold()
    for record in records:
        slowly.apply(record)
    assert encode(fold_image(slowly)) == encode(fold_image(RunFold(records)))
    LogFold()
