"""The use cases as both interfaces call them."""

from __future__ import annotations

from typing import Any

import pytest
from proc_tui.core.errors import NotFound, ParameterError, Refused
from proc_tui.core.journal.events import MessageReceived, StopRequested
from proc_tui.core.model.states import RunStatus
from proc_tui.core.operator import Given, Operator
from proc_tui.core.testing import complete


def test_a_workspace_without_a_database_is_not_made_when_nobody_asked(tmp_path: Any) -> None:
    with pytest.raises(NotFound, match="has no runs yet"):
        Operator.open(tmp_path, create=False)
    assert not (tmp_path / ".proc-tui").exists()


def test_a_start_names_everything_that_is_wrong_and_leaves_nothing(scene: Any) -> None:
    scene.write(
        **{
            "it.yaml": complete(
                "params:\n  n: {type: integer, required: true}\n  s: {type: string}\ncode: |\n  return params.n\n", "it"
            )
        }
    )
    with pytest.raises(ParameterError) as caught:
        scene.operator.start("it", {"m": 1, "s": 2})
    for says in ('"m"', '"n"', '"s"'):
        assert says in str(caught.value)
    with pytest.raises(NotFound, match='did you mean "it"'):
        scene.operator.start("itt")
    assert scene.operator.runs() == []


def test_what_a_command_line_gives_is_taken_as_values(scene: Any) -> None:
    scene.write(
        **{
            "it.yaml": complete(
                (
                    "params:\n"
                    "  n: {type: number}\n"
                    "  t: {type: string}\n"
                    "  o: {type: object}\n"
                    "code: |\n"
                    "  return {n = params.n, t = #params.t, o = params.o}\n"
                ),
                "it",
            )
        }
    )
    run = scene.start("it", n=10**400, t="caf\udce9", o={"a": [1, None]})
    scene.drive(run)
    assert scene.result(run) == {"n": {"$f": "inf"}, "t": 4, "o": {"a": [1]}}


def test_runs_are_found_by_prefix_status_procedure_and_tree(scene: Any) -> None:
    scene.write(child="return 1", it='return Procedure.run("child", {})', wait='Human.approve{message = "m"}')
    done = scene.drive(scene.start("it"))
    waiting = scene.drive(scene.start("wait"), RunStatus.WAITING_FOR_HUMAN)
    assert scene.operator.run(done.id[:6]).id == done.id
    assert {run.id for run in scene.operator.runs(statuses=[RunStatus.WAITING_FOR_HUMAN])} == {waiting.id}
    assert len(scene.operator.runs(root=done.id)) == 2
    assert [run.procedure for run in scene.operator.runs(parent=done.id)] == ["child"]
    assert len(scene.operator.runs(limit=1)) == 1
    counts = scene.operator.counts()
    assert counts == {RunStatus.COMPLETED: 2, RunStatus.WAITING_FOR_HUMAN: 1}
    with pytest.raises(NotFound):
        scene.operator.run("")


def test_a_request_is_found_by_its_run(scene: Any) -> None:
    scene.write(it='Human.approve{message = "m"}')
    run = scene.drive(scene.start("it"), RunStatus.WAITING_FOR_HUMAN)
    request = scene.operator.inbox(run=run.id)[0]
    for name in (run.id, run.id[:7], request.id):
        assert scene.operator.request(name).id == request.id
    assert scene.operator.inbox(root=run.id) == [request]
    scene.finish(run)
    with pytest.raises(NotFound, match=f"run {run.id} waits for nobody"):
        scene.operator.request(run.id)
    assert scene.operator.request(request.id).status == "answered"
    assert [row.id for row in scene.operator.resolved(0.0)] == [request.id]
    assert scene.operator.answers(request.id)[0].answer == {"approved": True}


def test_stopping_and_sending_reach_a_run_at_its_next_step_and_interrupt_no_wait(scene: Any) -> None:
    scene.write(
        it=(
            'Human.approve{message = "m"}\n'
            "local before = Stop.requested()\n"
            'Log.info("x")\n'
            "return {before = before, after = Stop.requested(), why = Stop.reason(), ok = Stop.success()}"
        )
    )
    run = scene.drive(scene.start("it"), RunStatus.WAITING_FOR_HUMAN)
    scene.operator.send(run, "hello \udce9", by="ann")
    scene.operator.stop(run, "enough", by="bob")
    assert scene.operator.run(run.id).status is RunStatus.WAITING_FOR_HUMAN
    scene.finish(run)
    assert scene.result(run) == {"before": False, "after": True, "why": "enough", "ok": False}
    events = [record.event for record in scene.operator.records(scene.operator.run(run.id))]
    assert next(event for event in events if isinstance(event, MessageReceived)).by == "ann"
    assert next(event for event in events if isinstance(event, StopRequested)).by == "bob"


def test_an_alert_needs_no_source(scene: Any) -> None:
    scene.operator.alert("error", "the disk is hot \ud800")
    scene.operator.alert("info", "fine", source="cron", by="ann")
    assert [(alert.level, alert.source, alert.by) for alert in scene.operator.alerts()] == [
        ("error", "", "starter"),
        ("info", "cron", "ann"),
    ]


def test_the_history_at_an_event_is_what_it_was_then(scene: Any) -> None:
    scene.write(it='for i = 1, 5 do State.set("i", i) end\nHuman.approve{message = "m"}')
    run = scene.drive(scene.start("it"), RunStatus.WAITING_FOR_HUMAN)
    assert [scene.operator.fold(run, at=seq).state.values.get("i") for seq in range(1, 7)] == [None, 1, 2, 3, 4, 5]
    assert scene.operator.fold(run, at=0).seq == 0


def test_the_log_is_read_by_page(scene: Any) -> None:
    scene.write(
        it=(
            'for i = 1, 30 do Log.info("line " .. i) end\n'
            'Human.notify{message = "n"}\n'
            'System.alert{message = "a"}\n'
            "return 1"
        )
    )
    run = scene.drive(scene.start("it"))
    assert len(scene.operator.log(run)) == 32
    assert [record.event.message for record in scene.operator.log(run, limit=2, newest=True)] == ["n", "a"]
    page = scene.operator.log(run, limit=10)
    assert scene.operator.log(run, after=page[-1].seq, limit=1)[0].event.message == "line 11"


def test_the_pinned_text_of_a_run_is_shown_and_not_the_file(scene: Any) -> None:
    scene.write(it='Human.approve{message = "m"}\nreturn "old"')
    run = scene.drive(scene.start("it"), RunStatus.WAITING_FOR_HUMAN)
    scene.write(it='return "new"')
    assert '"old"' in scene.operator.source(run)
    scene.finish(run)
    assert scene.result(run) == "old"


def test_whoever_asks_hears_of_commits_and_of_what_they_recorded(scene: Any) -> None:
    heard: list[int] = []
    unlisten = scene.operator.listen(lambda: heard.append(1))
    place, version = scene.operator.newest_event(), scene.operator.data_version()
    scene.write(it="return 1")
    run = scene.drive(scene.start("it"))
    unlisten()
    assert heard
    assert scene.operator.data_version() != version
    news = scene.operator.news(place, ["run.started", "run.ended"], root=run.id)
    assert [item.record.event.kind for item in news] == ["run.started", "run.ended"]
    assert scene.operator.ending(run).status == "COMPLETED"
    assert scene.operator.leases() == []


def test_a_command_for_a_run_that_ended_says_so(scene: Any) -> None:
    scene.write(it="return 1")
    run = scene.drive(scene.start("it"))
    for command in (
        scene.operator.cancel,
        scene.operator.stop,
        lambda row: scene.operator.send(row, "x"),
        scene.operator.resume,
        scene.operator.reset,
    ):
        with pytest.raises(Refused, match=f"run {run.id} (has ended|is completed)"):
            command(run)


def test_an_unfit_answer_leaves_the_request_as_it_was(scene: Any) -> None:
    scene.write(it='return Human.input{message = "m"}')
    run = scene.drive(scene.start("it"), RunStatus.WAITING_FOR_HUMAN)
    request = scene.operator.inbox()[0]
    for given in (Given(), Given(approved=True), Given(text="two\nlines")):
        with pytest.raises(Refused, match=request.id):
            scene.operator.answer(request.id, given)
    assert scene.operator.inbox() == [request]
    assert scene.operator.answers(request.id) == []
    scene.finish(run, Given(text="one line"))


@pytest.mark.parametrize(
    ("claimed", "kept"),
    [
        ("x" * 10_000, "x" * 100),
        ("amara\nbut\x1b[31m not\x00 only\u202e", "amara but [31m not only"),
        ("  ", "tester"),
        ("", "tester"),
    ],
    ids=["long", "hidden", "blank", "none"],
)
def test_a_name_is_kept_as_one_line_of_reasonable_length(scene: Any, claimed: str, kept: str) -> None:
    scene.operator.user = "tester"
    scene.write(**{"it.yaml": complete('return Human.approve{message = "Go on?"}', "it")})
    scene.drive(scene.operator.start("it"), RunStatus.WAITING_FOR_HUMAN)
    request = scene.operator.inbox()[0]
    scene.operator.answer(request.id, Given(approved=True), by=claimed)
    (answer,) = scene.operator.answers(request.id)
    assert answer.by == kept


def test_who_starts_a_run_is_named_as_who_answers_is(scene: Any) -> None:
    scene.operator.user = "amara\n" + "x" * 10_000
    scene.write(**{"it.yaml": complete("return 1", "it")})
    assert scene.operator.start("it").starter == "amara " + "x" * 94


def test_what_waits_is_counted_whole_however_few_are_listed(scene: Any) -> None:
    scene.write(**{"it.yaml": complete('return Human.approve{message = "Go on?"}', "it")})
    for _ in range(3):
        scene.drive(scene.operator.start("it"), RunStatus.WAITING_FOR_HUMAN)
    found = scene.operator.since(0.0, limit=2)
    assert (len(found.waiting), found.pending) == (2, 3)
