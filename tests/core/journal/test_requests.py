"""The tables of requests, answers and mail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from proc_tui.core.errors import NotFound, StoreDamaged
from proc_tui.core.journal import requests
from proc_tui.core.journal.database import Database
from proc_tui.core.journal.events import Requested
from proc_tui.core.journal.requests import Answer
from proc_tui.core.model.states import RequestStatus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database.open(tmp_path / "runs.db", durability="fast")
    yield opened
    opened.close()


def post(database: Database, name: str, run: str = "r", seq: int = 1, **fields: Any) -> Requested:
    event = Requested(request=name, type="approval", message="m", **fields)
    database.write(lambda connection: requests.post(connection, run, seq, event, 10.0 + seq))
    return event


def test_a_request_comes_back_as_it_was_posted(database: Database) -> None:
    event = post(database, "r.1", data={"approvals": 3, "context": {"$t": [[1.5, 1]]}}, deadline=50.0, digest="d")
    with database.read() as connection:
        row = requests.get(connection, "r.1")
    assert row.event == event
    assert (row.needed, row.deadline, row.status) == (3, 50.0, RequestStatus.PENDING)


def test_a_request_is_resolved_once(database: Database) -> None:
    post(database, "r.1")
    results = [
        database.write(
            lambda connection, status=status: requests.resolve(connection, "r.1", status, at=20.0, by=status.value)
        )
        for status in (RequestStatus.ANSWERED, RequestStatus.TIMED_OUT, RequestStatus.CANCELLED)
    ]
    assert results == [True, False, False]
    with database.read() as connection:
        assert requests.get(connection, "r.1").resolved_by == "answered"


def test_the_most_urgent_request_is_listed_first(database: Database) -> None:
    for seq, (name, deadline) in enumerate([("a.1", None), ("b.1", 90.0), ("c.1", 50.0), ("d.1", None)], 1):
        post(database, name, run=name[0], seq=seq, deadline=deadline)
    with database.read() as connection:
        assert [row.id for row in requests.listing(connection)] == ["c.1", "b.1", "a.1", "d.1"]
        assert [row.id for row in requests.listing(connection, prefix="a")] == ["a.1"]
        assert requests.listing(connection, run="nobody") == []
        with pytest.raises(NotFound, match='no request "z"'):
            requests.get(connection, "z")


def test_withdrawing_takes_what_was_posted_since(database: Database) -> None:
    for seq in (2, 5, 8):
        post(database, f"r.{seq}", seq=seq)
    assert database.write(lambda connection: requests.withdraw(connection, "r", at=20.0, by="ann", since=5)) == [
        "r.5",
        "r.8",
    ]
    with database.read() as connection:
        assert [row.id for row in requests.listing(connection)] == ["r.2"]


def test_answers_keep_their_order_and_their_trail(database: Database) -> None:
    given = [Answer("ann", 1.0, {"approved": True}, {"via": "cli"}), Answer("bob", 2.0, {"text": {"$b": "/w=="}})]
    for answer in given:
        database.write(lambda connection, answer=answer: requests.add_answer(connection, "r.1", answer))
    with database.read() as connection:
        assert requests.answers(connection, "r.1") == [
            msgspec.structs.replace(answer, id=place) for place, answer in enumerate(given, 1)
        ]
    database.write(lambda connection: connection.execute("UPDATE answers SET data='[]' WHERE by='bob'"))
    with database.read() as connection, pytest.raises(StoreDamaged, match=r"answer to request r\.1"):
        requests.answers(connection, "r.1")


def test_what_is_delivered_is_gone_and_what_came_meanwhile_stays(database: Database) -> None:
    database.write(
        lambda connection: connection.execute(
            "INSERT INTO runs(id, root, procedure, source, status, created_at, updated_at) "
            "VALUES ('r','r','p','s','PENDING',1,1)"
        )
    )

    def send(text: str) -> bool:
        return database.write(lambda connection: requests.send(connection, "r", "message", text, by="ann", at=1.0))

    assert send("one")
    assert send("two")
    with database.read() as connection:
        letters = requests.mail(connection, "r")
    assert send("three")
    database.write(lambda connection: requests.deliver(connection, "r", letters))
    with database.read() as connection:
        assert [letter.data for letter in requests.mail(connection, "r")] == ["three"]
        assert connection.execute("SELECT mail FROM runs").fetchone() == (1,)
    for _ in range(99):
        assert send("more")
    assert send("too many") is False


def test_alerts_are_listed_from_a_moment_or_a_place_on(database: Database) -> None:
    for at in (1.0, 2.0, 3.0):
        database.write(lambda connection, at=at: requests.alert(connection, "error", f"at {at}", None, "ann", at))
    with database.read() as connection:
        found = requests.alerts(connection, since=2.0)
        assert [alert.message for alert in found] == ["at 2.0", "at 3.0"]
        assert [alert.message for alert in requests.alerts(connection, after=found[0].id)] == ["at 3.0"]
