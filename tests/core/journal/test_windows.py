"""Parts of one run, read by window: they agree with the folds over the whole history, also after going back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from proc_tui.core.journal import journal, windows
from proc_tui.core.journal.database import Database
from proc_tui.core.journal.events import (
    AttemptBegan,
    Began,
    Ended,
    Logged,
    MessageAppended,
    NodeCreated,
    NodeMetadataSet,
    NodeSelected,
    Notified,
    Prompted,
    Record,
    RunStarted,
    StageHistoryCleared,
    StageSet,
    StateAppended,
    StateCleared,
    StateIncremented,
    StateSet,
)
from proc_tui.core.journal.folds import Outline, OutlineFold, RunFold
from proc_tui.core.journal.folds.agents import REPLY, reply_value
from proc_tui.core.journal.journal import WHOLE, Ranges, cut
from proc_tui.core.journal.windows import Changed, change_of
from proc_tui.core.model.messages import Reply, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from proc_tui.core.journal.events import Event


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database.open(tmp_path / "runs.db", durability="fast")
    yield opened
    opened.close()


class Long:
    """A run that is appended to event by event, with a snapshot every so often."""

    def __init__(self, database: Database, every: int = 7) -> None:
        self.database: Database = database
        self.every: int = every
        self.history: Ranges = WHOLE
        self.records: list[Record] = []
        self.add(RunStarted("it", "1", "", {}, 1, 1000.0))

    @property
    def last(self) -> int:
        return self.records[-1].seq if self.records else 0

    def force(self, upto: int | None = None, ranges: Ranges | None = None) -> list[Record]:
        found = self.history if ranges is None else ranges
        return [
            record
            for first, end in found
            for record in self.records
            if first <= record.seq <= min(end or 2**62, upto or 2**62)
        ]

    def add(self, *events: Event) -> Long:
        for event in events:
            seq = self.last + 1
            record = Record(seq, 1000.0 + seq, seq % 5, event)
            if isinstance(event, AttemptBegan):
                self.history = cut(self.history, event.keep, seq)
            self.records.append(record)
            outline = Outline.of(RunFold(self.force()))

            def work(connection: Any, record: Record = record, outline: Outline = outline) -> None:
                journal.append(connection, "r", [record])
                if record.seq % self.every == 0:
                    journal.save_snapshot(connection, "r", outline, msgspec.json.encode(outline).decode())

            self.database.write(work, sync=False)
        return self

    def read(self, what: Any, *args: Any, ranges: Ranges | None = None, **options: Any) -> Any:
        with self.database.read() as connection:
            return what(connection, "r", self.history if ranges is None else ranges, *args, **options)

    def outline(self, upto: int | None = None, ranges: Ranges | None = None) -> Outline:
        return self.read(windows.outline, upto or self.last, ranges=ranges)


def ended(name: str, *, opened: bool = False, failed: bool = False) -> Ended:
    return Ended("step", name, values=[1], opened=opened, failed=failed, error="no" if failed else None)


def some_events() -> list[Event]:
    """A bit of everything."""
    reply = Reply("hi", usage=Usage(input=3, output=4, cost=0.5))
    return [
        StateSet("a", 1), StageSet("one"), ended("s1"), Logged("info", "x"), Logged("warn", "y"),
        Began("step", "outer"), StateAppended("list", 1), ended("inner1"), ended("inner2", failed=True),
        NodeCreated("node-1", "root"), NodeCreated("node-2", "c", {"score": 1}, "node-1"), NodeSelected("node-1"),
        Ended("step", "outer", opened=True), StateIncremented("n", 2, 2), MessageAppended("USER", "hello"),
        Began("turn", "worker.turn#1"), Prompted("worker", "be", [], model=""),
        Ended(REPLY, "worker.reply#1", values=[reply_value(reply)]),
        Ended("tools.look", "tools.look#1", values=["x"], detail={"index": 0, "text": "x", "name": "look"}),
        Ended("turn", "worker.turn#1", opened=True), StageSet("two"), StateCleared(), StateSet("b", [1, 2]),
        StateAppended("b", 3), Notified("n", "warning"), NodeMetadataSet("node-2", "score", 5), ended("last"),
    ]  # fmt: skip


def test_an_outline_is_the_same_from_any_snapshot(database: Database) -> None:
    run = Long(database).add(*some_events(), *some_events()[:9])
    for upto in range(1, run.last + 1):
        fold = RunFold(run.force(upto))
        expected = msgspec.structs.replace(Outline.of(fold), stages=fold.stages.history)
        assert run.outline(upto) == expected
    assert run.outline().operations == len(RunFold(run.force()).checkpoints.entries)
    assert [item.name for item in run.outline().open] == ["outer"]


def test_going_back_leaves_no_snapshot_of_what_was_forgotten(database: Database) -> None:
    run = Long(database).add(*some_events())
    before = run.last
    run.add(AttemptBegan(2, 12, "reset"), StateSet("after", True), *some_events()[3:9])
    fold = RunFold(run.force())
    assert run.outline() == msgspec.structs.replace(Outline.of(fold), stages=fold.stages.history)
    assert "b" not in run.outline().state
    # And the past of before the reset can still be seen.
    with database.read() as connection:
        ranges = journal.ranges_at(connection, "r", before)
    assert run.outline(before, ranges).state == {"b": [1, 2, 3]}


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    picks=st.lists(st.integers(0, 26), max_size=40),
    backs=st.lists(st.tuples(st.integers(0, 40), st.integers(2, 40)), max_size=3),
)
def test_whatever_a_run_did_and_how_often_it_went_back_windows_agree_with_folds(
    tmp_path_factory: pytest.TempPathFactory, picks: list[int], backs: list[tuple[int, int]]
) -> None:
    database = Database.open(tmp_path_factory.mktemp("w") / "runs.db", durability="fast")
    try:
        run, pool = Long(database, every=3), [item for item in some_events() if not _opens(item)]
        turns = dict(backs)
        for place, pick in enumerate(picks):
            if place in turns and (keep := min(turns[place], run.last)) > 1:
                run.add(AttemptBegan(2, keep, "reset"))
            run.add(pool[pick % len(pool)])
        records = run.force()
        fold = RunFold(records)
        assert run.outline() == msgspec.structs.replace(Outline.of(fold), stages=fold.stages.history)
        names = [item.name for item in run.read(windows.operations, run.last, limit=100)]
        assert names == [item.name for item in fold.checkpoints.entries]
        assert run.read(windows.operations, run.last, start=2, limit=2) == [
            item for item in run.read(windows.operations, run.last, limit=100) if item.index in (2, 3)
        ]
        steps = [1]
        while (seq := run.read(windows.step, steps[-1], "next")) is not None:
            steps.append(seq)
        assert steps == [record.seq for record in records]
    finally:
        database.close()


def _opens(event: Event) -> bool:
    return isinstance(event, (Began, NodeCreated, NodeMetadataSet, NodeSelected)) or (
        isinstance(event, Ended) and (event.opened or event.op != "step")
    )


def test_operations_have_their_place_their_level_and_their_outcome(database: Database) -> None:
    run = Long(database).add(*some_events())
    found = run.read(windows.operations, run.last)
    assert [(item.index, item.name, item.level) for item in found] == [
        (0, "s1", 0), (1, "outer", 0), (2, "inner1", 1), (3, "inner2", 1), (4, "worker.turn#1", 0),
        (5, "worker.reply#1", 1), (6, "tools.look#1", 1), (7, "last", 0),
    ]  # fmt: skip
    assert [item.name for item in found if item.failed] == ["inner2"]
    assert found[4].usage == found[5].usage == Usage(input=3, output=4, cost=0.5)
    outer = next(record.seq for record in run.records if record.event == Ended("step", "outer", opened=True))
    assert found[1].seq == outer, "also when its end lies far behind the window"
    assert run.read(windows.operations, run.last, start=1, limit=1) == [found[1]]
    assert run.read(windows.operations, outer - 1, start=1, limit=1)[0].seq == 0, "it was open then"


def test_the_conversation_is_read_from_either_end_and_counted(database: Database) -> None:
    run = Long(database).add(*some_events())
    kinds = ["message.appended", "prompted", "ended", "ended", "notified"]
    found = run.read(windows.said)
    assert [record.event.kind for record in found] == kinds
    assert run.read(windows.said, limit=2, newest=True) == found[-2:]
    assert run.read(windows.said, after=found[1].seq, limit=2) == found[2:4]
    assert run.read(windows.count_said) == 5
    assert run.read(windows.count_said, found[2].seq) == 3


def test_log_lines_are_filtered_by_level(database: Database) -> None:
    run = Long(database).add(*[Logged(level, f"{n}") for n in range(20) for level in ("info", "debug", "error")])
    run.add(Notified("told", "warning"), Logged("warn", "x" * 40_000))

    def levels(*names: str, **options: Any) -> list[str]:
        return [str(record.event.level) for record in run.read(windows.log, levels=names, **options)]  # pyright: ignore[reportAttributeAccessIssue]

    assert len(levels()) == 62
    assert levels("error") == ["error"] * 20
    assert levels("warn", "warning") == ["warning", "warn"], "a long one too, whose text is kept elsewhere"
    assert levels("info", "warn", newest=True, limit=3) == ["info", "info", "warn"]
    assert levels("debug", limit=4) == ["debug"] * 4


def graph(database: Database) -> Long:
    run = Long(database).add(NodeCreated("node-1", "root"))
    for n in range(2, 12):
        run.add(NodeCreated(f"node-{n}", f"content {n}", {"score": n % 4} if n != 5 else None, "node-1"))
    return run.add(
        NodeCreated("node-12", "below", None, "node-2"), NodeMetadataSet("node-3", "score", 99),
        NodeMetadataSet("node-7", "score", None), NodeMetadataSet("node-4", "status", "done"),
    )  # fmt: skip


def test_nodes_are_read_by_parent_with_their_scores(database: Database) -> None:
    run = graph(database)
    fold = RunFold(run.force())
    assert [node.id for node in run.read(windows.children, run.last, None)] == ["node-1"]
    found = run.read(windows.children, run.last, "node-1")
    assert [node.id for node in found] == fold.graph.nodes["node-1"].children
    for node in found:
        known = fold.graph.nodes[node.id]
        assert (node.metadata, node.content, node.children) == (known.metadata, known.content, len(known.children))
    best = run.read(windows.children, run.last, "node-1", by_score=True)
    assert [node.id for node in best][:4] == ["node-3", "node-11", "node-2", "node-6"]
    assert {node.id for node in best[-2:]} == {"node-5", "node-7"}
    assert run.read(windows.children, run.last, "node-1", offset=3, limit=2) == found[3:5]
    assert run.read(windows.count_children, run.last, "node-1") == 10
    assert run.read(windows.node, run.last, "node-3").score == 99
    assert run.read(windows.node, run.last, "node-99") is None


def test_the_graph_of_an_earlier_moment_has_the_scores_of_then(database: Database) -> None:
    run = graph(database)
    before = next(record.seq for record in run.records if isinstance(record.event, NodeMetadataSet)) - 1
    assert run.read(windows.node, before, "node-3").score == 3
    best = run.read(windows.children, before, "node-1", by_score=True)
    assert best[0].id == "node-3"
    assert best[0].score == 3
    run.add(AttemptBegan(2, before - 5, "reset"), NodeCreated("node-8", "another", None, "node-1"))
    assert run.read(windows.node, run.last, "node-8").content == "another"
    assert run.read(windows.count_children, run.last, "node-1") == len(RunFold(run.force()).graph.nodes) - 1


def test_one_steps_over_what_was_forgotten(database: Database) -> None:
    run = Long(database).add(*[ended(f"s{n}") if n % 3 else Logged("info", "x") for n in range(2, 11)])
    run.add(AttemptBegan(2, 5, "reset"), ended("again"))
    assert run.history == [(1, 4), (11, None)]
    assert run.read(windows.step, 4, "next") == 11
    assert run.read(windows.step, 11, "previous") == 4
    assert run.read(windows.step, 7, "previous") == 4, "from a forgotten place too"
    assert run.read(windows.step, 11, "previous checkpoint") == 4
    assert run.read(windows.step, 2, "next checkpoint") == 4
    assert run.read(windows.step, 4, "next checkpoint") == 12
    assert run.read(windows.step, 12, "next") is None
    assert run.read(windows.step, 1, "previous") is None


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (StateSet("k", 1), Changed(keys=("k",))),
        (StateCleared(), Changed(everything=True)),
        (StageSet("s"), Changed(stage=True)),
        (NodeCreated("node-2", parent="node-1"), Changed(nodes=("node-2", "node-1"), current_node=True)),
        (NodeMetadataSet("node-2", "k"), Changed(nodes=("node-2",))),
        (ended("s"), Changed(operation="s")),
        (Logged("info", "x"), Changed()),
    ],
)
def test_an_event_says_what_it_changed(database: Database, event: Event, expected: Changed) -> None:
    assert change_of(event) == expected
    run = Long(database).add(NodeCreated("node-2"), event)
    with database.read() as connection:
        assert windows.changed(connection, "r", run.last) == expected
        assert windows.changed(connection, "r", 99) == Changed()


def test_the_history_of_a_key_has_what_cleared_it(database: Database) -> None:
    run = Long(database).add(StateSet("a", 1), StateSet("b", 1), StateIncremented("a", 2), StateCleared())
    run.add(StateAppended("a", 3), StageSet("x"))
    assert [record.seq for record in run.read(windows.key_history, "a")] == [2, 4, 5, 6]
    assert [record.seq for record in run.read(windows.key_history, "a", limit=2)] == [5, 6]


def test_the_history_of_stages_is_the_latest_part_of_a_long_one(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "MOST_STAGES", 3)
    run = Long(database).add(*[StageSet(f"s{n}") for n in range(6)])
    assert [(change.from_stage, change.to_stage) for change in run.outline().stages] == [
        ("s2", "s3"), ("s3", "s4"), ("s4", "s5"),
    ]  # fmt: skip
    run.add(StageHistoryCleared(), StageSet("last"))
    assert [(change.from_stage, change.to_stage) for change in run.outline().stages] == [("s5", "last")]


def test_a_fold_is_carried_on_from_an_outline_without_changing_it(database: Database) -> None:
    outline = OutlineFold().outline()
    first = OutlineFold(outline)
    first.apply(Record(1, 1.0, 1, StateSet("a", 1)))
    assert outline.state == {}
    assert first.outline().kinds == {"state.set": 1}


def test_windows_are_read_by_their_indexes(database: Database) -> None:
    run = graph(database)
    seen: list[str] = []
    with database.read() as connection:
        connection.set_trace_callback(seen.append)
        windows.said(connection, "r", run.history, limit=5)
        windows.children(connection, "r", run.history, run.last, "node-1", by_score=True)
        windows.log(connection, "r", run.history, levels=["warn"])
        connection.set_trace_callback(None)
        plans: Sequence[Any] = [
            row[3] for sql in seen for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall()
        ]
    assert not [plan for plan in plans if plan.startswith("SCAN") or "autoindex_events" in plan]
