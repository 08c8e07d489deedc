"""The local context: what is written when, what comes from outside, and children."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any

import pytest
from proc_tui.core.engine import local
from proc_tui.core.errors import ProcError, Refused
from proc_tui.core.journal.events import Ended, MessageReceived, RunEnded, StopRequested
from proc_tui.core.model.settings import Settings, WorkerSettings
from proc_tui.core.model.states import RunStatus
from proc_tui.core.operator import Given
from proc_tui.core.testing import complete, play

# ---- what comes from outside


@pytest.mark.slow
def test_messages_are_delivered_once_and_in_order_while_the_run_is_busy(scene: Any, until: Any) -> None:
    scene.write(it="while not Stop.requested() do State.increment('n') end\nreturn State.get('n')")
    run = scene.start("it")
    with scene.working():
        until(lambda: scene.operator.run(run.id).last_seq > 10)
        for index in range(60):
            scene.operator.send(run, f"m{index}")
            last = scene.operator.run(run.id).last_seq
            until(lambda last=last: scene.operator.run(run.id).last_seq > last)
        scene.operator.stop(run, "enough")
        scene.wait(run)
    records = scene.operator.records(scene.operator.run(run.id))
    messages = [record.event.content for record in records if isinstance(record.event, MessageReceived)]
    assert messages == [f"m{index}" for index in range(60)]
    assert sum(isinstance(record.event, StopRequested) for record in records) == 1


def test_mail_that_lies_in_the_buffer_is_not_read_again(scene: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The keeper sees undelivered mail in the database while the run has taken it up and not written it yet."""
    scene.write(it='Human.approve{message = "m"}\nfor i = 1, 9 do State.increment("n") end\nreturn 1')
    run = scene.drive(scene.start("it"), RunStatus.WAITING_FOR_HUMAN)
    scene.operator.send(run, "hello")
    appended = local.LocalContext.emit

    def emit(self: Any, event: Any) -> None:
        self.mail = True
        appended(self, event)

    monkeypatch.setattr(local.LocalContext, "emit", emit)
    scene.finish(run)
    records = scene.operator.records(scene.operator.run(run.id))
    assert sum(isinstance(record.event, MessageReceived) for record in records) == 1


def test_a_hundred_messages_wait_and_no_more(scene: Any) -> None:
    scene.write(it='Human.approve{message = "m"}\nLog.info("x")\nreturn 1')
    run = scene.drive(scene.start("it"), RunStatus.WAITING_FOR_HUMAN)
    for index in range(100):
        scene.operator.send(run, str(index))
    with pytest.raises(Refused, match="100 messages wait"):
        scene.operator.send(run, "too many")
    scene.operator.stop(run)
    assert scene.operator.run(run.id).mail == 101
    scene.finish(run)
    fold = scene.operator.fold(scene.operator.run(run.id))
    assert [message.content for message in fold.session.received] == [str(index) for index in range(100)]


# ---- what is written when


@pytest.mark.slow
def test_an_operation_and_what_it_began_are_one_commit_when_a_flush_comes_between(
    scene: Any, monkeypatch: pytest.MonkeyPatch, agrees: Any
) -> None:
    """A flush at every moment a flush can come: no child without a record, no record without its child."""
    scene.write(
        child="return 1",
        it=(
            'for i = 1, 5 do\n  State.increment("n")\n  local h = Procedure.spawn("child", {})\n'
            '  Procedure.run("child", {})\n  Procedure.wait(h)\nend\n'
            "return 1"
        ),
    )
    stop = threading.Event()
    contexts: list[Any] = []
    opened = local.LocalContext.open

    def open_(self: Any) -> None:
        contexts.append(self)
        opened(self)

    monkeypatch.setattr(local.LocalContext, "open", open_)

    def flush() -> None:
        while not stop.is_set():
            for context in contexts[-4:]:
                with suppress(ProcError):  # the lease of a run that ended
                    context.flush_older_than(1e18)

    flusher = threading.Thread(target=flush)
    flusher.start()
    try:
        for _ in range(4):
            run = scene.drive(scene.start("it"))
            assert scene.result(run) == 1
            assert len(scene.operator.runs(parent=run.id)) == 10
    finally:
        stop.set()
        flusher.join()
    agrees(scene.operator)


@pytest.mark.slow
def test_large_values_are_stored_beside_the_journal_and_come_back_whole() -> None:
    played = play(
        """
        local function big(n) return ("a\\0\\xff"):rep(n) end
        State.set("small", big(10)); State.set("middle", big(15000)); State.set("large", big(500000))
        local back = Step.run("s", function() return big(500000), {deep = {big(15000)}} end)
        Sleep(1)
        assert(State.get("large") == big(500000) and back == big(500000))
        local r = Procedure.run("echo", {text = big(500000)})
        return {ok = r == big(500000), n = #State.get("middle")}
        """,
        workspace={"echo": "params:\n  text: {type: string}\ncode: |\n  return params.text\n"},
    )
    assert played.result == {"ok": True, "n": 45000}
    played.replay()
    with played.operator._database.read() as connection:
        sizes = connection.execute("SELECT max(length(data)) FROM events").fetchone()[0]
        blobs = connection.execute("SELECT count(*) FROM blobs").fetchone()[0]
    assert sizes <= 32 * 1024
    assert blobs >= 4


@pytest.mark.slow
def test_a_run_of_a_hundred_thousand_events_is_read_by_window_and_by_snapshot(scene: Any, agrees: Any) -> None:
    import time

    scene.write(
        it=(
            "checkpoint_interval: 1000\n"
            "code: |\n"
            '  Stage.set("s")\n'
            '  for i = 1, 100000 do Log.info("line") if i % 1000 == 0 then State.set("i", i) end end\n'
            '  Human.approve{message = "m"}\n'
        )
    )
    run = scene.drive(scene.start("it"), RunStatus.WAITING_FOR_HUMAN)
    assert run.last_seq > 100_000
    began = time.perf_counter()
    newest = scene.operator.log(run, limit=50, newest=True)
    page = scene.operator.log(run, after=50_000, limit=50)
    states = scene.operator.log(run, kinds=["state.set"])
    assert time.perf_counter() - began < 0.1
    assert len(newest) == len(page) == 50
    assert page[0].seq > 50_000
    assert [record.event.value for record in states] == list(range(1000, 100_001, 1000))


# ---- children


def test_cancelling_takes_children_grandchildren_and_requests_along_in_one_transaction(scene: Any, until: Any) -> None:
    scene.write(
        leaf='Human.approve{message = "leaf"}',
        middle='Procedure.spawn("leaf", {})\nSleep(0.001)\nProcedure.run("leaf", {})',
        it='Procedure.spawn("middle", {})\nProcedure.spawn("leaf", {})\nHuman.approve{message = "top"}',
    )
    run = scene.start("it")
    with scene.working():
        until(lambda: len(scene.operator.inbox()) == 4)
    version = scene.operator.newest_event()
    commits: list[int] = []
    unlisten = scene.operator.listen(lambda: commits.append(1))
    scene.operator.cancel(scene.operator.run(run.id), by="carl")
    unlisten()
    assert len(commits) == 1
    tree = scene.operator.runs(root=run.id)
    assert [row.status for row in tree] == [RunStatus.CANCELLED] * 5
    assert scene.operator.inbox() == []
    ends = scene.operator.news(version, ["run.ended"])
    assert {news.record.event.by for news in ends} == {"carl"}
    assert len(ends) == 5


@pytest.mark.parametrize("ending", ["return 1", 'error("no")'])
def test_children_of_a_parent_that_ended_go_on(scene: Any, until: Any, ending: str) -> None:
    scene.write(
        child='local t = Human.input{message = "m"}\nreturn t',
        it='State.set("h", Procedure.spawn("child", {}))\n' + ending,
    )
    run = scene.start("it")
    with scene.working():
        scene.wait(run)
        until(lambda: scene.operator.inbox())
        child = scene.operator.runs(parent=run.id)[0]
        scene.operator.answer(scene.operator.inbox()[0].id, Given(text="alive"))
        scene.wait(child)
    assert scene.result(child) == "alive"


def test_a_parent_is_woken_when_it_has_something_to_do_and_not_before(make_scene: Any, until: Any, agrees: Any) -> None:
    scene = make_scene(settings=Settings(durability="fast", worker=WorkerSettings(warm=0)))
    scene.write(
        child='local t = Human.input{message = "m"}\nreturn t',
        it=(
            "local h = {}\n"
            'for i = 1, 12 do h[i] = Procedure.spawn("child", {}) end\n'
            "local n = 0\n"
            "for _, r in pairs(Procedure.wait_all(h)) do n = n + 1 end\n"
            "return n"
        ),
    )
    run = scene.start("it")
    with scene.working():
        until(
            lambda: (
                len(scene.operator.inbox()) == 12 and scene.operator.run(run.id).status is RunStatus.WAITING_FOR_CHILD
            )
        )
        epoch = scene.operator.run(run.id).epoch
        for request in scene.operator.inbox()[:-1]:
            scene.operator.answer(request.id, Given(text="x"))
            scene.wait(request.run)
        assert scene.operator.run(run.id).epoch == epoch, "eleven of twelve ended, and nobody looked"
        scene.operator.answer(scene.operator.inbox()[0].id, Given(text="x"))
        scene.wait(run)
    assert scene.result(run) == 12
    agrees(scene.operator)


@pytest.mark.slow
def test_hundreds_of_children_are_joined(make_scene: Any, agrees: Any) -> None:
    scene = make_scene(settings=Settings(durability="fast"))
    scene.write(
        child="return params.n",
        **{
            "it.yaml": complete(
                (
                    "local h, left = {}, {}\n"
                    'for i = 1, 150 do h[i] = Procedure.spawn("child", {}) left[h[i]] = true end\n'
                    "local order = 0\n"
                    "while #h > 0 do\n"
                    "  local first = Procedure.wait_any(h)\n"
                    "  assert(left[first])\n"
                    "  left[first] = nil\n"
                    "  order = order + 1\n"
                    "  for i = 1, #h do if h[i] == first then table.remove(h, i) break end end\n"
                    "end\n"
                    "return order"
                ),
                "it",
            )
        },
    )
    run = scene.drive(scene.start("it"))
    assert scene.result(run) == 150
    agrees(scene.operator)


def test_a_message_to_a_child_is_sent_once_though_the_run_is_replayed() -> None:
    played = play(
        """
        local h = Procedure.spawn("child", {})
        Sleep(1)
        local sent = Procedure.inject(h, "hello")
        Sleep(1)
        local result = Procedure.wait(h)
        return {sent = sent, result = result, after = Procedure.inject(h, "late")}
        """,
        workspace={"child": 'Sleep(10)\nLog.info("x")\nreturn 7'},
    )
    assert played.result == {"sent": True, "result": 7, "after": False}
    assert len(played.child("child").events(MessageReceived)) == 1
    played.replay()


def test_nesting_past_the_limit_raises_in_the_parent() -> None:
    played = play(
        (
            'if params.n >= 9 then return "too deep" end\n'
            'local ok, e = pcall(Procedure.run, "play", {n = params.n + 1})\n'
            "if not ok then return e end\n"
            "return e"
        ),
        params={"n": 1},
        max_depth=3,
    )
    assert "procedures may nest at most 3 deep here" in str(played.result)
    assert len(played.children) == 3


def test_an_error_in_the_childs_document_raises_in_the_parent() -> None:
    played = play(
        """
        local _, unreadable = pcall(Procedure.run, "broken", {})
        local _, unknown = pcall(Procedure.spawn, "chidl", {})
        local _, params = pcall(Procedure.spawn, "child", {m = 1})
        return {unreadable, unknown, params}
        """,
        workspace={"broken.yaml": "name: broken\nversion: '1'\ncode: |\n  if if\n", "child": "return 1"},
    )
    result: Any = played.result
    unreadable, unknown, params = result
    assert "broken.yaml:4" in unreadable
    assert 'did you mean "child"' in unknown
    assert '"m"' in params
    assert played.children == []
    played.replay()


def test_a_failed_child_raises_its_own_error_value() -> None:
    played = play(
        'local ok, e = pcall(Procedure.run, "child", {})\nreturn {ok = ok, code = e.code, deep = e.list[2]}',
        workspace={"child": 'error({code = 42, list = {1, "two"}})'},
    )
    assert played.result == {"ok": False, "code": 42, "deep": "two"}
    assert isinstance(played.child("child").ended, RunEnded)
    assert any(event.failed for event in played.events(Ended))
    played.replay()


def test_cancelling_oneself_through_ones_parent_ends_both(scene: Any) -> None:
    scene.write(
        **{
            "child.yaml": complete(
                "params:\n  top: {type: string}\ncode: |\n  Procedure.cancel(params.top)\n  Log.info('unreachable')\n",
                "child",
            ),
            "it.yaml": complete(
                (
                    "hitl:\n"
                    "  top: {type: input, message: '{context.run_id}'}\n"
                    "code: |\n"
                    "  local id = Human.input('top')\n"
                    "  Procedure.run('child', {top = id})\n"
                ),
                "it",
            ),
        }
    )
    run = scene.drive(scene.start("it"), RunStatus.WAITING_FOR_HUMAN)
    request = scene.operator.inbox()[0]
    assert request.message == run.id
    with scene.working():
        scene.operator.answer(request.id, Given(text=run.id))
        scene.wait(run)
    assert {row.status for row in scene.operator.runs(root=run.id)} == {RunStatus.CANCELLED}
