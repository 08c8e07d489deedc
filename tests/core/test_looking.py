"""What can be read of a workspace at a glance, and what is said of who is there."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from proc_tui.core.engine.worker import IDLE_PRESENT_SECONDS
from proc_tui.core.journal.connections import Reader
from proc_tui.core.journal.presence import EDITING_SECONDS
from proc_tui.core.looking import STALE_SECONDS
from proc_tui.core.model.states import RequestStatus, RunStatus
from proc_tui.core.operator import Given
from proc_tui.core.testing import NOON, FakeClock, play

REVIEW = """
name: it
version: '1'
params: {text: {type: string, required: true}}
hitl:
  final: {type: review, message: Fine?}
code: |
  return Human.review('final', {artifact = params.text, options = {"approve", "revise", "reject"}})
"""


def reviewed(scene: Any, text: str, given: Given | None, by: str = "ann") -> Any:
    """The request of a run that reviews a text, answered or left alone."""
    run = scene.drive(scene.start("it", text=text), RunStatus.WAITING_FOR_HUMAN)
    request = scene.operator.inbox(run=run.id)[0]
    if given is not None:
        scene.operator.answer(request.id, given, by=by)
        scene.drive(run)
    return request


def test_the_last_approved_artifact_of_a_point_is_found_over_all_runs(scene: Any) -> None:
    scene.write(**{"it.yaml": REVIEW, "other.yaml": REVIEW.replace("name: it", "name: other")})
    first = reviewed(scene, "one", None)
    assert scene.operator.last_approved(first.id) is None
    approved = reviewed(scene, "one", Given(decision="approve"))
    reviewed(scene, "two", Given(decision="revise"))
    reviewed(scene, "three", Given(decision="reject"))
    found = scene.operator.last_approved(first.id)
    assert (found.request, found.artifact, found.by, found.edited) == (approved.id, "one", "ann", False)
    assert found.identical
    assert found.at == scene.operator.request(approved.id).resolved_at
    later = reviewed(scene, "four", Given(decision="Approve", artifact="four!"), by="bob")
    found = scene.operator.last_approved(first.id)
    assert (found.request, found.artifact, found.by, found.edited) == (later.id, "four!", "bob", True)
    assert not found.identical
    same = reviewed(scene, "four!", None)
    assert scene.operator.last_approved(same.id).identical, "it is compared with what was approved, not proposed"


def test_a_review_without_a_point_is_known_by_its_message(scene: Any) -> None:
    scene.write(it='params = params\nreturn Human.review{message = "m", artifact = "a"}', that="return 1")
    reviewed_ = [scene.drive(scene.start("it"), RunStatus.WAITING_FOR_HUMAN) for _ in range(2)]
    first, second = (scene.operator.inbox(run=run.id)[0].id for run in reviewed_)
    scene.operator.answer(first, Given(decision="Approve"))
    assert scene.operator.last_approved(second).request == first
    scene.execute("UPDATE requests SET message='n' WHERE id=?", second)
    assert scene.operator.last_approved(second) is None


def test_the_overview_has_what_needs_people_what_runs_and_what_ended(make_scene: Any) -> None:
    clock = FakeClock()
    scene = make_scene(clock=clock)
    scene.write(
        child='params = params\nSleep(1000)', soon='Human.approve{message = "soon", timeout = 60}',
        late='Human.approve{message = "late"}', done="return 1", bad='error("no")',
        parent='for i = 1, 5 do Procedure.spawn("child", {}) end Sleep(900)',
    )  # fmt: skip
    for name in ("late", "soon", "parent", "done", "done", "bad"):
        run = scene.start(name)
        waits = {"parent": RunStatus.SLEEPING, "done": RunStatus.COMPLETED, "bad": RunStatus.FAILED}
        scene.drive(run, waits.get(name, RunStatus.WAITING_FOR_HUMAN))
        clock.advance(1)
    with scene.working():
        for child in scene.operator.runs(procedure="child"):
            scene.wait(child, RunStatus.SLEEPING)
    found = scene.operator.overview()
    assert [(item.request.message, item.run.procedure) for item in found.needs] == [("soon", "soon"), ("late", "late")]
    assert [item.run.procedure for item in found.running] == ["parent", "soon", "late"]
    assert (found.running[0].below, found.running[0].children) == ({RunStatus.SLEEPING: 5}, 5)
    assert [item.run.procedure for item in found.recent] == ["bad", "done", "done"]
    assert found.counts == {
        RunStatus.WAITING_FOR_HUMAN: 2, RunStatus.SLEEPING: 1, RunStatus.COMPLETED: 2, RunStatus.FAILED: 1,
    }  # fmt: skip
    assert (found.below, found.pending, found.now) == ({RunStatus.SLEEPING: 5}, 2, clock.now())
    assert found.total([RunStatus.COMPLETED, RunStatus.FAILED]) == 3
    few = scene.operator.overview(1)
    assert [len(part) for part in (few.needs, few.running, few.recent)] == [1, 1, 1]
    assert (few.pending, few.counts) == (2, found.counts)
    request = found.needs[0].request.id
    scene.operator.answer(request, Given(approved=True), by="ann", effective_in=2.0)
    assert scene.operator.overview().needs[0].request.decided_by == "ann"
    clock.advance(2.0)
    assert [item.request.message for item in scene.operator.overview().needs] == ["late"]


def test_a_run_that_changes_its_status_meanwhile_is_not_missing_from_the_overview(
    scene: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.write(it="Sleep(1000)")
    run = scene.drive(scene.start("it"), RunStatus.SLEEPING)
    others = {"SLEEPING": "RUNNING", "RUNNING": "SLEEPING"}
    changed: list[str] = []
    execute = Reader.execute

    def becomes(status: str) -> None:
        changed.append(status)
        scene.operator._database.write(
            lambda connection: connection.execute("UPDATE runs SET status=? WHERE id=?", (status, run.id))
        )

    def becomes_another_first(reader: Reader, sql: str, values: Any = ()) -> Any:
        for value in values:
            if value in others:
                becomes(others[value])
        return execute(reader, sql, values)

    with monkeypatch.context() as patch:
        patch.setattr(Reader, "execute", becomes_another_first)
        found = scene.operator.overview()
    becomes("SLEEPING")
    assert {"RUNNING", "SLEEPING"} == set(changed[:-1])
    assert [listed.run.id for listed in found.running] == [run.id]


def test_the_overview_of_nothing_is_empty(scene: Any) -> None:
    found = scene.operator.overview()
    assert (found.needs, found.running, found.recent, found.counts, found.pending) == ([], [], [], {}, 0)
    assert found.today.cost == 0


def test_what_models_cost_today_begins_at_the_local_midnight() -> None:
    clock = FakeClock(datetime.datetime(2027, 1, 15, 23, 50).timestamp())
    played = play(
        "agents: {worker: {system_prompt: You work.}}\n"
        "code: |\n  Worker.turn() Human.approve{message = 'm'} Worker.turn()",
        upto="WAITING_FOR_HUMAN", clock=clock,
        replies={"worker": [{"content": "one", "usage": {"input": 10, "output": 5}}, "two"]},
    )  # fmt: skip
    before = played.operator.overview().today
    used = played.fold.agents.usage
    assert (before.tokens_in, before.tokens_out, before.unpriced) == (used.input or 0, used.output or 0, 1)
    clock.advance(3600)
    assert played.operator.overview().today.unpriced == 0
    assert played.operator.since(clock.now() - 7200).spent == before


def test_every_word_of_a_search_is_found_somewhere_in_a_run(scene: Any) -> None:
    scene.write(
        **{
            "ship.yaml": (
                "name: ship\nversion: '1'\nparams: {customer: {type: string}}\n"
                "code: |\n  if params.customer == 'Zoë 100%' then error('out of stock') end\n"
            )
        }
    )
    one, two = scene.start("ship", customer="Zoë 100%"), scene.start("ship", customer="Max_1")
    scene.drive(one)
    scene.drive(two)

    def search(text: str, **options: Any) -> list[str]:
        return [run.id for run in scene.operator.search(text, **options)]

    assert search("SHIP max_1") == [two.id]
    assert search("zoë 100%") == [one.id]
    assert search("Max%1") == search("Ma__1") == [], "nothing is a wildcard"
    assert search("failed stock") == [one.id]
    assert search(one.id[:6]) == [one.id]
    assert set(search("")) == {one.id, two.id}
    assert search("ship", statuses=[RunStatus.COMPLETED]) == [two.id]
    assert search("ship", limit=1) + search("ship", limit=1, offset=1) == search("ship")
    assert search("\\") == []


def test_what_happened_since_a_moment(make_scene: Any) -> None:
    clock = FakeClock()
    scene = make_scene(clock=clock)
    scene.write(
        done="return 1", bad='error("no")', outer='return pcall(Procedure.run, "bad", {})',
        ask='Human.approve{message = "m"}', brief='Human.approve{message = "m", timeout = 5}',
    )  # fmt: skip
    old = scene.drive(scene.start("ask"), RunStatus.WAITING_FOR_HUMAN)
    scene.drive(scene.start("done"))
    clock.advance(100)
    left = clock.now()
    clock.advance(1)
    done, outer = scene.drive(scene.start("done")), scene.drive(scene.start("outer"))
    request = scene.operator.inbox(run=old.id)[0].id
    scene.operator.answer(request, Given(approved=False), by="ann", effective_in=1.0)
    scene.operator.undo(request, by="ann")
    scene.operator.answer(request, Given(approved=True), by="bob")
    scene.drive(old)
    brief = scene.drive(scene.start("brief"), RunStatus.WAITING_FOR_HUMAN)
    clock.advance(5)
    scene.drive(brief)
    waits = scene.drive(scene.start("ask"), RunStatus.WAITING_FOR_HUMAN)
    scene.operator.alert("warning", "the disk is full")
    found = scene.operator.since(left)
    assert (found.since, found.until) == (left, clock.now())
    assert {run.id for run in found.started} == {done.id, outer.id, brief.id, waits.id}
    assert {run.id for run in found.completed} == {done.id, outer.id, old.id, brief.id}
    assert [run.procedure for run in found.failed] == ["bad"], "a child that failed"
    assert found.cancelled == []
    assert {row.run for row in found.asked} == {brief.id, waits.id}
    first, second = found.decided
    assert (first.procedure, first.answer.by, first.answer.answer) == ("ask", "bob", {"approved": True})
    assert [answer.by for answer in first.undone] == ["ann"]
    assert (second.request.status, second.answer) == (RequestStatus.TIMED_OUT, None)
    assert [item.run.id for item in found.waiting] == [waits.id]
    assert [alert.message for alert in found.alerts] == ["the disk is full"]
    assert len(scene.operator.since(left, limit=1).completed) == 1


def test_an_idle_worker_is_seen_while_it_is_there(scene: Any, until: Any) -> None:
    assert scene.operator.drivers() == []
    worker = scene.operator.worker(kind="watch")
    import asyncio
    import threading

    thread = threading.Thread(target=lambda: asyncio.run(worker.run()))
    thread.start()
    try:
        (found,) = until(scene.operator.drivers)
        assert (found.kind, found.runs, found.here, found.dead) == ("watch", 0, True, False)
        assert found.name.count(":") == 1
        assert not found.stale(scene.operator.now())
        seen, version = found.seen_at, scene.operator.data_version()
        worker.say_present()
        assert (scene.operator.drivers()[0].seen_at, scene.operator.data_version()) == (seen, version), "once is enough"
    finally:
        worker.stop()
        thread.join()
    assert scene.operator.drivers() == []


def test_who_drives_a_run_is_seen_though_it_never_said_so(scene: Any, until: Any) -> None:
    scene.write(it="while not Stop.requested() do Sleep(0.01) end")
    with scene.working():
        run = scene.start("it")
        (found,) = until(scene.operator.drivers)
        assert (found.kind, found.runs, found.here) == ("", 1, True)
        scene.operator.stop(run)
        scene.wait(run)


@pytest.mark.kill
def test_a_worker_that_was_killed_is_known_to_be_gone_and_forgotten_by_the_next(
    scene: Any, program: Any, until: Any
) -> None:
    import asyncio
    import threading

    other = program("stand by")
    (found,) = until(scene.operator.drivers)
    assert (found.kind, found.here, found.dead) == ("watch", False, False)
    other.end()
    (found,) = scene.operator.drivers()
    assert found.dead
    assert found.stale(scene.operator.now())
    worker = scene.operator.worker(kind="interface")
    thread = threading.Thread(target=lambda: asyncio.run(worker.run()))
    thread.start()
    try:
        until(lambda: [driver.kind for driver in scene.operator.drivers()] == ["interface"])
    finally:
        worker.stop()
        thread.join()


def test_a_worker_elsewhere_that_says_nothing_any_more_is_stale(make_scene: Any) -> None:
    clock = FakeClock()
    scene = make_scene(clock=clock)
    scene.execute("INSERT INTO workers VALUES ('elsewhere:7:1:a', 'watch', ?, ?)", clock.now(), clock.now())
    clock.advance(IDLE_PRESENT_SECONDS + 1)
    assert not scene.operator.drivers()[0].stale(clock.now())
    clock.advance(STALE_SECONDS)
    assert scene.operator.drivers()[0].stale(clock.now())


def test_others_see_who_is_editing_an_artifact(make_scene: Any) -> None:
    clock = FakeClock()
    scene = make_scene(clock=clock)
    scene.write(it='return Human.review{message = "m", artifact = "a"}')
    run = scene.drive(scene.start("it"), RunStatus.WAITING_FOR_HUMAN)
    request = scene.operator.inbox()[0].id
    with scene.another() as other:
        other.edit(request, by="bob")
        assert [item.by for item in scene.operator.editors(request)] == ["bob"]
        assert other.editors(request) == [], "not oneself"
        clock.advance(EDITING_SECONDS - 1)
        other.edit(request, by="bob")
        clock.advance(EDITING_SECONDS - 1)
        assert len(scene.operator.editors(request)) == 1, "it goes on"
        clock.advance(2)
        assert scene.operator.editors(request) == []
        other.edit(request, by="bob")
        other.stop_editing(request, by="bob")
        assert scene.operator.editors(request) == []
        other.edit(request, by="bob")
        scene.operator.answer(request, Given(decision="Approve"))
        assert scene.operator.editors(request) == [], "it is over"
        other.edit(request, by="bob")
        assert scene.execute("SELECT count(*) FROM editing") == [(0,)]
    scene.drive(run)


def test_the_time_is_that_of_the_workspace(make_scene: Any) -> None:
    assert make_scene(clock=FakeClock()).operator.now() == NOON


@pytest.mark.slow
def test_a_fork_of_a_long_run_gets_its_snapshots_when_it_is_looked_at(scene: Any) -> None:
    scene.write(it='for i = 1, 11000 do State.set("n", i) end\nSleep(0.01)')
    run = scene.drive(scene.start("it"))
    assert len(scene.execute("SELECT 1 FROM snapshots WHERE run=?", run.id)) >= 10
    fork = scene.operator.fork(run, "sleep#1")
    assert scene.execute("SELECT 1 FROM snapshots WHERE run=?", fork.id) == []
    found = scene.operator.outline(fork)
    assert found.state == {"n": 11000}
    assert len(scene.execute("SELECT 1 FROM snapshots WHERE run=?", fork.id)) == 2
    version = scene.operator.data_version()
    assert scene.operator.outline(fork) == found
    assert scene.operator.data_version() == version, "once is enough"
    scene.drive(fork)


def test_windows_of_a_run_are_read_through_the_operator(scene: Any) -> None:
    scene.write(
        it="""
        State.set("n", 1)
        Stage.set("one")
        Step.run("outer", function()
          Step.run("inner", function() Log.warn("careful") end)
        end)
        local root = GraphNode.create("root", {}, nil, 0.5)
        GraphNode.create("leaf", {}, root.id, 0.9)
        Session.append("USER", "hello")
        State.set("n", 2)
        """
    )
    operator = scene.operator
    run = scene.drive(scene.start("it"))
    assert operator.run(run.id).status is RunStatus.COMPLETED, operator.run(run.id).error
    outline = operator.outline(run)
    assert (outline.state, outline.stage, outline.nodes, outline.operations) == ({"n": 2}, "one", 2, 2)
    first = next(record.seq for record in operator.records(run) if record.event.kind == "stage.set")
    assert operator.outline(run, at=first).state == {"n": 1}
    assert operator.changed(run, first).stage
    assert [(item.name, item.level) for item in operator.operations(run)] == [("outer", 0), ("inner", 1)]
    assert [record.event.kind for record in operator.conversation(run)] == ["message.appended"]
    assert operator.count_said(run) == 1
    assert operator.conversation(run, before=operator.conversation(run)[0].seq) == []
    assert [record.event.message for record in operator.log_lines(run, levels=["warn"])] == ["careful"]
    (root,) = operator.children(run)
    assert [(node.content, node.score) for node in operator.children(run, root.id)] == [("leaf", 0.9)]
    assert operator.node(run, root.id).children == 1
    assert len(operator.key_history(run, "n")) == 2
    assert operator.step(run, 1, "next") == 2
