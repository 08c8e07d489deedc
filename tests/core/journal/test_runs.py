"""The table of runs: leases, waking, looking up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from proc_tui.core.errors import LeaseLost, NotFound, StoreDamaged
from proc_tui.core.journal import journal, runs
from proc_tui.core.journal.database import Database
from proc_tui.core.journal.journal import WHOLE
from proc_tui.core.journal.runs import SOON, Run
from proc_tui.core.model.states import RunStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database.open(tmp_path / "runs.db", durability="fast")
    yield opened
    opened.close()


@pytest.fixture
def add(database: Database) -> Callable[..., Run]:
    def insert(name: str, **fields: Any) -> Run:
        run = Run(
            id=name, root=name, parent=None, depth=0, procedure="p", version="1", file="p.yaml", path="", source="s",
            status=RunStatus.PENDING, epoch=0, owner=None, lease_until=None, wake_at=SOON, mail=0, last_seq=0,
            attempt=1, history=WHOLE, stage=None, waiting=None, error=None, summary=None, starter="ann", params="{}",
            forked_from=None, created_at=1.0, updated_at=1.0, ended_at=None,
        )  # fmt: skip
        run = msgspec.structs.replace(run, **fields)
        database.write(lambda connection: runs.insert(connection, run))
        return run

    return insert


@pytest.fixture
def claim(database: Database) -> Callable[..., list[str]]:
    def take(owner: str = "me", now: float = 100.0, lease: float = 10.0, limit: int = 100, **options: Any) -> list[str]:
        claimed = database.write(
            lambda connection: runs.claim(connection, owner=owner, now=now, lease=lease, limit=limit, **options)
        )
        return [run.id for run in claimed]

    return take


def get(database: Database, name: str) -> Run:
    with database.read() as connection:
        return runs.get(connection, name)


def test_a_row_comes_back_as_it_was_inserted(database: Database, add: Any) -> None:
    run = add("a", history=[(1, 4), (9, None)], stage="s", waiting="{}", owner="o", lease_until=5.0)
    assert get(database, "a") == run


def test_a_claim_takes_what_is_due_and_free(database: Database, add: Any, claim: Any) -> None:
    add("due")
    add("timer", wake_at=99.0, status=RunStatus.SLEEPING, waiting="{}")
    add("later", wake_at=101.0, status=RunStatus.SLEEPING)
    add("waiting", wake_at=None, status=RunStatus.WAITING_FOR_HUMAN)
    add("ended", wake_at=None, status=RunStatus.COMPLETED)
    add("held", owner="other", lease_until=105.0, status=RunStatus.RUNNING)
    add("run out", owner="other", lease_until=99.0, status=RunStatus.RUNNING)
    add("clock set back", owner="other", lease_until=3700.0, status=RunStatus.RUNNING)
    add("set back and due later", owner="other", lease_until=3700.0, wake_at=3600.0, status=RunStatus.RUNNING)
    add("dead", owner="corpse", lease_until=105.0, status=RunStatus.RUNNING)
    assert set(claim(dead=["corpse"])) == {
        "due",
        "timer",
        "run out",
        "clock set back",
        "set back and due later",
        "dead",
    }
    row = get(database, "timer")
    assert (row.owner, row.epoch, row.lease_until, row.status, row.waiting) == ("me", 1, 110.0, RunStatus.RUNNING, None)
    assert claim() == []


def test_a_claim_leaves_alone_what_its_owner_is_driving(add: Any, claim: Any) -> None:
    add("mine", owner="me", lease_until=50.0, status=RunStatus.RUNNING)
    add("let go of", owner="me", lease_until=50.0, status=RunStatus.RUNNING)
    assert claim(active=["mine"]) == ["let go of"]


def test_who_was_driven_longest_ago_comes_first(add: Any, claim: Any) -> None:
    for name, touched, due in (("young", 3.0, SOON), ("old", 1.0, 99.0), ("middle", 2.0, SOON)):
        add(name, updated_at=touched, wake_at=due)
    assert claim(limit=1) == ["old"]
    assert claim(limit=5) == ["middle", "young"]


def test_a_claim_of_some_trees_takes_no_others(add: Any, claim: Any) -> None:
    add("a")
    add("b", root="a")
    add("c")
    assert set(claim(roots=["a"])) == {"a", "b"}


def test_a_row_that_cannot_be_read_blocks_itself_and_no_other(database: Database, add: Any, claim: Any) -> None:
    add("bad")
    add("good")
    database.write(lambda connection: connection.execute("UPDATE runs SET history='{' WHERE id='bad'"))
    assert claim() == ["good"]
    with database.read() as connection:
        status, error = connection.execute("SELECT status, error FROM runs WHERE id='bad'").fetchone()
    assert status == "BLOCKED"
    assert "row of run bad" in error
    with pytest.raises(StoreDamaged):
        get(database, "bad")


def test_a_lease_is_checked_by_its_epoch(database: Database, add: Any) -> None:
    add("a", epoch=3, mail=2)
    with database.read() as connection:
        assert runs.check_lease(connection, "a", 3) == 2
        with pytest.raises(LeaseLost):
            runs.check_lease(connection, "a", 2)
        with pytest.raises(LeaseLost):
            runs.check_lease(connection, "nobody", 1)


def test_abandoning_gives_back_ones_own_leases_only(database: Database, add: Any) -> None:
    add("mine", owner="me", lease_until=110.0, status=RunStatus.RUNNING)
    add("yours", owner="you", lease_until=110.0, status=RunStatus.RUNNING)
    database.write(lambda connection: runs.abandon(connection, "me"))
    assert (get(database, "mine").status, get(database, "mine").owner) == (RunStatus.PENDING, None)
    assert get(database, "yours").owner == "you"


def test_waking_never_wakes_what_has_ended(database: Database, add: Any) -> None:
    for status in RunStatus:
        add(status.value, status=status, wake_at=None)
    database.write(lambda connection: [runs.wake(connection, status.value) for status in RunStatus])
    woken = {status for status in RunStatus if get(database, status.value).wake_at is not None}
    assert woken == {status for status in RunStatus if not status.ended}


@pytest.mark.parametrize(("until", "woken"), [("any", [1, 1, 1]), ("all", [0, 0, 1])])
def test_whoever_waits_for_all_children_is_woken_by_the_last(
    database: Database, add: Any, until: str, woken: list[int]
) -> None:
    add("p", status=RunStatus.WAITING_FOR_CHILD, wake_at=None, waiting=f'{{"type":"children","until":"{until}"}}')
    for name in "abc":
        add(name)
    database.write(lambda connection: runs.wait_for(connection, "p", "abc"))
    seen: list[int] = []
    for name in "abc":
        database.write(
            lambda connection, name=name: runs.end(connection, name, status=RunStatus.COMPLETED, now=5.0, error=None)
        )
        seen.append(int(get(database, "p").wake_at is not None))
    assert seen == woken


def test_a_run_is_found_by_any_prefix_that_only_it_has(database: Database, add: Any) -> None:
    for name in ("abcd", "abce", "abcdef", "x"):
        add(name)
    with database.read() as connection:
        assert runs.resolve(connection, "x").id == "x"
        assert runs.resolve(connection, "abcd").id == "abcd"
        assert runs.resolve(connection, "abcde").id == "abcdef"
        with pytest.raises(NotFound, match='"abc" is the beginning of several runs: abcd, abcdef, abce'):
            runs.resolve(connection, "abc")
        for missing in ("", "y", "%", "abcdefg"):
            with pytest.raises(NotFound, match="there is no run"):
                runs.resolve(connection, missing)


def test_the_newest_place_is_that_of_the_events(database: Database, add: Any) -> None:
    from proc_tui.core.journal.events import Logged, Record

    add("a")
    database.write(lambda connection: journal.append(connection, "a", [Record(1, 1.0, 0, Logged("info", "x"))]))
    assert get(database, "a").last_seq == 1
